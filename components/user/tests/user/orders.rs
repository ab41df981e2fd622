//! What holds of any order of signing in, refreshing and signing out: a small model says what each answer must be.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::shop::{Session, Shop};

/// One thing that somebody does. An index is of a token or a session among those that there have been.
#[derive(Clone, Debug)]
enum Step {
    SignIn,
    Refresh(Index),
    /// Of the newest token, which is mostly good.
    RefreshNewest,
    SignOut(Index),
    End {
        of: Index,
        by: Index,
    },
    SignOutEverywhere,
}

/// A token that was given out.
struct Token {
    text: String,
    /// The session, by its number.
    session: usize,
    is_used: bool,
}

/// What must be so.
#[derive(Default)]
struct Model {
    sessions: Vec<(Session, bool)>,
    tokens: Vec<Token>,
}

const SESSIONS_MAX: usize = 20;

impl Model {
    fn begin(&mut self, session: Session) {
        self.tokens.push(Token { text: session.refresh_token.clone(), session: self.sessions.len(), is_used: false });
        self.sessions.push((session, true));
        let live = self.sessions.iter().filter(|(_, is_live)| *is_live).count();
        if live > SESSIONS_MAX {
            let oldest = self.sessions.iter_mut().find(|(_, is_live)| *is_live).expect("some live");
            oldest.1 = false;
        }
    }

    fn is_live(&self, token: usize) -> bool {
        self.sessions[self.tokens[token].session].1
    }
}

async fn refresh(shop: &Shop, model: &mut Model, token: usize) -> Result<(), TestCaseError> {
    let is_good = model.is_live(token) && !model.tokens[token].is_used;
    let answer = shop.refresh(&model.tokens[token].text).await;
    prop_assert_eq!(answer.status, if is_good { 200 } else { 401 });
    let session = model.tokens[token].session;
    if is_good {
        let next = shop.session(&answer);
        prop_assert_eq!(&next.id, &model.sessions[session].0.id);
        model.tokens[token].is_used = true;
        model.tokens.push(Token { text: next.refresh_token, session, is_used: false });
    } else if model.tokens[token].is_used {
        model.sessions[session].1 = false;
    }
    Ok(())
}

async fn take(shop: &Shop, model: &mut Model, email: &str, step: &Step) -> Result<(), TestCaseError> {
    let count = model.sessions.len();
    match step {
        Step::SignIn => {
            let session = shop.sign_in(email).await;
            model.begin(session);
        }
        Step::Refresh(which) => refresh(shop, model, which.index(model.tokens.len())).await?,
        Step::RefreshNewest => refresh(shop, model, model.tokens.len() - 1).await?,
        Step::SignOut(which) => {
            let (session, is_live) = &mut model.sessions[which.index(count)];
            prop_assert_eq!(shop.call(&session.who, "POST", "/api/v1/logout").await.status, 204);
            *is_live = false;
        }
        Step::End { of, by } => {
            let path = format!("/api/v1/me/sessions/{}", model.sessions[of.index(count)].0.id);
            let (who, is_live) = &model.sessions[by.index(count)];
            let may = *is_live || of.index(count) == by.index(count);
            let status = shop.call(&who.who, "DELETE", &path).await.status;
            prop_assert_eq!(status, if may { 204 } else { 401 });
            if may {
                model.sessions[of.index(count)].1 = false;
            }
        }
        Step::SignOutEverywhere => {
            let who = &model.sessions[count - 1].0.who;
            prop_assert_eq!(shop.call(who, "POST", "/api/v1/logout/everywhere").await.status, 204);
            model.sessions.iter_mut().for_each(|(_, is_live)| *is_live = false);
        }
    }
    Ok(())
}

/// At the end each token is tried: one of a dead session gives nothing, and what was signed for it was revoked.
async fn check(shop: &Shop, email: &str, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    model.begin(shop.member(email).await);
    shop.identity.revoked();
    for step in steps {
        take(shop, &mut model, email, step).await?;
    }
    let revoked = shop.identity.revoked();
    for (session, is_live) in &model.sessions {
        prop_assert_eq!(revoked.contains(&session.id), !is_live);
    }
    for token in 0..model.tokens.len() {
        if !model.is_live(token) {
            prop_assert_eq!(shop.refresh(&model.tokens[token].text).await.status, 401);
        }
    }
    Ok(())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::SignIn),
        6 => Just(Step::RefreshNewest),
        3 => any::<Index>().prop_map(Step::Refresh),
        1 => any::<Index>().prop_map(Step::SignOut),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(of, by)| Step::End { of, by }),
        1 => Just(Step::SignOutEverywhere),
    ]
}

/// `SOUK_LONG=1` asks for thirty times as many. A case that fails is made small and shown.
#[test]
fn no_order_of_steps_makes_a_token_of_a_dead_session_work() {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("threads can be started");
    let shop = runtime.block_on(Shop::open());
    let cases = if std::env::var_os("SOUK_LONG").is_some() { 30 * 48 } else { 48 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&proptest::collection::vec(step(), 1..60), |steps| {
        let email = format!("user{}@shop.example", NUMBER.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(check(&shop, &email, &steps))
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

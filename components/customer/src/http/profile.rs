//! A profile over HTTP: one's own, and for admins everybody's.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use souk_kit::caller::private;
use souk_kit::context::Context;
use souk_kit::email::Email;
use souk_kit::etag::{EntityTag, IfMatch, IfNoneMatch, PutCondition};
use souk_kit::json::{self, Body, Field, Fields, Input, MergePatch};
use souk_kit::problem::Problem;

use super::subject::Subject;
use crate::domain::language::Language;
use crate::domain::phone::Phone;
use crate::domain::{Details, Key, Name, Profile, Refusal};
use crate::store;

pub(super) async fn read(
    State(context): State<Context>,
    subject: Subject,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let profile = subject.known(&context).await?;
    Ok(private(seen.answer(tag(&profile), || json::response(StatusCode::OK, &profile))))
}

pub(super) async fn put(
    State(context): State<Context>,
    subject: Subject,
    condition: PutCondition,
    Body(Named(wanted)): Body<Named>,
) -> Result<Response, Problem> {
    match condition {
        PutCondition::Create => create(&context, &subject, &wanted).await,
        PutCondition::Replace(seen) => {
            let present = present(&context, &subject, &seen).await?;
            replace(&context, &subject, &present, &wanted).await
        }
    }
}

/// Creates a profile, too: out of a patch of nothing.
pub(super) async fn patch(
    State(context): State<Context>,
    subject: Subject,
    condition: PutCondition,
    patch: MergePatch,
) -> Result<Response, Problem> {
    let seen = match condition {
        PutCondition::Create => return create(&context, &subject, &patch.apply(&Details::default())?).await,
        PutCondition::Replace(seen) => seen,
    };
    let present = present(&context, &subject, &seen).await?;
    let wanted = match present.details.name {
        Some(_) => patch.apply::<Named>(&present.details)?.0,
        None => patch.apply::<Details>(&present.details)?,
    };
    replace(&context, &subject, &present, &wanted).await
}

pub(super) async fn delete(
    State(context): State<Context>,
    subject: Subject,
    seen: IfMatch,
) -> Result<Response, Problem> {
    let present = present(&context, &subject, &seen).await?;
    store::profile::delete(&context, &present, subject.actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Only one's own can be created; what has an id exists, or never will.
async fn create(context: &Context, subject: &Subject, details: &Details) -> Result<Response, Problem> {
    let Key::Account(account) = &subject.key else {
        subject.known(context).await?;
        return Err(Refusal::Stale.into());
    };
    let profile = store::profile::create(context, account, details, subject.actor).await?;
    let mut response = response(StatusCode::CREATED, &profile);
    let location = HeaderValue::try_from(subject.path()).expect("paths are ASCII");
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

async fn replace(
    context: &Context,
    subject: &Subject,
    present: &Profile,
    wanted: &Details,
) -> Result<Response, Problem> {
    let profile = store::profile::replace(context, present, wanted, subject.actor).await?;
    Ok(response(StatusCode::OK, &profile))
}

/// The profile that is to be changed, if it is the one that the client has seen.
async fn present(context: &Context, subject: &Subject, seen: &IfMatch) -> Result<Profile, Refusal> {
    let present = subject.active(context).await?;
    if seen.holds(|text| text == tag(&present).opaque()) { Ok(present) } else { Err(Refusal::Stale) }
}

fn response(status: StatusCode, profile: &Profile) -> Response {
    private(tag(profile).on(json::response(status, profile)))
}

/// Names the customer, because two have the same versions, and so do two of one account, before and after a deletion.
fn tag(profile: &Profile) -> EntityTag {
    EntityTag::new(format_args!("{}.{}", profile.id.as_str(), profile.version))
}

/// Details with a name: what a whole profile has, and what stays of one that was given.
pub(super) struct Named(Details);

impl Input for Named {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", |field| field.text(Name::parse));
        let details = details(fields);
        Some(Self(Details { name: Some(name?), ..details }))
    }
}

impl Input for Details {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.optional("name", |field| field.text(Name::parse));
        Some(Self { name, ..details(fields) })
    }
}

/// All but the name. What is wrong is reported to the fields.
fn details(fields: &mut Fields) -> Details {
    fields.refused("addresses", "are changed one by one, below the profile");
    for name in ["id", "status", "marketing_consent_at", "version", "created_at", "updated_at"] {
        fields.refused(name, "is set by the service");
    }
    Details {
        name: None,
        email: fields.optional("email", |field| field.text(Email::parse)),
        phone: fields.optional("phone", |field| field.text(|text| Phone::parse(&text))),
        language: fields.optional("language", |field| field.text(|text| Language::parse(&text))),
        marketing_consent: fields.optional("marketing_consent", Field::boolean).unwrap_or(false),
    }
}

//! Each state with each operation.

use super::super::Amount;
use super::{Conflict, DeclineReason, State, Status};

fn amount(units: i64) -> Amount {
    Amount::parse(units).expect("it is above zero")
}

/// One of each, of a payment of 100.
fn states() -> Vec<State> {
    let (captured, refunded) = (amount(60), amount(20));
    vec![
        State::Authorizing,
        State::Authorized,
        State::PartiallyCaptured { captured },
        State::Captured { captured: amount(100) },
        State::Voided,
        State::Declined { reason: DeclineReason::Expired },
        State::PartiallyRefunded { captured, refunded },
        State::Refunded { captured },
        State::Failed,
    ]
}

/// Where an operation leads from each of the states, in their order: the name of the next state or of the conflict.
fn check(operation: impl Fn(State) -> Result<State, Conflict>, expected: [&str; 9]) {
    let outcomes = states().into_iter().map(|state| match operation(state) {
        Ok(next) => next.status().as_str(),
        Err(conflict) => conflict.as_str(),
    });
    assert_eq!(outcomes.collect::<Vec<_>>(), expected);
}

#[test]
fn only_what_is_authorizing_can_be_authorized_declined_or_failed() {
    let others = ["already-captured"; 8];
    for (next, name) in [
        (State::authorize as fn(State) -> Result<State, Conflict>, "authorized"),
        (|state| state.decline(DeclineReason::Declined), "declined"),
        (State::fail, "failed"),
    ] {
        let mut expected = [name; 9];
        expected[1..].copy_from_slice(&others);
        (expected[4], expected[5], expected[8]) = ("already-voided", "not-authorized", "not-authorized");
        check(next, expected);
    }
}

#[test]
fn a_capture_takes_what_is_held() {
    check(
        |state| state.capture(amount(100), None).map(|step| step.next),
        [
            "not-authorized",
            "captured",
            "captured",
            "already-captured",
            "already-voided",
            "not-authorized",
            "already-refunded",
            "already-refunded",
            "not-authorized",
        ],
    );
    let part = State::PartiallyCaptured { captured: amount(60) };
    let capture = |state: State, units| {
        state.capture(amount(100), Some(amount(units))).map(|step| (step.next.captured(), step.next.status()))
    };
    assert_eq!(capture(State::Authorized, 99), Ok((99, Status::PartiallyCaptured)));
    assert_eq!(capture(State::Authorized, 100), Ok((100, Status::Captured)));
    assert_eq!(capture(State::Authorized, 101), Err(Conflict::InsufficientAuthorization));
    assert_eq!(capture(part, 39), Ok((99, Status::PartiallyCaptured)));
    assert_eq!(capture(part, 40), Ok((100, Status::Captured)));
    assert_eq!(capture(part, 41), Err(Conflict::InsufficientAuthorization));
    assert_eq!(part.capture(amount(100), None).map(|step| step.amount), Ok(amount(40)));
}

#[test]
fn a_void_lets_go_what_nothing_was_taken_of() {
    check(
        |state| state.void(amount(100)).map(|step| step.next),
        [
            "not-authorized",
            "voided",
            "already-captured",
            "already-captured",
            "already-voided",
            "not-authorized",
            "already-captured",
            "already-captured",
            "not-authorized",
        ],
    );
}

#[test]
fn a_refund_gives_back_what_was_taken() {
    check(
        |state| state.refund(None).map(|step| step.next),
        [
            "nothing-captured",
            "nothing-captured",
            "refunded",
            "refunded",
            "nothing-captured",
            "nothing-captured",
            "refunded",
            "already-refunded",
            "nothing-captured",
        ],
    );
    let part = State::PartiallyRefunded { captured: amount(60), refunded: amount(20) };
    let refund =
        |state: State, units| state.refund(Some(amount(units))).map(|step| (step.next.refunded(), step.next.status()));
    assert_eq!(refund(State::PartiallyCaptured { captured: amount(60) }, 59), Ok((59, Status::PartiallyRefunded)));
    assert_eq!(refund(State::Captured { captured: amount(100) }, 101), Err(Conflict::ExceedsCaptured));
    assert_eq!(refund(part, 39), Ok((59, Status::PartiallyRefunded)));
    assert_eq!(refund(part, 40), Ok((60, Status::Refunded)));
    assert_eq!(refund(part, 41), Err(Conflict::ExceedsCaptured));
    assert_eq!(part.refund(None).map(|step| step.amount), Ok(amount(40)));
}

#[test]
fn a_state_is_read_back_and_one_whose_amounts_do_not_fit_is_not() {
    for state in states() {
        let (captured, refunded) = (state.captured(), state.refunded());
        assert_eq!(State::stored(state.status(), captured, refunded, state.decline_reason()), Ok(state));
    }
    assert!(State::stored(Status::Authorized, 1, 0, None).is_err());
    assert!(State::stored(Status::Refunded, 60, 20, None).is_err());
    assert!(State::stored(Status::Declined, 0, 0, None).is_err());
}

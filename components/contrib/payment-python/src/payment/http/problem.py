"""Refusals as RFC 9457 `application/problem+json`: the one place where errors become HTTP.

What a client reads is written for it; what went wrong inside goes to the log and no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from payment.context import log_error, sorted_json
from payment.database import DatabaseError, Failure, Fault, Stale
from payment.domain import InProgress, KeyReused, OutcomeUnknown, ProviderUnavailable, Refusal, UnknownPayment
from payment.domain.operation import Answer, End
from payment.domain.payment import Conflict, Payment
from payment.http.message import Response

# How long a client is asked to wait for the database or the provider: longer than most answers take, short for a person.
RETRY_AFTER = ("retry-after", "2")

# How many faults of one body or query are reported: more than anybody reads, and a bound on the answer.
FAULTS_MAX = 50

# Those that are answered here, as RFC 9110 names them; Python's own table changes with its version.
_REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class InputFault:
    """One thing that is wrong with the input, and where: a JSON `pointer` (RFC 6901) into the body, or the `parameter` of a query."""

    where: str
    name: str
    detail: str

    def json(self) -> dict[str, str]:
        """As a client reads it."""
        return {self.where: self.name, "detail": self.detail}


class Problem(Exception):
    """A refusal that a client reads. Without a name it is one that the status explains."""

    def __init__(
        self, status: int, name: str | None = None, title: str | None = None, detail: str | None = None
    ) -> None:
        super().__init__(title or name or status)
        self.status = status
        self.headers: list[tuple[str, str]] = []
        self.members: dict[str, Any] = {"status": status, "title": title or _REASONS[status]}
        if name:
            self.members["type"] = f"urn:souk:problem:{name}"
        if detail:
            self.members["detail"] = detail

    def field(self, name: str, value: str) -> Problem:
        """Adds a header field."""
        self.headers.append((name, value))
        return self

    def response(self) -> Response:
        """As it is answered."""
        headers = [("content-type", "application/problem+json"), *self.headers]
        return Response(self.status, headers, sorted_json(self.members).encode())


def invalid_body(faults: list[InputFault]) -> Problem:
    """The body was understood and its content is not acceptable: all faults at once."""
    return _faulty(Problem(422, "invalid-body", "The body is not acceptable"), faults)


def invalid_query(faults: list[InputFault]) -> Problem:
    """The query string is not acceptable: all faults at once."""
    return _faulty(Problem(400, "invalid-query", "The query is not acceptable"), faults)


def _faulty(problem: Problem, faults: list[InputFault]) -> Problem:
    problem.members["errors"] = [fault.json() for fault in faults[:FAULTS_MAX]]
    return problem


def malformed_body(detail: str) -> Problem:
    """The body is not what its content type says."""
    return Problem(400, "malformed-body", "The body is not well-formed", detail)


def internal(text: str) -> Problem:
    """Something went wrong inside, which the log tells."""
    log_error(text)
    return Problem(500)


def of_failure(failure: Failure) -> Problem:
    """What a client may know of a failure."""
    if isinstance(failure, Stale):
        detail = "nothing was changed; read again and repeat the request"
        return Problem(409, "busy", "Too many change the same thing at once", detail)
    if isinstance(failure, DatabaseError) and failure.fault is Fault.UNAVAILABLE:
        log_error(str(failure))
        return Problem(503).field(*RETRY_AFTER)
    return internal(str(failure))


_AGAIN = "repeat the request with the same key"


def of_refusal(refusal: Refusal) -> Problem:
    """Why there is no outcome."""
    match refusal:
        case UnknownPayment():
            return Problem(404, detail="there is no such payment")
        case KeyReused():
            return Problem(422, "idempotency-key-reused", "The key was used for another request")
        case InProgress():
            title = "An operation on this payment is under way"
            return Problem(409, "payment-in-progress", title, _AGAIN).field(*RETRY_AFTER)
        case OutcomeUnknown():
            title = "The provider did not answer, and whether it took effect is not known"
            return Problem(503, "payment-outcome-unknown", title, _AGAIN).field(*RETRY_AFTER)
        case ProviderUnavailable():
            title = "The provider can't be reached"
            return Problem(503, "provider-unavailable", title, _AGAIN).field(*RETRY_AFTER)
    raise AssertionError(f"{refusal!r} is no refusal")


_CONFLICTS = {
    Conflict.NOT_AUTHORIZED: "Nothing is held for this payment",
    Conflict.INSUFFICIENT_AUTHORIZATION: "That is more than what is held",
    Conflict.ALREADY_CAPTURED: "Something was taken",
    Conflict.ALREADY_VOIDED: "The payment was voided",
    Conflict.NOTHING_CAPTURED: "Nothing was taken",
    Conflict.EXCEEDS_CAPTURED: "That is more than what was taken",
    Conflict.ALREADY_REFUNDED: "It was given back",
}


def done(answer: Answer) -> Payment:
    """The payment after an operation that took effect. Raises a `Problem` if it did not."""
    outcome = answer.outcome
    if outcome.conflict:
        raise Problem(409, outcome.conflict, _CONFLICTS[outcome.conflict])
    if outcome.end is not End.DONE:
        detail = "nothing was changed; it may be asked again under a new key"
        raise Problem(502, "payment-failed", "The provider could not do it", detail)
    return answer.payment

"""A provider without money: what it does is told by the method, so that every fault can be tried.

It keeps its own truth in tables of its own, as a provider far away does: it knows each operation by its name, however often one arrives it has
one effect and one verdict, and asked about one that never arrived it closes it.

| method | `authorize` |
|---|---|
| `tok_visa` | done |
| `tok_declined`, `tok_insufficient_funds`, `tok_expired`, `tok_stolen` | declined: no reason, no money, expired, suspected fraud |
| `tok_error` | failed, without effect |
| `tok_unavailable` | never reached |
| `tok_timeout` | no answer; in truth it never arrived |
| `tok_timeout_after_effect` | no answer; in truth it is authorized |
| `tok_slow` | no answer; authorized, and told so `SLOW_S` seconds later |
| `tok_capture_…`, `tok_void_…`, `tok_refund_…` | done; the fault comes with that operation |
| anything else | declined as no method |

The faults of later operations are `fails`, `unavailable`, `timeout`, `timeout_after_effect` and `slow`, such as `tok_capture_timeout`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from payment.context import Context, log_error
from payment.database import (
    Committed,
    DatabaseError,
    Failure,
    Fault,
    Mismatch,
    Row,
    Stale,
    Statement,
    Step,
    attempt,
    first,
    read_all,
    sql,
)
from payment.domain import PaymentId
from payment.domain.operation import (
    Ask,
    Authorize,
    Capture,
    End,
    Kind,
    Operation,
    OperationId,
    Refund,
    Verdict,
    Void,
)
from payment.domain.payment import DeclineReason
from payment.moment import Moment

# The name of this provider, in payments, in the path of its webhooks and in the name of their secret.
NAME = "simulator"

# How long `tok_slow` takes: longer than anybody waits for an answer, shorter than `resolve` does.
SLOW_S = 20


class NoVerdict(Enum):
    """What came of asking, if no verdict did."""

    # The provider was not reached: certainly nothing happened.
    UNREACHED = 0
    # There was no answer: it may have happened, or happen yet.
    SILENT = 1


class Trouble(Enum):
    """What is to go wrong, besides being declined."""

    NONE = 0
    FAILS = 1
    UNAVAILABLE = 2
    TIMEOUT = 3
    TIMEOUT_AFTER_EFFECT = 4
    SLOW = 5


@dataclass(frozen=True, slots=True)
class Simulator:
    """In the service's own database, behind its own tables."""

    context: Context

    async def perform(self, operation: Operation, ask: Ask) -> Verdict | NoVerdict:
        """Does what is asked."""
        try:
            return await self._try_perform(operation, ask)
        except DatabaseError as error:
            log_error(f"simulator: {error}")
            # The commit was on its way, as a request to a provider far away may be.
            return NoVerdict.SILENT if error.fault is Fault.UNDECIDED else NoVerdict.UNREACHED
        except Failure as failure:
            log_error(f"simulator: {failure}")
            return NoVerdict.UNREACHED

    async def status(self, id: OperationId) -> Verdict | None:
        """What became of an operation; nothing, if that is not known yet. Closes one that never arrived."""
        try:
            return await self._try_status(id)
        except Failure as failure:
            log_error(f"simulator: {failure}")
            return None

    async def _try_perform(self, operation: Operation, ask: Ask) -> Verdict | NoVerdict:
        token = await self._token(operation.payment_id, ask)
        trouble = trouble_of(token, operation.kind)
        if isinstance(trouble, DeclineReason):
            return await self._decide(operation, ask, Verdict(End.DECLINED, trouble), token)
        match trouble:
            case Trouble.UNAVAILABLE:
                return NoVerdict.UNREACHED
            case Trouble.TIMEOUT:
                # Lost on its way there.
                return NoVerdict.SILENT
            case Trouble.TIMEOUT_AFTER_EFFECT:
                # Lost on its way back.
                await self._decide(operation, ask, Verdict(End.DONE), token)
                return NoVerdict.SILENT
            case Trouble.SLOW:
                return await self._decide(operation, ask, Verdict(End.DONE), token, SLOW_S)
            case Trouble.NONE:
                return await self._decide(operation, ask, Verdict(End.DONE), token)
            case Trouble.FAILS:
                return await self._decide(operation, ask, Verdict(End.FAILED), token)
        assert_never(trouble)

    async def _token(self, payment_id: PaymentId, ask: Ask) -> str:
        """What the payment is paid with. Of a payment that is not known here, nothing."""
        if isinstance(ask, Authorize):
            return ask.method.text
        statement = sql("SELECT token FROM simulator_authorizations WHERE payment_id = $1", payment_id)
        return await first(self.context.database, statement, Row.text) or ""

    async def _decide(
        self, operation: Operation, ask: Ask, verdict: Verdict, token: str, after_s: int = 0
    ) -> Verdict | NoVerdict:
        """Does it once, and answers each time with what came of it."""
        told_from = self.context.now().plus_seconds(after_s)
        steps = [_insert(operation.id, verdict, told_from).exactly(1)]
        if verdict.end is End.DONE:
            steps.append(_effect(operation, ask, token).exactly(1))
        done = await attempt(self.context.database, steps)
        if isinstance(done, Committed):
            return self._tell(verdict, told_from)
        if done.step > 0:
            # The sums do not allow it.
            failed = _insert(operation.id, Verdict(End.FAILED), told_from)
            await attempt(self.context.database, [failed.exactly(1)])
        return await self._repeat(operation.id)

    async def _repeat(self, id: OperationId) -> Verdict | NoVerdict:
        arrives = sql(
            "UPDATE simulator_operations SET arrivals = arrivals + 1 WHERE key = $1 RETURNING verdict, told_from", id
        )
        return self._tell(*await self._known([arrives.exactly(1)]))

    async def _try_status(self, id: OperationId) -> Verdict | None:
        close = sql(
            "INSERT INTO simulator_operations (key, verdict, told_from, arrivals) "
            "VALUES ($1, 'failed', $2, 0) ON CONFLICT (key) DO NOTHING",
            id,
            str(self.context.now()),
        )
        read = sql("SELECT verdict, told_from FROM simulator_operations WHERE key = $1", id)
        verdict, told_from = await self._known([close.anything(), read.exactly(1)])
        return None if self.context.now() < told_from else verdict

    async def _known(self, steps: list[Step]) -> tuple[Verdict, Moment]:
        """What the last step read."""
        done = await attempt(self.context.database, steps)
        if not isinstance(done, Committed):
            raise Stale
        found = read_all(done.rows[-1], lambda row: (row.parsed(Verdict.parse), row.parsed(Moment.parse)))
        if not found:
            raise Mismatch("a row")
        return found[-1]

    def _tell(self, verdict: Verdict, told_from: Moment) -> Verdict | NoVerdict:
        return NoVerdict.SILENT if self.context.now() < told_from else verdict


_OF_AUTHORIZATION: dict[str, Trouble | DeclineReason] = {
    "tok_visa": Trouble.NONE,
    "tok_declined": DeclineReason.DECLINED,
    "tok_insufficient_funds": DeclineReason.INSUFFICIENT_FUNDS,
    "tok_expired": DeclineReason.EXPIRED,
    "tok_stolen": DeclineReason.SUSPECTED_FRAUD,
    "tok_error": Trouble.FAILS,
    "tok_unavailable": Trouble.UNAVAILABLE,
    "tok_timeout": Trouble.TIMEOUT,
    "tok_timeout_after_effect": Trouble.TIMEOUT_AFTER_EFFECT,
    "tok_slow": Trouble.SLOW,
}

# `tok_<operation>_<word>`.
_LATER: dict[str, tuple[Kind, Trouble]] = {
    f"tok_{kind}_{trouble.name.lower()}": (kind, trouble)
    for kind in (Kind.CAPTURE, Kind.VOID, Kind.REFUND)
    for trouble in Trouble
    if trouble is not Trouble.NONE
}


def trouble_of(token: str, kind: Kind) -> Trouble | DeclineReason:
    """What the token says about operations of this kind."""
    own, later = _OF_AUTHORIZATION.get(token), _LATER.get(token)
    if own is not None and kind is Kind.AUTHORIZE:
        return own
    if own is None and later and later[0] is kind:
        return later[1]
    if own is not None or later:
        # That of another operation.
        return Trouble.NONE
    return DeclineReason.INVALID_METHOD if kind is Kind.AUTHORIZE else Trouble.FAILS


def _insert(id: OperationId, verdict: Verdict, told_from: Moment) -> Statement:
    return sql(
        "INSERT INTO simulator_operations (key, verdict, told_from, arrivals) VALUES ($1, $2, $3, 1) "
        "ON CONFLICT (key) DO NOTHING",
        id,
        str(verdict),
        str(told_from),
    )


def _effect(operation: Operation, ask: Ask, token: str) -> Statement:
    """What is done with the money. One row, or the sums do not allow it."""
    id, amount = operation.payment_id, operation.amount
    match ask:
        case Authorize(money=money):
            return sql(
                "INSERT INTO simulator_authorizations (payment_id, token, amount, captured, refunded, is_voided) "
                "VALUES ($1, $2, $3, 0, 0, 0) ON CONFLICT (payment_id) DO NOTHING",
                id,
                token,
                money.amount,
            )
        case Capture():
            return sql(
                "UPDATE simulator_authorizations SET captured = captured + $2 "
                "WHERE payment_id = $1 AND is_voided = 0 AND refunded = 0 AND captured + $2 <= amount",
                id,
                amount,
            )
        case Void():
            return sql(
                "UPDATE simulator_authorizations SET is_voided = 1 "
                "WHERE payment_id = $1 AND is_voided = 0 AND captured = 0",
                id,
            )
        case Refund():
            return sql(
                "UPDATE simulator_authorizations SET refunded = refunded + $2 "
                "WHERE payment_id = $1 AND refunded + $2 <= captured",
                id,
                amount,
            )
    assert_never(ask)

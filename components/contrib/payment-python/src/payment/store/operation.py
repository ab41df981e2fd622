"""Operations: begun under a key, taken up, put down, finished.

Each is one transaction, so that whatever stops between two of them leaves something that the next one goes on from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from payment.context import Context, log_error, sorted_json
from payment.database import (
    ATTEMPTS_MAX,
    Committed,
    Event,
    Mismatch,
    Row,
    Stale,
    Statement,
    Step,
    Unmet,
    every,
    first,
    sql,
)
from payment.database import attempt as carry_out
from payment.domain import (
    Amount,
    InProgress,
    KeyReused,
    PaymentId,
    ProviderUnavailable,
    UnknownPayment,
    amount,
)
from payment.domain.operation import (
    RESOLVE_AFTER_S,
    RESOLVED_MAX,
    Answer,
    Authorize,
    End,
    Kind,
    Operation,
    OperationId,
    Outcome,
    Progress,
    Snapshot,
    TakeUp,
    Verdict,
    Wanted,
    fingerprint,
    kind_of,
)
from payment.domain.payment import Conflict, DeclineReason, Move, NotAllowed, Payment, State, Status, money_json
from payment.moment import Moment
from payment.store import PAYMENT, payment, read_payment
from payment.store.ledger import book


@dataclass(frozen=True, slots=True)
class Claim:
    """An operation that somebody holds until they finish it, put it down, or are gone."""

    operation: Operation
    # Whether to ask the provider to do it, or what became of it.
    step: TakeUp


@dataclass(frozen=True, slots=True)
class Pending:
    """Another operation on the payment has no outcome yet."""

    id: OperationId


# What came of beginning an operation: it has an outcome; whoever began it asks the provider now and nobody else does; it has to wait.
Begun = Answer | Claim | Pending


async def begin(context: Context, provider: str, wanted: Wanted) -> Begun:
    """Begins an operation, or goes on with one that was begun under the same key.

    `provider` is the one for a new payment, and the only one whose payments are touched.
    """
    for _ in range(ATTEMPTS_MAX):
        known = await operation(context, wanted.id)
        if known:
            begun = await _go_on(context, provider, known, wanted)
        else:
            begun = await _start(context, provider, wanted)
        if begun:
            return begun
        # Somebody was faster: look again.
    raise Stale


async def _go_on(context: Context, provider: str, known: Operation, wanted: Wanted) -> Begun | None:
    """With an operation whose key is known. Nothing, if somebody was faster."""
    if known.fingerprint != fingerprint(wanted.ask):
        raise KeyReused
    told = await _answer(context, known)
    if told:
        return told
    _demand_own(provider, known.provider)
    if known.take_up(context.now()) is TakeUp.LEAVE:
        raise InProgress
    return await claim(context, known)


async def _start(context: Context, provider: str, wanted: Wanted) -> Begun | None:
    """With a new key. Nothing, if somebody was faster."""
    if isinstance(wanted.ask, Authorize):
        return await _authorize(context, provider, wanted, wanted.ask)
    found = await _with_pending(context, wanted.ask.payment_id)
    if not found:
        raise UnknownPayment
    of, pending = found
    _demand_own(provider, of.provider)
    if pending:
        return Pending(pending)
    try:
        move = wanted.ask.plan(of)
    except NotAllowed as refused:
        return await _refuse(context, wanted, of, refused.conflict)
    return await _record(context, wanted, of, move)


def _demand_own(provider: str, of_payment: str) -> None:
    """What another provider did this one has never heard of, and would say that it did not happen."""
    if provider != of_payment:
        log_error(f"a payment of provider {of_payment} can't be changed while the provider is {provider}")
        raise ProviderUnavailable


async def _authorize(context: Context, provider: str, wanted: Wanted, new: Authorize) -> Claim | None:
    """Writes the intent down, with a new payment."""
    now = context.now()
    id = PaymentId(context.id())
    insert = sql(
        "INSERT INTO payments (id, order_id, customer, provider, amount, currency, status, captured, "
        "refunded, decline_reason, pending, version, created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, 'authorizing', 0, 0, NULL, $7, 1, $8, $8)",
        id,
        new.order_id,
        new.customer,
        provider,
        new.money.amount,
        new.money.currency,
        wanted.id,
        str(now),
    )
    begun = _new_operation(wanted, id, provider, new.money.amount, None, now)
    attempt = await carry_out(context.database, [insert.exactly(1), _insert(begun).exactly(1)])
    return _claimed(attempt, begun)


async def _record(context: Context, wanted: Wanted, of: Payment, move: Move) -> Claim | None:
    """Writes the intent down, on a payment that no other operation is pending on."""
    begun = _new_operation(wanted, of.id, of.provider, move.amount, None, context.now())
    mark = sql(
        "UPDATE payments SET pending = $3 WHERE id = $1 AND version = $2 AND pending IS NULL",
        of.id,
        of.version,
        wanted.id,
    )
    attempt = await carry_out(context.database, [_insert(begun).exactly(1), mark.exactly(1)])
    return _claimed(attempt, begun)


async def _refuse(context: Context, wanted: Wanted, of: Payment, conflict: Conflict) -> Answer | None:
    """Writes down that the payment does not allow it, so that a repetition learns the same."""
    outcome = Outcome(End.REFUSED, conflict)
    ended = (outcome, Snapshot.of(of))
    refused = _new_operation(wanted, of.id, of.provider, None, ended, context.now())
    unchanged = sql("SELECT id FROM payments WHERE id = $1 AND version = $2 AND pending IS NULL", of.id, of.version)
    attempt = await carry_out(context.database, [_insert(refused).exactly(1), unchanged.exactly(1)])
    return Answer(outcome, of) if isinstance(attempt, Committed) else None


def _claimed(attempt: Committed | Unmet, begun: Operation) -> Claim | None:
    return Claim(begun, TakeUp.SEND) if isinstance(attempt, Committed) else None


async def claim(context: Context, known: Operation) -> Claim | None:
    """Takes an operation up that has no outcome and that nobody is at. Of several who try, one does."""
    now = context.now()
    step = known.take_up(now)
    if step is TakeUp.LEAVE:
        return None
    take = sql(
        "UPDATE operations SET state = 'under-way', attempt = attempt + 1, touched_at = $3 "
        "WHERE id = $1 AND attempt = $2 AND state = $4",
        known.id,
        known.attempt,
        str(now),
        known.progress,
    )
    if isinstance(await carry_out(context.database, [take.exactly(1)]), Unmet):
        return None
    return Claim(replace(known, progress=Progress.UNDER_WAY, attempt=known.attempt + 1, touched_at=now), step)


async def put_down(context: Context, held: Claim, progress: Progress) -> None:
    """Puts a claim down that came to nothing, as unsent or unknown, so that the next one need not wait until nobody can be at it.

    If somebody has finished it meanwhile, or taken it up, that stays.
    """
    put = sql(
        "UPDATE operations SET state = $3, touched_at = $4 WHERE id = $1 AND attempt = $2 AND state = 'under-way'",
        held.operation.id,
        held.operation.attempt,
        progress,
        str(context.now()),
    )
    await carry_out(context.database, [put.anything()])


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of finishing an operation that somebody has begun."""

    answer: Answer
    # Whether it had this outcome before, perhaps by another verdict.
    before: bool


class NotAlso(Exception):
    """A step besides was not met; nothing was written."""


async def finish(context: Context, id: OperationId, verdict: Verdict, also: Sequence[Step] = ()) -> Finished | None:
    """Finishes an operation with what the provider says: outcome, state, ledger and event together. Nothing, if nobody has begun it.

    One that has an outcome already keeps it, so whoever comes second learns what the first has written. `also` are steps of the same
    transaction; raises `NotAlso` if one is not met.
    """
    for _ in range(ATTEMPTS_MAX):
        known = await operation(context, id)
        if not known:
            return None
        told = await _answer(context, known)
        if told:
            return Finished(told, before=True)
        found = await _with_pending(context, known.payment_id)
        if not found:
            raise _no_payment()
        try:
            outcome, state = known.settle(found[0], verdict)
        except NotAllowed:
            # While an operation is pending no other changes the payment, so what was planned is still legal.
            raise Mismatch("a payment that allows what is pending on it") from None
        now = context.now()
        settled = replace(found[0], state=state, version=found[0].version + 1, updated_at=str(now))
        steps = [*_settlement(known, outcome, settled, now), *also, *book(known, outcome, settled, now)]
        attempt = await carry_out(context.database, steps, _occurred(context, known, outcome, settled))
        match attempt:
            case Committed():
                return Finished(Answer(outcome, settled), before=False)
            case Unmet(step) if step < _BEFORE_ALSO:
                # Somebody was faster: look again.
                continue
            case Unmet(step) if step < _BEFORE_ALSO + len(also):
                raise NotAlso
            case Unmet():
                # What is booked is made of pairs that come to zero.
                raise Mismatch("entries that sum to zero")
    raise Stale


# The steps of a settlement before those that come besides: the operation and the payment.
_BEFORE_ALSO = 2


def _settlement(known: Operation, outcome: Outcome, settled: Payment, now: Moment) -> list[Step]:
    end = sql(
        "UPDATE operations SET state = 'done', answer = $2, touched_at = $3 WHERE id = $1 AND state <> 'done'",
        known.id,
        _written(outcome, Snapshot.of(settled)),
        str(now),
    )
    advance = sql(
        "UPDATE payments SET status = $4, captured = $5, refunded = $6, decline_reason = $7, "
        "pending = NULL, version = version + 1, updated_at = $8 "
        "WHERE id = $1 AND version = $2 AND pending = $3",
        settled.id,
        settled.version - 1,
        known.id,
        settled.state.status,
        settled.state.captured,
        settled.state.refunded,
        settled.state.reason,
        str(now),
    )
    return [end.exactly(1), advance.exactly(1)]


_EVENTS = {
    (Kind.AUTHORIZE, End.DONE): "payment.authorized",
    (Kind.AUTHORIZE, End.DECLINED): "payment.declined",
    (Kind.AUTHORIZE, End.FAILED): "payment.failed",
    (Kind.CAPTURE, End.DONE): "payment.captured",
    (Kind.VOID, End.DONE): "payment.voided",
    (Kind.REFUND, End.DONE): "payment.refunded",
}


def _occurred(context: Context, known: Operation, outcome: Outcome, of: Payment) -> list[Event]:
    """What others learn of it. Of what changed nothing, nothing."""
    kind = _EVENTS.get((known.kind, outcome.end))
    if not kind:
        return []
    data: dict[str, Any] = {
        "id": of.id,
        "order_id": of.order_id,
        "customer": of.customer,
        "amount": money_json(of.money),
        "captured": of.state.captured,
        "refunded": of.state.refunded,
        "status": of.state.status,
    }
    if of.state.reason:
        data["reason"] = of.state.reason
    if known.kind in (Kind.CAPTURE, Kind.REFUND) and known.amount:
        data["moved"] = known.amount
    return [context.occurred(kind, of.id, data)]


async def operation(context: Context, id: OperationId) -> Operation | None:
    """Looks an operation up."""
    return await first(context.database, sql(f"SELECT {_OPERATION} FROM operations o WHERE o.id = $1", id), _read)


async def forgotten(context: Context, provider: str) -> list[Operation]:
    """The operations at a provider that have had no outcome for long, longest forgotten first."""
    since = Moment.of(context.now().milliseconds - RESOLVE_AFTER_S * 1000)
    statement = sql(
        f"SELECT {_OPERATION} FROM operations o WHERE o.state <> 'done' AND o.touched_at <= $1 "
        "AND (SELECT p.provider FROM payments p WHERE p.id = o.payment_id) = $2 "
        f"ORDER BY o.touched_at, o.id LIMIT {RESOLVED_MAX}",
        str(since),
        provider,
    )
    return await every(context.database, statement, _read)


async def _answer(context: Context, known: Operation) -> Answer | None:
    """The answer that an operation has, if it has one."""
    if not known.ended:
        return None
    of = await payment(context, known.payment_id)
    if not of:
        raise _no_payment()
    return Answer.again(*known.ended, of)


async def _with_pending(context: Context, id: PaymentId) -> tuple[Payment, OperationId | None] | None:
    def read(row: Row) -> tuple[Payment, OperationId | None]:
        of, pending = read_payment(row), row.optional_text()
        return of, None if pending is None else OperationId(pending)

    return await first(context.database, sql(f"SELECT {PAYMENT}, p.pending FROM payments p WHERE p.id = $1", id), read)


def _new_operation(
    wanted: Wanted,
    payment_id: PaymentId,
    provider: str,
    units: Amount | None,
    ended: tuple[Outcome, Snapshot] | None,
    now: Moment,
) -> Operation:
    return Operation(
        id=wanted.id,
        kind=kind_of(wanted.ask),
        payment_id=payment_id,
        provider=provider,
        fingerprint=fingerprint(wanted.ask),
        amount=units,
        progress=Progress.DONE if ended else Progress.UNDER_WAY,
        ended=ended,
        attempt=1,
        touched_at=now,
    )


def _insert(new: Operation) -> Statement:
    return sql(
        "INSERT INTO operations (id, kind, payment_id, fingerprint, amount, state, attempt, touched_at, answer, "
        "created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $7) ON CONFLICT (id) DO NOTHING",
        new.id,
        new.kind,
        new.payment_id,
        new.fingerprint,
        new.amount or 0,
        new.progress,
        str(new.touched_at),
        _written(*new.ended) if new.ended else None,
    )


# The columns of an `Operation` of operations `o`.
_OPERATION = (
    "o.id, o.kind, o.payment_id, (SELECT p.provider FROM payments p WHERE p.id = o.payment_id), "
    "o.fingerprint, o.amount, o.state, o.answer, o.attempt, o.touched_at"
)


def _read(row: Row) -> Operation:
    id, kind, payment_id, provider = row.text(), row.parsed(Kind), row.text(), row.text()
    print_, units, progress, kept = row.text(), row.integer(), row.parsed(Progress), row.optional_text()
    if (progress is Progress.DONE) != (kept is not None):
        raise Mismatch("a state, with an answer if it is done")
    return Operation(
        OperationId(id),
        kind,
        PaymentId(payment_id),
        provider,
        print_,
        amount(units) if units else None,
        progress,
        _read_answer(kept) if kept is not None else None,
        attempt=row.integer(),
        touched_at=row.parsed(Moment.parse),
    )


def _written(outcome: Outcome, then: Snapshot) -> str:
    """An answer as it is kept."""
    return sorted_json(
        {
            "outcome": str(outcome),
            "status": then.state.status,
            "captured": then.state.captured,
            "refunded": then.state.refunded,
            "reason": then.state.reason,
            "version": then.version,
            "updated_at": then.updated_at,
        }
    )


def _read_answer(text: str) -> tuple[Outcome, Snapshot]:
    try:
        kept = json.loads(text)
        reason = kept.get("reason")
        state = State.stored(
            Status(kept["status"]),
            kept["captured"],
            kept["refunded"],
            None if reason is None else DeclineReason(reason),
        )
        return Outcome.parse(kept["outcome"]), Snapshot(state, kept["version"], kept["updated_at"])
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise Mismatch(f"an answer as it is kept: {fault}") from None


def _no_payment() -> Mismatch:
    return Mismatch("the payment of an operation")

"""The service as a component: the exports are the classes below, the imports the outside world. Only this file sees bindings.

What is translated here has the same names on both sides. An exception that is none of the contract's errors ends the instance, as a panic
does elsewhere: the host answers for it, and takes another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import exchange, periodic, processor
from wit_world.imports import random, souk_events_types, souk_payment_types, store, system_clock
from wit_world.imports import sql as wit

from payment import domain
from payment import store as payment_store
from payment.context import Context, log_error
from payment.database import (
    Committed,
    DatabaseError,
    Event,
    Failure,
    Fault,
    Rows,
    Stale,
    Statement,
    Step,
    Unmet,
    Value,
)
from payment.domain import (
    InProgress,
    Invalid,
    KeyReused,
    Money,
    OutcomeUnknown,
    PaymentId,
    ProviderUnavailable,
    Refusal,
    UnknownPayment,
)
from payment.domain.operation import Answer, Ask, Authorize, Capture, End, Origin, Refund, Void, Wanted
from payment.domain.payment import Payment
from payment.http import message, routes
from payment.moment import Moment
from payment.payments import Payments

G = TypeVar("G")
T = TypeVar("T")

# The one job: finishes what has had no outcome for long.
RESOLVE = "resolve"


class HostDatabase:
    """The database that the host gives this component."""

    async def query(self, statement: Statement) -> Rows:
        """Reads with one statement."""
        return _rows(await _asked(wit.query(_statement(statement))))

    async def transact(self, steps: Sequence[Step], events: Sequence[Event]) -> Committed | Unmet:
        """Carries the steps out and publishes the events, all or nothing."""
        match await _asked(wit.transact([_step(step) for step in steps], [_event(event) for event in events])):
            case wit.Outcome_Committed(effects):
                return Committed([_rows(effect.rows) for effect in effects])
            case wit.Outcome_Unmet(step):
                return Unmet(step)
            case _:
                raise Stale


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except Err as error:
        raise DatabaseError(_FAULTS[type(error.value)], error.value.value) from None


_FAULTS: dict[type, Fault] = {
    wit.Error_Invalid: Fault.INVALID,
    wit.Error_Denied: Fault.DENIED,
    wit.Error_Constraint: Fault.CONSTRAINT,
    wit.Error_TooLarge: Fault.TOO_LARGE,
    wit.Error_TooSlow: Fault.TOO_SLOW,
    wit.Error_Unavailable: Fault.UNAVAILABLE,
    wit.Error_Undecided: Fault.UNDECIDED,
    wit.Error_Other: Fault.OTHER,
}


def _statement(statement: Statement) -> wit.Statement:
    return wit.Statement(statement.sql, [_given(value) for value in statement.parameters])


def _step(step: Step) -> wit.Step:
    expect = wit.Expectation_Anything() if step.rows is None else wit.Expectation_Exactly(step.rows)
    return wit.Step(_statement(step.statement), expect)


def _given(value: Value) -> wit.Value:
    match value:
        case None:
            return wit.Value_Null()
        case int():
            return wit.Value_Integer(value)
        case str():
            return wit.Value_Text(str(value))


def _rows(rows: wit.Rows) -> Rows:
    cells = [_cell(cell) for cell in rows.cells]
    # A statement that returns nothing by nature has no columns.
    width = rows.columns or 1
    return [tuple(cells[start : start + width]) for start in range(0, len(cells), width)]


def _cell(cell: wit.Value) -> Value:
    """A value of a type that no column here has is read as nothing, which no reader takes for it."""
    return cell.value if isinstance(cell, wit.Value_Integer | wit.Value_Text) else None


def _event(event: Event) -> souk_events_types.Event:
    return souk_events_types.Event(event.id, event.type, event.key, event.key, event.time, event.data)


def _now() -> Moment:
    now = system_clock.now()
    return Moment.of(now.seconds * 1000 + now.nanoseconds // 1_000_000)


def _chance(count: int) -> bytes:
    """The contract lets one call give less than it was asked for."""
    octets = b""
    while len(octets) < count:
        octets += random.get_random_bytes(count - len(octets))
    return octets


def _setting(name: str) -> str | None:
    """A host that keeps settings elsewhere may fail to read one; a service that needs it refuses, as without it."""
    try:
        return store.get(name)
    except Err as error:
        log_error(f"setting {name}: {error.value.value}")
        return None


CONTEXT = Context(HostDatabase(), _now, _chance, _setting)
PAYMENTS = Payments.of(CONTEXT)


class Processor(exports.Processor):
    """`souk:payment/processor`."""

    async def authorize(
        self, key: str, order_id: str, customer: str, amount: souk_payment_types.Money, method_token: str
    ) -> souk_payment_types.Outcome:
        """Holds money."""
        ask = Authorize(
            _argument("order-id", domain.order_id, order_id),
            _argument("customer", domain.customer, customer),
            Money(
                _argument("amount", domain.amount, amount.amount),
                _argument("currency", domain.currency, amount.currency),
            ),
            _argument("method-token", domain.method_token, method_token),
        )
        return await _operate(key, ask)

    async def capture(self, key: str, payment_id: str, amount: int | None) -> souk_payment_types.Outcome:
        """Takes held money."""
        return await _operate(key, Capture(_known(payment_id), _part(amount)))

    async def void(self, key: str, payment_id: str) -> souk_payment_types.Outcome:
        """Lets held money go."""
        return await _operate(key, Void(_known(payment_id)))

    async def refund(self, key: str, payment_id: str, amount: int | None) -> souk_payment_types.Outcome:
        """Gives taken money back."""
        return await _operate(key, Refund(_known(payment_id), _part(amount)))

    async def get(self, payment_id: str) -> souk_payment_types.Payment:
        """Looks a payment up."""
        payment = await _told(payment_store.payment(CONTEXT, _known(payment_id)))
        if not payment:
            raise Err(souk_payment_types.Error_UnknownPayment())
        return _payment(payment)

    async def find(self, order_id: str) -> list[souk_payment_types.Payment]:
        """The payments of an order."""
        try:
            id = domain.order_id(order_id)
        except Invalid:
            # What is no id of an order is the id of none.
            return []
        return [_payment(payment) for payment in await _told(payment_store.of_order(CONTEXT, id))]

    async def resolve(self) -> processor.Resolved:
        """Finishes what has had no outcome for long."""
        resolved = await _told(PAYMENTS.resolve())
        return processor.Resolved(resolved.settled, resolved.open)


async def _operate(key: str, ask: Ask) -> souk_payment_types.Outcome:
    wanted = Wanted.under(Origin.COMPONENT, _argument("key", domain.key, key), ask)
    return _outcome(await _told(PAYMENTS.operate(wanted)))


def _argument(name: str, parse: Callable[[G], T], given: G) -> T:
    try:
        return parse(given)
    except Invalid as fault:
        raise Err(souk_payment_types.Error_Invalid(f"{name} {fault}")) from None


def _part(amount: int | None) -> domain.Amount | None:
    return None if amount is None else _argument("amount", domain.amount, amount)


def _known(id: str) -> PaymentId:
    """What is no id of a payment is the id of none."""
    try:
        return domain.payment_id(id)
    except Invalid:
        raise Err(souk_payment_types.Error_UnknownPayment()) from None


async def _told(work: Awaitable[T]) -> T:
    """Does the work, and tells its refusals and failures in the words of the contract."""
    try:
        return await work
    except Refusal as refusal:
        raise Err(_refusal(refusal)) from None
    except Failure as failure:
        log_error(str(failure))
        raise Err(_failure(failure)) from None


def _refusal(refusal: Refusal) -> souk_payment_types.Error:
    match refusal:
        case UnknownPayment():
            return souk_payment_types.Error_UnknownPayment()
        case KeyReused():
            return souk_payment_types.Error_KeyReused()
        case InProgress():
            return souk_payment_types.Error_InProgress()
        case OutcomeUnknown(payment_id=payment_id):
            return souk_payment_types.Error_Unknown(payment_id)
        case ProviderUnavailable():
            return souk_payment_types.Error_Unavailable("the provider can't be reached now")
    raise AssertionError(f"{refusal!r} is no refusal")


def _failure(failure: Failure) -> souk_payment_types.Error:
    """What callers may know of it; the details are in this component's log."""
    if isinstance(failure, Stale):
        return souk_payment_types.Error_Unavailable("too many change the same payment")
    # What may have been written is found again by its key.
    if isinstance(failure, DatabaseError) and failure.fault in (Fault.UNAVAILABLE, Fault.UNDECIDED):
        return souk_payment_types.Error_Unavailable("the database can't be used now")
    return souk_payment_types.Error_Other("see the log of the payment service")


def _outcome(answer: Answer) -> souk_payment_types.Outcome:
    payment, outcome = _payment(answer.payment), answer.outcome
    match outcome.end:
        case End.DONE:
            return souk_payment_types.Outcome_Done(payment)
        case End.DECLINED:
            return souk_payment_types.Outcome_Declined(payment)
        case End.FAILED:
            return souk_payment_types.Outcome_Failed(payment)
        case End.REFUSED if outcome.conflict:
            conflict = souk_payment_types.Conflict[outcome.conflict.name]
            return souk_payment_types.Outcome_Refused((conflict, payment))
    raise AssertionError(f"{outcome!r} is no outcome")


def _payment(payment: Payment) -> souk_payment_types.Payment:
    state, reason = payment.state, payment.state.reason
    return souk_payment_types.Payment(
        payment.id,
        payment.order_id,
        payment.customer,
        payment.provider,
        souk_payment_types.Money(payment.money.amount, payment.money.currency),
        state.captured,
        state.refunded,
        souk_payment_types.Status[state.status.name],
        souk_payment_types.DeclineReason[reason.name] if reason else None,
        payment.version,
        payment.created_at,
        payment.updated_at,
    )


class Exchange(exports.Exchange):
    """`souk:http/exchange`."""

    async def handle(self, request: exchange.Request) -> exchange.Response:
        """Answers one request."""
        path, _, query = request.path_with_query.partition("?")
        read = message.Request(request.method, path, query, request.headers, request.body)
        answer = await routes.answer(PAYMENTS, read)
        return exchange.Response(answer.status, answer.headers, answer.body)


class Periodic(exports.Periodic):
    """`souk:jobs/periodic`."""

    async def run(self, name: str) -> periodic.Outcome:
        """Does a piece of a job."""
        if name != RESOLVE:
            raise Err(periodic.Error_UnknownJob())
        try:
            resolved = await PAYMENTS.resolve()
        except Failure as failure:
            log_error(str(failure))
            text = "the database can't be used now, or too many change the same payment"
            raise Err(periodic.Error_Unavailable(text)) from None
        except Refusal:
            raise Err(periodic.Error_Other("an operation could not be taken up")) from None
        return periodic.Outcome.MORE if resolved.is_more_due() else periodic.Outcome.DONE


class Readiness(exports.Readiness):
    """`souk:health/readiness`."""

    async def ready(self) -> None:
        """Says whether the database answers."""
        try:
            await payment_store.is_there(CONTEXT)
        except Failure as failure:
            raise Err(str(failure)) from None

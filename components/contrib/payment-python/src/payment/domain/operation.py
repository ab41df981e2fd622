"""An operation on a payment: what was asked under a key, how far it is, and how it ended.

An operation is written down before the provider is asked. Whoever finds one without an outcome may take it up when nobody can be at it any
more, and asks the provider what became of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Any, NewType, assert_never

from payment.context import plain_json
from payment.domain import Amount, Customer, Invalid, Key, MethodToken, Money, OrderId, PaymentId
from payment.domain.payment import Conflict, DeclineReason, Move, Payment, State
from payment.moment import Moment

# After so long hardly anybody is at an operation any more that was under way: no provider is waited for longer than 15 seconds. Whoever takes
# it up too early is no danger, since the provider knows the key. After a crash a customer waits for it.
LEASE_S = 20
# What has had no outcome for so long is finished by `resolve`: callers that are still there have repeated their call before.
RESOLVE_AFTER_S = 120
# So many does one `resolve` take up: each is a question to the provider, and they are asked one after another.
RESOLVED_MAX = 50
# After so long one `resolve` takes up no more: a host ends a request after 60 seconds.
RESOLVE_WITHIN_S = 30

# `<kind>:<key>`, or `<kind>@http:<key>`. The provider knows the operation by the same name.
OperationId = NewType("OperationId", str)


class Kind(StrEnum):
    """What can be done with a payment."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Origin(StrEnum):
    """Who chose a key, and what it adds to the name of the operation. No kind holds an `@`, so that the origins stay apart."""

    COMPONENT = ""
    HTTP = "@http"


@dataclass(frozen=True, slots=True)
class Authorize:
    """Hold money, for a new payment."""

    order_id: OrderId
    customer: Customer
    money: Money
    method: MethodToken


@dataclass(frozen=True, slots=True)
class Capture:
    """Take held money; without an amount, all that is left."""

    payment_id: PaymentId
    amount: Amount | None

    def plan(self, payment: Payment) -> Move:
        """Where it leads. Raises `NotAllowed`."""
        return payment.state.capture(payment.money.amount, self.amount)


@dataclass(frozen=True, slots=True)
class Void:
    """Let held money go."""

    payment_id: PaymentId

    def plan(self, payment: Payment) -> Move:
        """Where it leads. Raises `NotAllowed`."""
        return payment.state.void(payment.money.amount)


@dataclass(frozen=True, slots=True)
class Refund:
    """Give taken money back; without an amount, all that is left."""

    payment_id: PaymentId
    amount: Amount | None

    def plan(self, payment: Payment) -> Move:
        """Where it leads. Raises `NotAllowed`."""
        return payment.state.refund(self.amount)


Change = Capture | Void | Refund
Ask = Authorize | Change


def kind_of(ask: Ask) -> Kind:
    """Of what kind it is."""
    match ask:
        case Authorize():
            return Kind.AUTHORIZE
        case Capture():
            return Kind.CAPTURE
        case Void():
            return Kind.VOID
        case Refund():
            return Kind.REFUND
    assert_never(ask)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for under a key."""

    id: OperationId
    ask: Ask

    @classmethod
    def under(cls, origin: Origin, key: Key, ask: Ask) -> Wanted:
        """Names the operation after the key."""
        return cls(OperationId(f"{kind_of(ask)}{origin}:{key}"), ask)


def fingerprint(ask: Ask) -> str:
    """What tells it from the same key with other arguments: SHA-256 of the arguments as JSON. They are not kept: a method is among them."""
    arguments: list[Any]
    match ask:
        case Authorize(order_id, customer, money, method):
            arguments = [order_id, customer, money.amount, money.currency, method.text]
        case Capture(payment_id, amount) | Refund(payment_id, amount):
            arguments = [payment_id, amount]
        case Void(payment_id):
            arguments = [payment_id]
    return hashlib.sha256(plain_json(arguments).encode()).hexdigest()


class Progress(StrEnum):
    """How far an operation is, as it is written down."""

    # Somebody is at it, or was when everything stopped.
    UNDER_WAY = "under-way"
    # The provider was not reached.
    UNSENT = "unsent"
    # The provider was asked and did not answer.
    UNKNOWN = "unknown"
    # It has an outcome.
    DONE = "done"


class TakeUp(Enum):
    """What whoever comes to an operation does with it."""

    # Nothing: somebody is at it, or it has an outcome.
    LEAVE = 0
    # Ask the provider to do it: so far it has not been asked.
    SEND = 1
    # Ask the provider what became of it.
    INQUIRE = 2


class End(StrEnum):
    """How an operation, or a question to the provider, can end."""

    # It took effect.
    DONE = "done"
    # The money was refused.
    DECLINED = "declined"
    # The state of the payment did not allow it; the provider was not asked.
    REFUSED = "refused"
    # It had no effect and will have none.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the provider says of an operation: done, declined for a reason, or failed."""

    end: End
    reason: DeclineReason | None = None

    @classmethod
    def parse(cls, text: str) -> Verdict:
        """Reads what `str` wrote."""
        word, colon, reason = text.partition(":")
        if not colon and word in (End.DONE, End.FAILED):
            return cls(End(word))
        if colon and word == End.DECLINED:
            return cls(End.DECLINED, DeclineReason(reason))
        raise Invalid("must be a verdict")

    def __str__(self) -> str:
        return f"{self.end}:{self.reason}" if self.reason else self.end


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation ended; of one that was refused, why."""

    end: End
    conflict: Conflict | None = None

    @classmethod
    def parse(cls, text: str) -> Outcome:
        """Reads what `str` wrote."""
        word, colon, conflict = text.partition(":")
        if colon and word == End.REFUSED:
            return cls(End.REFUSED, Conflict(conflict))
        if not colon and word in (End.DONE, End.DECLINED, End.FAILED):
            return cls(End(word))
        raise Invalid("an outcome")

    def __str__(self) -> str:
        return f"{self.end}:{self.conflict}" if self.conflict else self.end


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What of a payment changes, as it was when an operation ended."""

    state: State
    version: int
    updated_at: str

    @classmethod
    def of(cls, payment: Payment) -> Snapshot:
        """As it is now."""
        return cls(payment.state, payment.version, payment.updated_at)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets, the first time and each time after: how it ended, and the payment as it was then."""

    outcome: Outcome
    payment: Payment

    @classmethod
    def again(cls, outcome: Outcome, then: Snapshot, payment: Payment) -> Answer:
        """The answer that was given, of a payment that may have changed since."""
        return cls(outcome, replace(payment, state=then.state, version=then.version, updated_at=then.updated_at))


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as it is written down."""

    id: OperationId
    kind: Kind
    payment_id: PaymentId
    # Whose payment that is: nobody else knows what became of it.
    provider: str
    # Of its arguments.
    fingerprint: str
    # How much is to move. Nothing, if it was refused before.
    amount: Amount | None
    progress: Progress
    # How it ended, with the payment as it was then; of one that is done, and of no other.
    ended: tuple[Outcome, Snapshot] | None
    # Which attempt this is, from 1.
    attempt: int
    # When somebody last took it up or put it down.
    touched_at: Moment

    def take_up(self, now: Moment) -> TakeUp:
        """What is to be done at this moment."""
        match self.progress:
            case Progress.UNDER_WAY:
                return TakeUp.LEAVE if now < self.touched_at.plus_seconds(LEASE_S) else TakeUp.INQUIRE
            case Progress.UNKNOWN:
                return TakeUp.INQUIRE
            case Progress.UNSENT:
                return TakeUp.SEND
            case Progress.DONE:
                return TakeUp.LEAVE
        assert_never(self.progress)

    def settle(self, payment: Payment, verdict: Verdict) -> tuple[Outcome, State]:
        """What a verdict makes of the operation and of the payment. Raises `NotAllowed`."""
        state, authorized = payment.state, payment.money.amount
        match (self.kind, verdict.end):
            case (Kind.AUTHORIZE, End.DONE):
                return Outcome(End.DONE), state.authorize()
            case (Kind.AUTHORIZE, End.DECLINED) if verdict.reason:
                return Outcome(End.DECLINED), state.decline(verdict.reason)
            case (Kind.AUTHORIZE, End.FAILED):
                return Outcome(End.FAILED), state.fail()
            case (Kind.CAPTURE, End.DONE):
                return Outcome(End.DONE), state.capture(authorized, self.amount).then
            case (Kind.VOID, End.DONE):
                return Outcome(End.DONE), state.void(authorized).then
            case (Kind.REFUND, End.DONE):
                return Outcome(End.DONE), state.refund(self.amount).then
            case (Kind.CAPTURE | Kind.VOID | Kind.REFUND, End.DECLINED | End.FAILED):
                # Held money that can't be taken after all, for whatever reason: the caller asks again or lets it go.
                return Outcome(End.FAILED), state
        raise AssertionError(f"{verdict!r} is no verdict")

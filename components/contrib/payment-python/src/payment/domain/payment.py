"""The life of a payment.

    authorizing ─► authorized ─► partially-captured ─► captured
        │  │           │                 │                │
        │  └► declined └► voided         └───────┬────────┘
        └──► failed                     partially-refunded ─► refunded

A state carries its facts, and each operation is one function from state to state: what is not written there is not legal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from payment.domain import Amount, Customer, Invalid, Money, OrderId, PaymentId, amount


class Status(StrEnum):
    """A state by its name."""

    AUTHORIZING = "authorizing"
    AUTHORIZED = "authorized"
    PARTIALLY_CAPTURED = "partially-captured"
    CAPTURED = "captured"
    VOIDED = "voided"
    DECLINED = "declined"
    PARTIALLY_REFUNDED = "partially-refunded"
    REFUNDED = "refunded"
    FAILED = "failed"


class DeclineReason(StrEnum):
    """Why a provider refused."""

    DECLINED = "declined"
    INSUFFICIENT_FUNDS = "insufficient-funds"
    EXPIRED = "expired"
    INVALID_METHOD = "invalid-method"
    SUSPECTED_FRAUD = "suspected-fraud"


class Conflict(StrEnum):
    """Why the state does not allow an operation."""

    NOT_AUTHORIZED = "not-authorized"
    INSUFFICIENT_AUTHORIZATION = "insufficient-authorization"
    ALREADY_CAPTURED = "already-captured"
    ALREADY_VOIDED = "already-voided"
    NOTHING_CAPTURED = "nothing-captured"
    EXCEEDS_CAPTURED = "exceeds-captured"
    ALREADY_REFUNDED = "already-refunded"


class NotAllowed(Exception):
    """The state does not allow what was asked."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(conflict)
        self.conflict = conflict


@dataclass(frozen=True, slots=True)
class State:
    """Where a payment stands, and what is known there. Made by the functions below and by `stored`, which see to it that the amounts fit."""

    status: Status
    # In minor units.
    captured: int = 0
    # In minor units, of what was captured.
    refunded: int = 0
    # Of a payment that was declined, and of no other.
    reason: DeclineReason | None = None

    @classmethod
    def stored(cls, status: Status, captured: int, refunded: int, reason: DeclineReason | None) -> State:
        """Puts together what was stored of it."""
        match status:
            case Status.DECLINED:
                if reason is None:
                    raise Invalid("must have a reason")
                state = cls(status, reason=reason)
            case Status.PARTIALLY_CAPTURED | Status.CAPTURED:
                state = cls(status, captured=amount(captured))
            case Status.PARTIALLY_REFUNDED:
                state = cls(status, captured=amount(captured), refunded=amount(refunded))
            case Status.REFUNDED:
                state = cls(status, captured=amount(captured), refunded=captured)
            case Status.AUTHORIZING | Status.AUTHORIZED | Status.VOIDED | Status.FAILED:
                state = cls(status)
        if (state.captured, state.refunded) != (captured, refunded):
            raise Invalid(f"must have the amounts of {status}")
        return state

    def authorize(self) -> State:
        """The provider holds the money."""
        return self._leave_authorizing(State(Status.AUTHORIZED))

    def decline(self, reason: DeclineReason) -> State:
        """The provider refused."""
        return self._leave_authorizing(State(Status.DECLINED, reason=reason))

    def fail(self) -> State:
        """The provider could not, or was never asked."""
        return self._leave_authorizing(State(Status.FAILED))

    def _leave_authorizing(self, then: State) -> State:
        match self.status:
            case Status.AUTHORIZING:
                return then
            case Status.DECLINED | Status.FAILED:
                raise NotAllowed(Conflict.NOT_AUTHORIZED)
            case Status.VOIDED:
                raise NotAllowed(Conflict.ALREADY_VOIDED)
            case _:
                raise NotAllowed(Conflict.ALREADY_CAPTURED)

    def capture(self, authorized: Amount, wanted: Amount | None) -> Move:
        """Takes an amount out of what was authorized, or all that is left."""
        match self.status:
            case Status.AUTHORIZED | Status.PARTIALLY_CAPTURED:
                pass
            case Status.CAPTURED:
                raise NotAllowed(Conflict.ALREADY_CAPTURED)
            case Status.VOIDED:
                raise NotAllowed(Conflict.ALREADY_VOIDED)
            case Status.PARTIALLY_REFUNDED | Status.REFUNDED:
                raise NotAllowed(Conflict.ALREADY_REFUNDED)
            case Status.AUTHORIZING | Status.DECLINED | Status.FAILED:
                raise NotAllowed(Conflict.NOT_AUTHORIZED)
        left = authorized - self.captured
        taken = left if wanted is None else wanted
        if taken < 1:
            raise NotAllowed(Conflict.ALREADY_CAPTURED)
        if taken > left:
            raise NotAllowed(Conflict.INSUFFICIENT_AUTHORIZATION)
        status = Status.CAPTURED if taken == left else Status.PARTIALLY_CAPTURED
        return Move(State(status, captured=self.captured + taken), Amount(taken))

    def void(self, authorized: Amount) -> Move:
        """Lets what was authorized go."""
        match self.status:
            case Status.AUTHORIZED:
                return Move(State(Status.VOIDED), authorized)
            case Status.VOIDED:
                raise NotAllowed(Conflict.ALREADY_VOIDED)
            case Status.AUTHORIZING | Status.DECLINED | Status.FAILED:
                raise NotAllowed(Conflict.NOT_AUTHORIZED)
            case _:
                raise NotAllowed(Conflict.ALREADY_CAPTURED)

    def refund(self, wanted: Amount | None) -> Move:
        """Gives an amount of what was taken back, or all that is left."""
        match self.status:
            case Status.PARTIALLY_CAPTURED | Status.CAPTURED | Status.PARTIALLY_REFUNDED:
                pass
            case Status.REFUNDED:
                raise NotAllowed(Conflict.ALREADY_REFUNDED)
            case _:
                raise NotAllowed(Conflict.NOTHING_CAPTURED)
        left = self.captured - self.refunded
        given = left if wanted is None else wanted
        if given < 1:
            raise NotAllowed(Conflict.ALREADY_REFUNDED)
        if given > left:
            raise NotAllowed(Conflict.EXCEEDS_CAPTURED)
        status = Status.REFUNDED if given == left else Status.PARTIALLY_REFUNDED
        return Move(State(status, captured=self.captured, refunded=self.refunded + given), Amount(given))


@dataclass(frozen=True, slots=True)
class Move:
    """A step of a payment's life: the state after it, and what is taken or given back; of a void, what is let go."""

    then: State
    amount: Amount


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment for one order; the fields are those of `souk:payment/types.payment`."""

    id: PaymentId
    order_id: OrderId
    customer: Customer
    provider: str
    money: Money
    state: State
    version: int
    created_at: str
    updated_at: str

    def for_customer(self) -> Payment:
        """As its customer may see it: who pays with somebody else's money does not learn that it was noticed."""
        if self.state.reason is not DeclineReason.SUSPECTED_FRAUD:
            return self
        return replace(self, state=replace(self.state, reason=DeclineReason.DECLINED))

    def json(self) -> dict[str, Any]:
        """As it is answered over HTTP."""
        return {
            "id": self.id,
            "order_id": self.order_id,
            "customer": self.customer,
            "provider": self.provider,
            "amount": money_json(self.money),
            "captured": self.state.captured,
            "refunded": self.state.refunded,
            "status": self.state.status,
            "decline_reason": self.state.reason,
            "version": self.version,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


def money_json(money: Money) -> dict[str, Any]:
    """An amount of a currency as JSON."""
    return {"amount": money.amount, "currency": money.currency}

"""What a payment is made of: whoever holds an `Amount` or a `Key` holds a good one.

Everything that comes from outside is parsed here and checked nowhere else; the constants are the limits, with their reasons. No database, no
HTTP, no clock. The life of a payment, the operations on it, the ledger and the signatures of webhooks stand in a module each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NewType

# Ten thousand million in a currency with cents, as a price. A million of them still sum up in 64 bits.
AMOUNT_MAX = 1_000_000_000_000
# Ids stand in URLs, in tokens (128 bytes) and in keys of events (128 bytes).
ID_CHARS_MAX = 64
# An issuer and a subject of 255 bytes each, which is what tokens can name, and the line between them.
CUSTOMER_BYTES_MAX = 511
# Those of large gateways have 30; some sign theirs.
METHOD_TOKEN_BYTES_MAX = 255
# Two UUIDs and a word, with room. Gateways take up to 255 bytes, of which the kind of the operation needs some.
KEY_BYTES_MAX = 128

# In minor units, above zero.
Amount = NewType("Amount", int)
# The service makes UUIDs; what it did not make names nothing.
PaymentId = NewType("PaymentId", str)
# As the service that sells calls the order.
OrderId = NewType("OrderId", str)
# Whose money it is: what the gateway calls them.
Customer = NewType("Customer", str)
# What the caller chose to know a repetition by.
Key = NewType("Key", str)
# An ISO 4217 code. Whether there is such a currency is not looked up: the list changes, and a provider knows its own.
Currency = NewType("Currency", str)


class Invalid(ValueError):
    """Why a piece of input is not acceptable, for the person who sent it."""


@dataclass(frozen=True, slots=True)
class MethodToken:
    """What the provider gave the customer's browser for a card or the like. It is passed on, and neither kept nor shown."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of a currency."""

    amount: Amount
    currency: Currency


class Refusal(Exception):
    """Why an operation has no outcome yet, or a question no answer."""


class UnknownPayment(Refusal):
    """There is no such payment."""


class KeyReused(Refusal):
    """The key was used for other arguments."""


class InProgress(Refusal):
    """Somebody is at this operation, or at another one on the payment."""


class OutcomeUnknown(Refusal):
    """The provider did not say whether it took effect."""

    def __init__(self, payment_id: PaymentId) -> None:
        super().__init__(payment_id)
        self.payment_id = payment_id


class ProviderUnavailable(Refusal):
    """The provider was not reached; nothing happened."""


def amount(units: int) -> Amount:
    """Parses an amount in minor units."""
    if 1 <= units <= AMOUNT_MAX:
        return Amount(units)
    raise Invalid(f"must be from 1 to {AMOUNT_MAX}")


def payment_id(text: str) -> PaymentId:
    """Parses the id of a payment."""
    return PaymentId(_id(text))


def order_id(text: str) -> OrderId:
    """Parses the id of an order."""
    return OrderId(_id(text))


def customer(text: str) -> Customer:
    """Parses the name of a customer."""
    if 1 <= len(text.encode()) <= CUSTOMER_BYTES_MAX and not _CONTROL.search(text):
        return Customer(text)
    raise Invalid(f"must be 1 to {CUSTOMER_BYTES_MAX} bytes without control characters")


def key(text: str) -> Key:
    """Parses a key."""
    return Key(_printable(text, KEY_BYTES_MAX))


def currency(text: str) -> Currency:
    """Parses a currency."""
    if _CURRENCY.fullmatch(text):
        return Currency(text)
    raise Invalid("must be three upper-case letters, such as EUR")


def method_token(text: str) -> MethodToken:
    """Parses what somebody pays with."""
    return MethodToken(_printable(text, METHOD_TOKEN_BYTES_MAX))


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CURRENCY = re.compile(r"[A-Z]{3}")
_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{ID_CHARS_MAX}}}")
_PRINTABLE = re.compile(r"[ -~]+")


def _id(text: str) -> str:
    if _ID.fullmatch(text):
        return text
    raise Invalid(f"must be 1 to {ID_CHARS_MAX} letters, digits and . _ -")


def _printable(text: str, bytes_max: int) -> str:
    if len(text) <= bytes_max and _PRINTABLE.fullmatch(text):
        return text
    raise Invalid(f"must be 1 to {bytes_max} printable ASCII characters")

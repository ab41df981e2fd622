"""Double entry: which accounts a movement of money touches.

Authorizing and voiding move nothing. A capture is a sale, paid at once: the customer owes the revenue, and the provider, who has taken the
money, owes what the customer owed. A refund is the same backwards, against an account of its own, so that revenue stays what was sold.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from payment.domain import Amount, Currency


class Account(StrEnum):
    """Where money is."""

    # What customers owe.
    CUSTOMER_RECEIVABLE = "customer-receivable"
    # What providers hold for the shop.
    PROVIDER_CLEARING = "provider-clearing"
    # What was sold.
    REVENUE = "revenue"
    # What was given back.
    REFUNDS = "refunds"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transaction, in minor units: a debit is positive, a credit negative."""

    account: Account
    units: int


@dataclass(frozen=True, slots=True)
class Sum:
    """What all entries of an account in a currency come to, in minor units."""

    account: Account
    currency: Currency
    amount: int


def captured(amount: Amount) -> list[Entry]:
    """The entries of a capture."""
    sale = (Account.CUSTOMER_RECEIVABLE, Account.REVENUE)
    return _transfers([sale, (Account.PROVIDER_CLEARING, Account.CUSTOMER_RECEIVABLE)], amount)


def refunded(amount: Amount) -> list[Entry]:
    """The entries of a refund."""
    taken_back = (Account.REFUNDS, Account.CUSTOMER_RECEIVABLE)
    return _transfers([taken_back, (Account.CUSTOMER_RECEIVABLE, Account.PROVIDER_CLEARING)], amount)


def _transfers(pairs: list[tuple[Account, Account]], amount: Amount) -> list[Entry]:
    """Each pair is debit and credit of the same amount, so that whatever is made here sums to zero."""
    return [entry for debit, credit in pairs for entry in (Entry(debit, amount), Entry(credit, -amount))]


def is_balanced(sums: list[Sum]) -> bool:
    """Whether the books are right: in each currency all accounts together come to zero, and customers owe nothing."""
    totals: defaultdict[Currency, int] = defaultdict(int)
    for each in sums:
        totals[each.currency] += each.amount
    owed = (each.amount for each in sums if each.account is Account.CUSTOMER_RECEIVABLE)
    return not any(totals.values()) and not any(owed)

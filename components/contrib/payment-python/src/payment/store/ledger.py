"""The books: written with the operation that moves the money, and summed up for whoever audits them."""

from __future__ import annotations

from payment.context import Context
from payment.database import Row, Statement, Step, Value, every, sql
from payment.domain import Currency, ledger
from payment.domain.ledger import Account, Entry, Sum
from payment.domain.operation import End, Kind, Operation, Outcome
from payment.domain.payment import Payment
from payment.moment import Moment


def book(operation: Operation, outcome: Outcome, payment: Payment, now: Moment) -> list[Step]:
    """The steps that book what an operation has moved. The last makes a transaction impossible whose entries do not sum to zero."""
    if outcome.end is not End.DONE or operation.amount is None:
        return []
    match operation.kind:
        case Kind.CAPTURE:
            entries = ledger.captured(operation.amount)
        case Kind.REFUND:
            entries = ledger.refunded(operation.amount)
        case Kind.AUTHORIZE | Kind.VOID:
            # Nothing has moved.
            return []
    return [_insert(operation, payment, entries, now).exactly(len(entries)), _balance(operation)]


def _insert(operation: Operation, payment: Payment, entries: list[Entry], now: Moment) -> Statement:
    rows = [f"($1, {line}, $2, ${3 + 2 * line}, $3, ${4 + 2 * line}, $4)" for line in range(1, len(entries) + 1)]
    parameters: list[Value] = [operation.id, payment.id, payment.money.currency, str(now)]
    for entry in entries:
        parameters += [entry.account, entry.units]
    return sql(
        "INSERT INTO ledger_entries (transaction_id, line, payment_id, account, currency, amount, booked_at) "
        f"VALUES {', '.join(rows)}",
        *parameters,
    )


def _balance(operation: Operation) -> Step:
    """No currency in which the entries of the transaction do not sum to zero."""
    return sql(
        "SELECT currency FROM ledger_entries WHERE transaction_id = $1 GROUP BY currency HAVING SUM(amount) <> 0",
        operation.id,
    ).exactly(0)


async def sums(context: Context) -> list[Sum]:
    """What all entries come to, by currency and account. It reads all entries, from one index."""
    statement = sql(
        "SELECT account, currency, CAST(SUM(amount) AS BIGINT) FROM ledger_entries "
        "GROUP BY currency, account ORDER BY currency, account"
    )

    def read(row: Row) -> Sum:
        return Sum(row.parsed(Account), Currency(row.text()), row.integer())

    return await every(context.database, statement, read)

"""What the service does with its database: each operation is one transaction and one function that reads as the use case.

Statements serve every engine: `$1` parameters, text and integers, `ON CONFLICT`. Whatever must not happen twice is an `INSERT` that conflicts
or a conditional `UPDATE`, with an expectation of one row. A payment is guarded by its version and by the one operation that is pending on it.
"""

from __future__ import annotations

from payment.context import Context
from payment.database import Mismatch, Row, every, first, sql
from payment.domain import Currency, Customer, Money, OrderId, PaymentId, amount
from payment.domain.payment import DeclineReason, Payment, State, Status

# The columns of a `Payment` of payments `p`.
PAYMENT = (
    "p.id, p.order_id, p.customer, p.provider, p.amount, p.currency, p.status, p.captured, "
    "p.refunded, p.decline_reason, p.version, p.created_at, p.updated_at"
)

# How many payments of an order are told. A customer who has tried so many cards does not need the rest.
OF_ORDER_MAX = 100


async def payment(context: Context, id: PaymentId) -> Payment | None:
    """Looks a payment up."""
    return await first(context.database, sql(f"SELECT {PAYMENT} FROM payments p WHERE p.id = $1", id), read_payment)


async def of_order(context: Context, order_id: OrderId) -> list[Payment]:
    """The payments of an order, in the order of their creation."""
    text = f"SELECT {PAYMENT} FROM payments p WHERE p.order_id = $1 ORDER BY p.id LIMIT {OF_ORDER_MAX}"
    return await every(context.database, sql(text, order_id), read_payment)


async def is_there(context: Context) -> None:
    """Finds out whether the database answers and has the tables. Raises a `Failure` if not."""
    await context.database.query(sql("SELECT id FROM payments LIMIT 1"))


def read_payment(row: Row) -> Payment:
    """Reads the columns of `PAYMENT`."""
    id, order_id, customer, provider = row.text(), row.text(), row.text(), row.text()
    units, currency = row.integer(), row.text()
    status, captured, refunded = row.parsed(Status), row.integer(), row.integer()
    reason = row.optional_text()
    try:
        money = Money(amount(units), Currency(currency))
        state = State.stored(status, captured, refunded, None if reason is None else DeclineReason(reason))
    except ValueError as fault:
        raise Mismatch(f"a payment that {fault}") from None
    return Payment(
        PaymentId(id),
        OrderId(order_id),
        Customer(customer),
        provider,
        money,
        state,
        version=row.integer(),
        created_at=row.text(),
        updated_at=row.text(),
    )

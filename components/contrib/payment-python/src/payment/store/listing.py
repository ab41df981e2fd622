"""Lists of payments, for admins: filtered, newest first, in pages."""

from __future__ import annotations

from dataclasses import dataclass

from payment.context import Context
from payment.database import Row, Value, every, first, sql
from payment.domain import Customer, OrderId
from payment.domain.payment import Payment, Status
from payment.store import PAYMENT, read_payment

# How deep pages and totals go, in rows. Nobody turns so many pages, and walking over them costs about a millisecond.
DEPTH_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that somebody wants to see: which part of it, and of it only what fits."""

    size: int
    offset: int
    order_id: OrderId | None
    customer: Customer | None
    status: Status | None


async def listed(context: Context, listing: Listing) -> tuple[list[Payment], int]:
    """Reads a page, and how many payments the whole list has, up to `DEPTH_MAX`; both in one statement, so that they agree."""
    conditions, parameters = ["1 = 1"], list[Value]()
    filters = {"p.order_id": listing.order_id, "p.customer": listing.customer, "p.status": listing.status}
    for column, value in filters.items():
        if value is not None:
            parameters.append(value)
            conditions.append(f"{column} = ${len(parameters)}")
    where = " AND ".join(conditions)
    total = f"SELECT COUNT(*) FROM (SELECT 1 FROM payments p WHERE {where} LIMIT {DEPTH_MAX}) AS counted"
    count = len(parameters)
    page = sql(
        f"SELECT ({total}), {PAYMENT} FROM payments p WHERE {where} ORDER BY p.id DESC "
        f"LIMIT ${count + 1} OFFSET ${count + 2}",
        *parameters,
        listing.size,
        listing.offset,
    )
    rows = await every(context.database, page, _counted)
    if rows:
        return [payment for _, payment in rows], rows[0][0]
    # A page beyond the end has no row to carry the total.
    beyond = await first(context.database, sql(total, *parameters), Row.integer) if listing.offset else None
    return [], beyond or 0


def _counted(row: Row) -> tuple[int, Payment]:
    return row.integer(), read_payment(row)

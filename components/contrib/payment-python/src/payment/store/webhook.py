"""Which events of providers have had an effect."""

from __future__ import annotations

from payment.context import Context
from payment.database import Step, sql
from payment.domain.webhook import FORGET_S, SWEPT_MAX


def first_time(context: Context, provider: str, event_id: str) -> list[Step]:
    """The steps by which an event has an effect once; those that are old are forgotten a few at a time. The first is met once."""
    now = context.now()
    remember = sql(
        "INSERT INTO webhook_events (provider, event_id, forget_at) VALUES ($1, $2, $3) "
        "ON CONFLICT (provider, event_id) DO NOTHING",
        provider,
        event_id,
        str(now.plus_seconds(FORGET_S)),
    )
    forget = sql(
        "DELETE FROM webhook_events WHERE provider = $1 AND event_id IN (SELECT event_id FROM webhook_events "
        f"WHERE provider = $1 AND forget_at <= $2 ORDER BY forget_at LIMIT {SWEPT_MAX})",
        provider,
        str(now),
    )
    return [remember.exactly(1), forget.anything()]

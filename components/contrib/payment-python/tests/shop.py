"""A shop to pay in: a fresh database that can be made to fail at any call, a clock, the use cases, and requests with their answers."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any
from unittest import IsolatedAsyncioTestCase

from payment import domain, store
from payment.context import Context
from payment.database import Committed, DatabaseError, Event, Fault, Rows, Statement, Step, Unmet
from payment.domain import Money, PaymentId
from payment.domain.operation import Answer, Authorize, Capture, End, Kind, Origin, Outcome, Refund, Void, Wanted
from payment.domain.payment import Payment
from payment.domain.webhook import Secret
from payment.http.message import Request, Response
from payment.http.routes import answer
from payment.moment import Moment
from payment.payments import Payments

ROOT = Path(__file__).parents[4]
MIGRATIONS = ROOT / "migrations" / "payment"

CUSTOMER = "https://shop.example|mina"
SECRET = "a secret of the simulator, 32 and more"
PAYMENTS = "/api/v1/payments"


class Break(Enum):
    """How a call to the database breaks: it never arrives, or it is carried out and the answer is lost."""

    BEFORE = 0
    AFTER = 1


class Sqlite:
    """The contract `souk:database` on Python's own SQLite, as far as this service uses it."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute("PRAGMA foreign_keys = ON")
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            self._connection.executescript(migration.read_text(encoding="utf-8"))
        self.events: list[Event] = []
        self.breaks: tuple[int, Break] | None = None
        self.has_broken = False

    async def query(self, statement: Statement) -> Rows:
        # Whoever else is at work goes on meanwhile, as with a host.
        await asyncio.sleep(0)
        if self._next():
            raise DatabaseError(Fault.UNAVAILABLE, "the test says so")
        return self.run(statement)[1]

    async def transact(self, steps: Sequence[Step], events: Sequence[Event]) -> Committed | Unmet:
        await asyncio.sleep(0)
        how = self._next()
        if how is Break.BEFORE:
            raise DatabaseError(Fault.UNAVAILABLE, "the test says so")
        outcome = self._transact(steps, events)
        if how is Break.AFTER:
            raise DatabaseError(Fault.UNDECIDED, "the test says so")
        return outcome

    def _transact(self, steps: Sequence[Step], events: Sequence[Event]) -> Committed | Unmet:
        rows: list[Rows] = []
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for index, step in enumerate(steps):
                touched, returned = self.run(step.statement)
                if step.rows is not None and touched != step.rows:
                    self._connection.execute("ROLLBACK")
                    return Unmet(index)
                rows.append(returned)
        except sqlite3.IntegrityError as error:
            self._connection.execute("ROLLBACK")
            raise DatabaseError(Fault.CONSTRAINT, str(error)) from None
        self._connection.execute("COMMIT")
        self.events += events
        return Committed(rows)

    def run(self, statement: Statement) -> tuple[int, Rows]:
        """How many rows a statement touched, and what it returned."""
        numbered = {str(number): value for number, value in enumerate(statement.parameters, 1)}
        cursor = self._connection.execute(statement.sql, numbered)
        rows = cursor.fetchall()
        return (len(rows) if cursor.rowcount < 0 else cursor.rowcount), rows

    def _next(self) -> Break | None:
        """Counts down to the call that breaks. From there on all break, as if the process were gone."""
        if self.breaks is None:
            return None
        left, how = self.breaks
        if left > 0:
            self.breaks = (left - 1, how)
            return None
        self.breaks = (0, Break.BEFORE)
        self.has_broken = True
        return how


class Shop:
    """The service, without any payment."""

    def __init__(self, secret: str | None = SECRET) -> None:
        self.database = Sqlite()
        self.now = Moment.parse("2026-11-20T10:00:00.000Z")
        count = itertools.count(1)
        settings = {"simulator_webhook_secret": secret}
        self.context = Context(
            self.database, lambda: self.now, lambda size: next(count).to_bytes(size, "big"), settings.get
        )
        self.payments = Payments.of(self.context)

    def later(self, seconds: int) -> None:
        """Lets time pass."""
        self.now = self.now.plus_seconds(seconds)

    def break_at(self, call: int, how: Break) -> None:
        """From the call with this number on, from 0, the database is gone; of the first the answer may be lost only."""
        self.database.breaks, self.database.has_broken = (call, how), False

    def mend(self) -> bool:
        """The database is back. Whether it was gone before."""
        self.database.breaks = None
        return self.database.has_broken

    async def authorize(self, key: str, order: str, units: int, token: str) -> Answer:
        return await self.payments.operate(authorize(key, order, units, token))

    async def capture(self, key: str, id: PaymentId, units: int | None) -> Answer:
        return await self.payments.operate(capture(key, id, units))

    async def void(self, key: str, id: PaymentId) -> Answer:
        return await self.payments.operate(void(key, id))

    async def refund(self, key: str, id: PaymentId, units: int | None) -> Answer:
        return await self.payments.operate(refund(key, id, units))

    async def authorized(self, name: str, token: str = "tok_visa") -> PaymentId:
        """A payment of 100 that is held, for the order of the same name."""
        return (await self.authorize(name, name, 100, token)).payment.id

    async def captured(self, name: str, token: str = "tok_visa") -> PaymentId:
        """A payment of 100 that was taken."""
        id = await self.authorized(name, token)
        assert (await self.capture(name, id, None)).outcome == Outcome(End.DONE)
        return id

    async def payment(self, id: PaymentId) -> Payment:
        found = await store.payment(self.context, id)
        assert found
        return found

    def rows(self, text: str, *parameters: str) -> Rows:
        """What a statement returns, past everything that breaks."""
        return self.database.run(Statement(text, parameters))[1]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(str(self.rows(f"SELECT COUNT(*) FROM {table}")[0][0]))

    def truth(self, id: PaymentId) -> tuple[Any, ...] | None:
        """What the provider knows of a payment: what was taken and given back, and whether it was let go."""
        rows = self.rows("SELECT captured, refunded, is_voided FROM simulator_authorizations WHERE payment_id = $1", id)
        return rows[0] if rows else None

    def arrivals(self, kind: Kind, key: str) -> int | None:
        """How often a key has arrived at the provider; nothing if never."""
        rows = self.rows("SELECT arrivals FROM simulator_operations WHERE key = $1", f"{kind}:{key}")
        return int(str(rows[0][0])) if rows else None

    def events(self) -> list[str]:
        """The types of all events that were published, oldest first. Forgets them."""
        events = [event.type for event in self.database.events]
        self.database.events.clear()
        return events

    async def send(
        self, method: str, target: str, who: dict[str, Any] | None = None, body: bytes = b"", **fields: str | list[str]
    ) -> Sent:
        """Sends a request, as the gateway hands it on."""
        path, _, query = target.partition("?")
        headers = [("souk-caller", json.dumps(who))] if who else []
        for name, values in fields.items():
            lines = [values] if isinstance(values, str) else values
            headers += [(name.replace("_", "-"), value) for value in lines]
        return Sent(await answer(self.payments, Request(method, path, query, headers, body)))

    async def give_back(self, id: str, key: str, body: object) -> Sent:
        """A refund over HTTP."""
        content = json.dumps(body).encode()
        return await self.send(
            "POST", f"{PAYMENTS}/{id}/refunds", ADMIN, content, idempotency_key=key, content_type="application/json"
        )

    async def hook(self, event: object, *, secret: str = SECRET, at: Moment | None = None) -> Sent:
        """An event of the provider, signed now."""
        body = json.dumps(event).encode()
        signature = Secret(secret).sign(at or self.now, body)
        return await self.send("POST", f"{PAYMENTS}/webhooks/simulator", body=body, payment_signature=signature)


ADMIN = {"sub": "https://shop.example|ada", "roles": ["admin"]}
BUYER = {"sub": CUSTOMER, "roles": ["customer"]}


class Sent:
    """What came back over HTTP."""

    def __init__(self, response: Response) -> None:
        self.status, self.fields = response.status, dict(response.headers)
        kind = "application/problem+json" if self.status >= 400 else "application/json"
        assert not response.body or self.fields["content-type"] == kind, response
        self.body = json.loads(response.body) if response.body else None

    def refusal(self) -> tuple[int, str]:
        """The status and the name of the problem."""
        assert self.status >= 400, self.body
        assert self.body["status"] == self.status
        return self.status, self.body.get("type", "about:blank").removeprefix("urn:souk:problem:")

    def faults(self) -> list[str]:
        """Where the faults of a body or query stand."""
        return [fault.get("pointer", fault.get("parameter")) for fault in self.body["errors"]]


def authorize(key: str, order: str, units: int, token: str) -> Wanted:
    """An authorization that somebody wants."""
    money = Money(domain.amount(units), domain.currency("EUR"))
    ask = Authorize(domain.order_id(order), domain.customer(CUSTOMER), money, domain.method_token(token))
    return Wanted.under(Origin.COMPONENT, domain.key(key), ask)


def capture(key: str, id: PaymentId, units: int | None) -> Wanted:
    """A capture that somebody wants."""
    return Wanted.under(Origin.COMPONENT, domain.key(key), Capture(id, None if units is None else domain.amount(units)))


def void(key: str, id: PaymentId) -> Wanted:
    """A void that somebody wants."""
    return Wanted.under(Origin.COMPONENT, domain.key(key), Void(id))


def refund(key: str, id: PaymentId, units: int | None) -> Wanted:
    """A refund that somebody wants."""
    return Wanted.under(Origin.COMPONENT, domain.key(key), Refund(id, None if units is None else domain.amount(units)))


def refused(conflict: str) -> Outcome:
    """The outcome of what the state does not allow."""
    return Outcome.parse(f"refused:{conflict}")


DONE = Outcome(End.DONE)
DECLINED = Outcome(End.DECLINED)
FAILED = Outcome(End.FAILED)


class ShopTest(IsolatedAsyncioTestCase):
    """A test with a shop of its own."""

    maxDiff = None

    def setUp(self) -> None:
        self.shop = Shop()

"""The contract `souk:database` in Python's own types, and help for stores: rows read into objects, transactions tried again.

A value of a column is `None`, an `int` or a `str`: this service stores nothing else. What goes wrong is a `Failure`; a transaction that did
not find what it expected is no failure but an answer, `Unmet`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

T = TypeVar("T")

Value = None | int | str

# How often a transaction is carried out when others were preferred to it, and how often a use case looks again when somebody was faster. The
# engine has tried several times already; a third crowd in a row is told to the caller.
ATTEMPTS_MAX = 3


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with its parameters, `$1` first."""

    sql: str
    parameters: tuple[Value, ...] = ()

    def exactly(self, rows: int) -> Step:
        """The step that must touch so many rows."""
        return Step(self, rows)

    def anything(self) -> Step:
        """The step that may touch any number of rows."""
        return Step(self, None)


def sql(text: str, *parameters: Value) -> Statement:
    """A statement: `sql("SELECT … WHERE id = $1", id)`."""
    return Statement(text, parameters)


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a transaction, and how many rows it must touch; `None` is any number."""

    statement: Statement
    rows: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """What others learn of a transaction (`souk:events`). `data` is JSON."""

    id: str
    type: str
    key: str
    time: str
    data: str


Rows = list[tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Committed:
    """It is durable; the rows that each step returned."""

    rows: list[Rows]


@dataclass(frozen=True, slots=True)
class Unmet:
    """The step with this index, from 0, did not find what it expected; nothing was written."""

    step: int


class Failure(Exception):
    """Why a store could not do its work, for reasons that the domain does not plan for. The text is for the log."""


class Fault(StrEnum):
    """The cases of `souk:database/sql.error`."""

    INVALID = "invalid"
    DENIED = "denied"
    CONSTRAINT = "constraint"
    TOO_LARGE = "too large"
    TOO_SLOW = "too slow"
    UNAVAILABLE = "unavailable"
    UNDECIDED = "undecided"
    OTHER = "other"


class DatabaseError(Failure):
    """The database refused, or was not there."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(f"database: {fault}: {text}")
        self.fault = fault


class Stale(Failure):
    """Concurrent writers were preferred too often; nothing was written."""

    def __init__(self) -> None:
        super().__init__("database: concurrent transactions were preferred")


class Mismatch(Failure):
    """What is stored is not what the code expects: the schema and the code have parted."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"database: expected {expected}")


class Database(Protocol):
    """The component's own database. Both raise `DatabaseError`."""

    async def query(self, statement: Statement) -> Rows:
        """Reads with one statement."""

    async def transact(self, steps: Sequence[Step], events: Sequence[Event]) -> Committed | Unmet:
        """Carries the steps out and publishes the events, all or nothing. Raises `Stale` if others were preferred."""


async def attempt(database: Database, steps: Sequence[Step], events: Sequence[Event] = ()) -> Committed | Unmet:
    """Carries a transaction out, again if others were preferred.

    A constraint that refuses what the guards let pass is a race, which only engines with concurrent writers know: the next time the guard
    finds it.
    """
    for _ in range(ATTEMPTS_MAX):
        try:
            return await database.transact(steps, events)
        except Stale:
            continue
        except DatabaseError as error:
            if error.fault is not Fault.CONSTRAINT:
                raise
    raise Stale


async def first(database: Database, statement: Statement, read: Callable[[Row], T]) -> T | None:
    """Reads the first row of a query, if there is one."""
    rows = await every(database, statement, read)
    return rows[0] if rows else None


async def every(database: Database, statement: Statement, read: Callable[[Row], T]) -> list[T]:
    """Reads all rows of a query."""
    return read_all(await database.query(statement), read)


def read_all(rows: Rows, read: Callable[[Row], T]) -> list[T]:
    """Reads rows into objects, one call of `read` for each, which must read all of its columns."""
    values = []
    for cells in rows:
        row = Row(cells)
        values.append(read(row))
        row.end()
    return values


class Row:
    """A row that is being read, column by column in the order of the statement."""

    def __init__(self, cells: Sequence[Value]) -> None:
        self._cells = cells
        self._column = 0

    def text(self) -> str:
        """The next cell as text."""
        cell = self._next()
        if isinstance(cell, str):
            return cell
        raise self._mismatch("text")

    def optional_text(self) -> str | None:
        """The next cell as text, or nothing for NULL."""
        cell = self._next()
        if cell is None or isinstance(cell, str):
            return cell
        raise self._mismatch("text or NULL")

    def integer(self) -> int:
        """The next cell as a whole number."""
        cell = self._next()
        if isinstance(cell, int):
            return cell
        raise self._mismatch("an integer")

    def parsed(self, parse: Callable[[str], T]) -> T:
        """The next cell as text that stands for something else; `parse` raises `ValueError`."""
        text = self.text()
        try:
            return parse(text)
        except ValueError as reason:
            raise self._mismatch(str(reason)) from None

    def end(self) -> None:
        """Says that all columns were read."""
        if self._column != len(self._cells):
            raise Mismatch(f"{self._column} columns and not {len(self._cells)}")

    def _next(self) -> Value:
        if self._column == len(self._cells):
            raise Mismatch("one column more")
        self._column += 1
        return self._cells[self._column - 1]

    def _mismatch(self, expected: str) -> Mismatch:
        return Mismatch(f"{expected} in column {self._column - 1}")

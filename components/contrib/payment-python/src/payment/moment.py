"""Moments in time.

A moment is kept in milliseconds and written as RFC 3339 in UTC with three digits of a second. That text has a fixed width, so that it sorts
and compares as text. Nothing here reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The last moment that the other implementations write: 9999-12-30T22:00:00Z.
_MILLISECONDS_MAX = 253_402_207_200_000


@dataclass(frozen=True, order=True, slots=True)
class Moment:
    """A moment, in milliseconds since 1970-01-01T00:00:00Z."""

    milliseconds: int

    @classmethod
    def of(cls, milliseconds: int) -> Moment:
        """The moment, or the nearest one that can be written."""
        return cls(min(max(milliseconds, 0), _MILLISECONDS_MAX))

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Reads back what was written; raises `ValueError`."""
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("must be a moment as RFC 3339 writes it")
        return cls.of((moment - _EPOCH) // timedelta(milliseconds=1))

    def plus_seconds(self, seconds: int) -> Moment:
        """The moment that is this many seconds later."""
        return Moment.of(self.milliseconds + seconds * 1000)

    def __str__(self) -> str:
        moment = _EPOCH + timedelta(milliseconds=self.milliseconds)
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"

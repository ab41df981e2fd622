"""The outside world of the service: a database, a clock, chance and settings, as arguments; so that a test can set them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payment.database import Database, Event
from payment.moment import Moment


@dataclass(frozen=True, slots=True)
class Context:
    """What the service is given besides a request."""

    database: Database
    # The present moment.
    now: Callable[[], Moment]
    # So many bytes that nobody can guess.
    random: Callable[[int], bytes]
    # What the operator has set under a name.
    setting: Callable[[str], str | None]

    def id(self) -> str:
        """A new id, as UUID text of 36 characters."""
        return uuid_v7(self.now(), self.random(10))

    def occurred(self, kind: str, key: str, data: dict[str, Any]) -> Event:
        """Says that something has happened to the thing with this key."""
        return Event(id=self.id(), type=kind, key=key, time=str(self.now()), data=sorted_json(data))


def uuid_v7(now: Moment, chance: bytes) -> str:
    """RFC 9562 §5.7: the time first, so that ids sort in the order of creation and an index grows at its end."""
    octets = bytearray(now.milliseconds.to_bytes(6, "big") + chance)
    octets[6] = 0x70 | octets[6] & 0x0F
    octets[8] = 0x80 | octets[8] & 0x3F
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def plain_json(value: Any) -> str:
    """JSON without spaces, in UTF-8, members in the order in which they stand."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def sorted_json(value: Any) -> str:
    """The same with members in the order of their names: how JSON is written that is kept or published."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def log_error(text: str) -> None:
    """Says in the log that something went wrong which the client can't know and somebody should look at."""
    sys.stderr.write(f"error: {text}\n")

"""Requests and responses as plain values (`souk:http/exchange`), and how JSON is answered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from payment.context import plain_json

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose body has been received whole. Names of fields are lower case."""

    method: str
    # Still percent-encoded.
    path: str
    # Behind the question mark, still percent-encoded.
    query: str
    headers: Headers
    body: bytes

    def fields(self, name: str) -> list[str]:
        """All values of a field, in the order in which they came."""
        return [value for field, value in self.headers if field == name]


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


_VISIBLE = re.compile(r"[\t -~]*")


def visible(value: str) -> str:
    """A field's value, or nothing if it holds more than visible ASCII: what is read here is written in that."""
    return value if _VISIBLE.fullmatch(value) else ""


def json_response(value: Any, *headers: tuple[str, str]) -> Response:
    """An answer with a JSON body, for the one who asked: with a cookie, nothing else tells caches so."""
    fields = [("content-type", "application/json"), *headers, PRIVATE]
    return Response(200, fields, plain_json(value).encode())


PRIVATE = ("cache-control", "private, no-cache")

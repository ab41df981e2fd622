"""JSON bodies, strictly read.

A body must be JSON: the right content type, UTF-8, not too large, not too deep, no name twice; otherwise 415, 413 or 400. Then each field is
parsed into a type that cannot be wrong; whatever is missing, of the wrong type, out of bounds or unknown is collected, and answered at once
with 422.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

from payment.domain import Invalid
from payment.http.message import Request, visible
from payment.http.problem import InputFault, Problem, invalid_body, malformed_body

T = TypeVar("T")

# The largest body a service reads. 1 MiB keeps an instance small.
BODY_BYTES_MAX = 1024 * 1024

# So many levels may objects and arrays have: more than anybody means, and a bound on the stack of whoever reads them.
DEPTH_MAX = 127

_INTEGERS = range(-(2**63), 2**63)

_CHARSETS = ("", "charset=utf-8", 'charset="utf-8"')

# A string, also one that does not end, or a bracket. Each character is looked at once.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def raw(request: Request) -> bytes:
    """The body as it came, byte for byte. Raises a `Problem` if it is too large."""
    announced = request.fields("content-length")[:1]
    if len(request.body) > BODY_BYTES_MAX or any(_bytes(text) > BODY_BYTES_MAX for text in announced):
        raise Problem(413, detail=f"a body has at most {BODY_BYTES_MAX} bytes")
    return request.body


def fields(request: Request) -> Fields | None:
    """The object that the body is, to be taken apart; nothing, if the request has no content. Raises a `Problem`."""
    body = raw(request)
    if not body:
        return None
    if not _is_json(request):
        problem = Problem(415, detail="send the body as application/json, in UTF-8")
        raise problem.field("accept", "application/json")
    try:
        value = parse(body)
    except ValueError as fault:
        raise malformed_body(str(fault)) from None
    if not isinstance(value, dict):
        raise invalid_body([InputFault("pointer", "", "must be an object")])
    return Fields(value)


def parse(body: bytes) -> Any:
    """A JSON value without a name that stands twice in one object: RFC 8259 §4 leaves open what such a text means. Raises `ValueError`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("the body is not UTF-8") from None
    _demand_shallow(text)
    try:
        value = json.loads(
            text, object_pairs_hook=_once, parse_int=_integer, parse_float=_real, parse_constant=_refuse_constant
        )
        # Escapes can name halves of characters, which no text holds.
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Invalid("the body names half a character") from None
    return value


def _demand_shallow(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > DEPTH_MAX:
                    raise Invalid(f"the body has more than {DEPTH_MAX} levels")
            case "]" | "}":
                depth -= 1


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise Invalid("a name stands twice in one object")
    return value


def _integer(text: str) -> int | float:
    """What needs more than 64 bits is no whole number here, nor is `-0`."""
    if len(text) <= 20 and text != "-0" and int(text) in _INTEGERS:
        return int(text)
    return _real(text)


def _real(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Invalid("a number is out of range")
    return number


def _refuse_constant(text: str) -> None:
    raise Invalid(f"{text} is no JSON")


class Fields:
    """An object that is being taken apart."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members
        self._faults: list[InputFault] = []

    def refused(self, name: str, reason: str) -> None:
        """Refuses a field, if it is there, and says why: for names that a client may well try."""
        if name in self._members:
            del self._members[name]
            self._report(name, reason)

    def optional_integer(self, name: str, read: Callable[[int], T]) -> T | None:
        """Reads a whole number that may be absent or `null`. `1.0` and `1e3` are none: a fraction of money must not be rounded away."""
        value = self._members.pop(name, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self._report(name, "must be a whole number of 64 bits")
            return None
        try:
            return read(value)
        except Invalid as fault:
            self._report(name, str(fault))
            return None

    def finish(self) -> None:
        """Refuses the body if anything was wrong, or if fields are left."""
        for name in sorted(self._members):
            self._report(name, "is not a field of this")
        if self._faults:
            raise invalid_body(self._faults)

    def _report(self, name: str, detail: str) -> None:
        # RFC 6901 §3 escapes `~` and `/`.
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        self._faults.append(InputFault("pointer", pointer, detail))


def _is_json(request: Request) -> bool:
    """The media type with no parameter but `charset=utf-8`."""
    for value in request.fields("content-type")[:1]:
        essence, *parameters = (part.strip().lower() for part in visible(value).split(";"))
        return essence == "application/json" and all(parameter in _CHARSETS for parameter in parameters)
    return False


def _bytes(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,19}", text) else 0

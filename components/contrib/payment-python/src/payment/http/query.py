"""Query strings, strictly read.

A parameter that is unknown or stands twice is refused by its name: a client that writes `statsu=captured` must not get all payments and
believe that they are captured. All faults are told at once, as 400.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from payment.http.problem import InputFault, Problem, invalid_query

T = TypeVar("T")

# More than any service knows; a query with more is refused before it is looked at.
PARAMETERS_MAX = 50


class Query:
    """The parameters of a request, to be taken one by one and then finished."""

    def __init__(self, text: str) -> None:
        """Splits and decodes a query as HTML forms write it (`+` is a space)."""
        self._given: dict[str, str] = {}
        self._faults: list[InputFault] = []
        for pair in filter(None, text.split("&")):
            name, _, value = pair.partition("=")
            name, value = _decode(name), _decode(value)
            if name in self._given:
                self._refuse(name, "stands twice")
            elif len(self._given) == PARAMETERS_MAX:
                raise Problem(400, detail=f"a query has at most {PARAMETERS_MAX} parameters")
            else:
                self._given[name] = value

    def optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Takes a parameter that may be absent; `parse` raises `ValueError`."""
        if name not in self._given:
            return None
        try:
            return parse(self._given.pop(name))
        except ValueError as fault:
            self._refuse(name, str(fault))
            return None

    def finish(self) -> None:
        """Refuses the request if anything was wrong, or if parameters are left."""
        for name in self._given:
            self._refuse(name, "is not a parameter of this route")
        if self._faults:
            raise invalid_query(self._faults)

    def _refuse(self, name: str, detail: str) -> None:
        self._faults.append(InputFault("parameter", name, detail))


def _decode(text: str) -> str:
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise Problem(400, detail="the query is not UTF-8") from None

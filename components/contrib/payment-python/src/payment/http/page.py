"""Lists in pages: `?page=2&size=20`, a body with `items`, `page`, `size` and `total`, and a `Link` field (RFC 8288) to the other pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payment.domain import Invalid
from payment.http.message import Request, Response, json_response
from payment.http.query import Query
from payment.store.listing import DEPTH_MAX

# What a page holds when the client does not say: a screenful of a shop.
SIZE_DEFAULT = 20

# The most a page can hold: what a client can show at once, and what one answer may weigh.
SIZE_MAX = 100

_NUMBER = re.compile(r"\+?0*[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: its number, from 1, and how many items it holds."""

    number: int
    size: int

    @classmethod
    def of(cls, query: Query) -> Page:
        """Takes `page` and `size` out of a query. What is wrong is reported to the query."""
        size = query.optional("size", _up_to(SIZE_MAX)) or SIZE_DEFAULT
        return cls(query.optional("page", _up_to(DEPTH_MAX // size)) or 1, size)

    def offset(self) -> int:
        """How many rows come before the page."""
        return (self.number - 1) * self.size

    def response(self, request: Request, total: int, items: list[dict[str, Any]]) -> Response:
        """The answer to a request for the list."""
        body = {"items": items, "page": self.number, "size": self.size, "total": total}
        return json_response(body, ("link", self.links(request, total)))

    def links(self, request: Request, total: int) -> str:
        """The field `Link`."""
        last = min(max(-(-total // self.size), 1), DEPTH_MAX // self.size)
        links = {"first": 1}
        if self.number > 1:
            links["prev"] = min(self.number - 1, last)
        if self.number < last:
            links["next"] = self.number + 1
        links["last"] = last
        return ", ".join(f'<{self._link(request, number)}>; rel="{relation}"' for relation, number in links.items())

    def _link(self, request: Request, number: int) -> str:
        """The list's own path and query with another page. What stands in a URI is already encoded."""
        pairs = request.query.split("&")
        others = "".join(f"{pair}&" for pair in pairs if pair.partition("=")[0] not in ("", "page", "size"))
        return f"{request.path}?{others}page={number}&size={self.size}"


def _up_to(most: int) -> Callable[[str], int]:
    def between(text: str) -> int:
        if _NUMBER.fullmatch(text) and 1 <= int(text) <= most:
            return int(text)
        raise Invalid(f"must be a number from 1 to {most}")

    return between

"""Entity tags, and the condition of a read (RFC 9110 §13.1.2): who has a representation already is not sent it again."""

from __future__ import annotations

import re

from payment.http.message import PRIVATE, Request, Response
from payment.http.problem import Problem

_TAG = re.compile(r'(?:W/)?"([!#-~\x80-\U0010ffff]*)"')
_SPACE = " \t\n\x0c\r"


def seen(request: Request) -> list[str] | None:
    """The tags that a reader has; `["*"]` stands for any, nothing for no condition. Raises a `Problem`."""
    lines = request.fields("if-none-match")
    if not lines:
        return None
    tags = _parse(",".join(lines))
    if not tags:
        example = '"a", "b"'
        raise Problem(400, detail=f"if-none-match is neither * nor a list of entity tags such as {example}")
    return tags


def has(tags: list[str] | None, tag: str) -> bool:
    """Whether a reader has this representation already, by weak comparison."""
    return tags is not None and (tags == ["*"] or f'"{tag}"' in tags)


def not_modified(tag: str) -> Response:
    """The answer to who has it."""
    return Response(304, [field(tag), PRIVATE])


def field(tag: str) -> tuple[str, str]:
    """The field that tells the tag."""
    return ("etag", f'"{tag}"')


def _parse(value: str) -> list[str]:
    """RFC 9110 §8.8.3: `*`, or a list that may have empty elements (§5.6.1). Nothing, if it is neither. Tags keep their quotes."""
    rest = value.strip(_SPACE)
    if rest == "*":
        return ["*"]
    tags = []
    while rest:
        if rest.startswith(","):
            rest = rest[1:].lstrip(_SPACE)
            continue
        tag = _TAG.match(rest)
        if not tag:
            return []
        tags.append(f'"{tag[1]}"')
        rest = rest[tag.end() :].lstrip(_SPACE)
        if rest and not rest.startswith(","):
            return []
    return tags

"""A component that calls whoever serves `souk:payment/processor`: `POST /desk` with `{"function","arguments"}` answers what came back, as JSON.

It knows nothing of what it calls, so that all that differs is the implementation behind the link.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import exchange
from wit_world.imports import processor
from wit_world.imports.types import Money


class Exchange(exports.Exchange):
    """`souk:http/exchange`."""

    async def handle(self, request: exchange.Request) -> exchange.Response:
        """Passes a call on."""
        call = json.loads(request.body)
        arguments = [Money(**value) if isinstance(value, dict) else value for value in call["arguments"]]
        try:
            answer = await getattr(processor, call["function"])(*arguments)
        except Err as error:
            answer = error.value
        return exchange.Response(200, [("content-type", "application/json")], json.dumps(told(answer)).encode())


def told(value: Any) -> Any:
    """A value of the contract as JSON, with the names of its cases."""
    if is_dataclass(value):
        return {type(value).__name__: {field.name: told(getattr(value, field.name)) for field in fields(value)}}
    if isinstance(value, Enum):
        return value.name
    return [told(item) for item in value] if isinstance(value, list | tuple) else value

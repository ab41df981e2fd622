"""Events that a provider sends by itself: who signed them, and what they say.

The signature is HMAC-SHA256 over `<t>.<body>`, as large gateways make it: the time is a part of what is signed, so that a message that
somebody has overheard is good for minutes only.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from payment.domain import Invalid
from payment.domain.operation import End, OperationId, Verdict
from payment.domain.payment import DeclineReason
from payment.moment import Moment

# How far the time of a message may be from ours: what clocks differ by and a message takes, and no more. Gateways recommend it.
TOLERANCE_S = 300
# What HMAC-SHA256 is as strong as; a shorter secret can be guessed sooner.
SECRET_BYTES_MIN = 32
# So many signatures are looked at: of the old secret and of the new one, in two versions.
SIGNATURES_MAX = 4
# The largest body. The events that are known here have some hundred bytes; providers send whole objects.
BODY_BYTES_MAX = 64 * 1024
# Those of large gateways have 30.
EVENT_ID_BYTES_MAX = 128
# For so long is an event known by its id: gateways repeat one for some days.
FORGET_S = 30 * 24 * 60 * 60
# So many forgotten ones does each event take away: more than one, so that they become fewer.
SWEPT_MAX = 10

_SECONDS = re.compile(r"[+-]?0*[0-9]{1,19}")
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")


class Secret:
    """What a provider signs with."""

    def __init__(self, text: str) -> None:
        """Takes a setting. One that is too short is refused, also none at all: everybody could sign with it."""
        self._key = text.encode()
        if len(self._key) < SECRET_BYTES_MIN:
            raise Invalid(f"must have at least {SECRET_BYTES_MIN} bytes")

    def sign(self, at: Moment, body: bytes) -> str:
        """The field that a sender writes."""
        at_s = at.milliseconds // 1000
        return f"t={at_s},v1={self._hmac(at_s, body).hex()}"

    def has_signed(self, field: str, body: bytes, now: Moment) -> bool:
        """Whether the field says that the body was signed with this secret, not long ago. Compared in constant time."""
        signed = _signatures(field)
        if signed is None:
            return False
        at_s, signatures = signed
        if abs(now.milliseconds // 1000 - at_s) > TOLERANCE_S:
            return False
        expected = self._hmac(at_s, body)
        return any(hmac.compare_digest(expected, signature) for signature in signatures)

    def _hmac(self, at_s: int, body: bytes) -> bytes:
        return hmac.digest(self._key, f"{at_s}.".encode() + body, "sha256")


def _signatures(field: str) -> tuple[int, list[bytes]] | None:
    """The time and the signatures of a field. `t` stands once; what is neither `t` nor `v1` is of another scheme."""
    at_s = None
    signatures: list[bytes] = []
    for part in field.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals:
            return None
        if name == "t":
            if at_s is not None or not _SECONDS.fullmatch(value):
                return None
            at_s = int(value)
        elif name == "v1":
            if len(signatures) == SIGNATURES_MAX or not _DIGEST.fullmatch(value):
                return None
            signatures.append(bytes.fromhex(value))
    return None if at_s is None else (at_s, signatures)


@dataclass(frozen=True, slots=True)
class Settled:
    """The provider says that an operation has a verdict."""

    # By what a repetition is known.
    event_id: str
    operation: OperationId
    verdict: Verdict


def notice(event: object) -> Settled | None:
    """Reads an event whose signature was good; none is one that this service has no use for.

    Members that are not known are ignored, as new types are: the sender is newer. Raises `Invalid`.
    """
    if not isinstance(event, dict):
        raise Invalid("an event is an object")
    event_id, kind = _text(event, "id"), _text(event, "type")
    if kind not in ("operation.succeeded", "operation.declined", "operation.failed"):
        return None
    if not 1 <= len(event_id.encode()) <= EVENT_ID_BYTES_MAX or "\0" in event_id:
        raise Invalid(f"id must have 1 to {EVENT_ID_BYTES_MAX} bytes")
    data = event.get("data")
    if not isinstance(data, dict):
        raise Invalid("data: must be an object")
    key, reason = _text(data, "key"), data.get("reason")
    if reason is not None and not isinstance(reason, str):
        raise Invalid("data: reason must be a string")
    verdict = _verdict(kind, reason)
    # No operation has such a name, and no engine such a text.
    return None if "\0" in key else Settled(event_id, OperationId(key), verdict)


def _verdict(kind: str, reason: str | None) -> Verdict:
    match kind:
        case "operation.succeeded":
            return Verdict(End.DONE)
        case "operation.declined":
            if reason not in list(DeclineReason):
                raise Invalid(f"data: reason must be one of {', '.join(DeclineReason)}")
            return Verdict(End.DECLINED, DeclineReason(reason))
        case _:
            return Verdict(End.FAILED)


def _text(members: dict[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise Invalid(f"{name} must be a string")
    return value

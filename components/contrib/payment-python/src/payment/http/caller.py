"""Who is calling: what the gateway says in the field `souk-caller`, which it takes away from whatever comes from outside.

No field means that nobody signed in. Members that are not known are ignored, so that the gateway may be newer than the service.
"""

from __future__ import annotations

from dataclasses import dataclass

from payment.domain.payment import Payment
from payment.http import body
from payment.http.message import Request
from payment.http.problem import Problem, internal

FIELD = "souk-caller"

# The role of those who keep the shop.
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who signed in: the account, and what the person is in the shop."""

    sub: str
    roles: tuple[str, ...]

    def is_admin(self) -> bool:
        """Whether it is somebody who keeps the shop."""
        return ADMIN in self.roles

    def visible(self, payment: Payment) -> Payment | None:
        """A payment as they may see it: their own, and admins each."""
        if self.is_admin():
            return payment
        return payment.for_customer() if self.sub == payment.customer else None


def caller(request: Request) -> Caller:
    """Who is calling. Raises a `Problem` for nobody."""
    values = request.fields(FIELD)
    if not values:
        # RFC 9110 §15.5.2: says how to sign in.
        raise Problem(401).field("www-authenticate", "Bearer")
    if len(values) > 1:
        raise internal(f"{FIELD}: more than one field")
    return _read(values[0])


def demand_admin(request: Request) -> None:
    """Raises a `Problem` unless somebody calls who keeps the shop. The gateway looks at the role as well, and a manifest may forget it."""
    if not caller(request).is_admin():
        raise Problem(403, detail="this is for admins")


def _read(value: str) -> Caller:
    """A value that can't be read is the gateway's fault, and the request must not pass as anonymous."""
    try:
        said = body.parse(value.encode())
    except ValueError as fault:
        raise internal(f"{FIELD}: {fault}") from None
    if not isinstance(said, dict):
        raise internal(f"{FIELD}: must be an object")
    sub, roles = said.get("sub"), said.get("roles", [])
    if not isinstance(sub, str) or not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise internal(f"{FIELD}: sub is a string, and roles are some")
    return Caller(sub, tuple(roles))

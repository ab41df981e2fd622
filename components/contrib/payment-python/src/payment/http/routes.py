"""The routes: requests in, domain types; domain types out, responses. No statement and no rule stands here.

| route | methods |
|---|---|
| `/api/v1/payments` | admins: `GET` a page (`page size order_id customer status`) |
| `/api/v1/payments/{id}` | `GET`, for admins and the customer |
| `/api/v1/payments/{id}/refunds` | admins: `POST`, with `Idempotency-Key` |
| `/api/v1/payments/resolve` | admins: `POST` finishes what has no outcome |
| `/api/v1/payments/ledger` | admins: `GET` sums of each account |
| `/api/v1/payments/webhooks/{provider}` | `POST` a signed event |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from payment import domain, store
from payment.context import log_error
from payment.database import Failure
from payment.domain import Invalid, Key, Refusal, UnknownPayment
from payment.domain.ledger import is_balanced
from payment.domain.operation import Origin, Refund, Wanted
from payment.domain.payment import Status
from payment.domain.webhook import BODY_BYTES_MAX, Secret, notice
from payment.http import body, etag
from payment.http.caller import caller, demand_admin
from payment.http.message import Request, Response, json_response, visible
from payment.http.page import Page
from payment.http.problem import Problem, done, malformed_body, of_failure, of_refusal
from payment.http.query import Query
from payment.payments import Payments
from payment.simulator import NAME
from payment.store import ledger, listing
from payment.store.listing import Listing

T = TypeVar("T")

# The field with the signature of a webhook. Names that begin with `souk-` are the gateway's own.
SIGNATURE_FIELD = "payment-signature"


async def answer(payments: Payments, request: Request) -> Response:
    """Answers one request, whatever comes."""
    try:
        handler, segment = _route(request)
        return await handler(payments, request, segment)
    except Problem as problem:
        return problem.response()
    except Refusal as refusal:
        return of_refusal(refusal).response()
    except Failure as failure:
        return of_failure(failure).response()


async def _list(payments: Payments, request: Request, _: str) -> Response:
    demand_admin(request)
    query = Query(request.query)
    page = Page.of(query)
    wanted = Listing(
        page.size,
        page.offset(),
        order_id=query.optional("order_id", domain.order_id),
        customer=query.optional("customer", domain.customer),
        status=query.optional("status", _status),
    )
    query.finish()
    found, total = await listing.listed(payments.context, wanted)
    return page.response(request, total, [payment.json() for payment in found])


async def _read(payments: Payments, request: Request, segment: str) -> Response:
    """To whom it does not belong it does not exist."""
    who = caller(request)
    id = _parsed(segment, domain.payment_id)
    seen = etag.seen(request)
    payment = await store.payment(payments.context, id)
    payment = payment and who.visible(payment)
    if not payment:
        raise UnknownPayment
    tag = f"{payment.id}.{payment.version}"
    return etag.not_modified(tag) if etag.has(seen, tag) else json_response(payment.json(), etag.field(tag))


async def _refund(payments: Payments, request: Request, segment: str) -> Response:
    demand_admin(request)
    payment_id = _parsed(segment, domain.payment_id)
    fields = body.fields(request)
    amount = None
    if fields:
        fields.refused("currency", "is that of the payment")
        amount = fields.optional_integer("amount", domain.amount)
        fields.finish()
    wanted = Wanted.under(Origin.HTTP, _key(request), Refund(payment_id, amount))
    return json_response(done(await payments.operate(wanted)).json())


async def _resolve(payments: Payments, request: Request, _: str) -> Response:
    demand_admin(request)
    resolved = await payments.resolve()
    return json_response({"open": resolved.open, "settled": resolved.settled})


async def _ledger(payments: Payments, request: Request, _: str) -> Response:
    demand_admin(request)
    sums = await ledger.sums(payments.context)
    accounts = [{"account": each.account, "amount": each.amount, "currency": each.currency} for each in sums]
    return json_response({"accounts": accounts, "balanced": is_balanced(sums)})


async def _webhook(payments: Payments, request: Request, segment: str) -> Response:
    """An event that a provider sends. The signature is looked at before anything of the body is read."""
    content = body.raw(request)
    if segment != NAME:
        raise Problem(404, detail="there is no such provider")
    secret = _secret(payments)
    signatures = request.fields(SIGNATURE_FIELD)
    # What is wrong with it is not told: whoever has the secret finds out by signing again.
    if len(signatures) != 1 or not secret.has_signed(visible(signatures[0]), content, payments.context.now()):
        raise Problem(401, "invalid-signature", "The signature is not good")
    if len(content) > BODY_BYTES_MAX:
        raise Problem(413, detail=f"an event has at most {BODY_BYTES_MAX} bytes")
    try:
        said = notice(body.parse(content))
    except ValueError as fault:
        raise malformed_body(str(fault)) from None
    if said:
        await payments.notice(said)
    return Response(204)


def _secret(payments: Payments) -> Secret:
    """A sender repeats what was answered with 503, so no event is lost while the operator has set nothing."""
    name = f"{NAME}_webhook_secret"
    try:
        return Secret(payments.context.setting(name) or "")
    except Invalid as fault:
        log_error(f"setting {name} {fault}")
        raise Problem(503, "webhooks-not-set-up", "No secret is set for this provider") from None


def _key(request: Request) -> Key:
    """The field `Idempotency-Key`. Where money moves, a client that has lost the answer must be able to ask again.

    The draft writes the key as a quoted string; many clients leave the quotes out, and mean the same.
    """
    values = request.fields("idempotency-key")
    if len(values) != 1:
        raise Problem(400, detail=f"Idempotency-Key must be given{' once' if values else ''}")
    text = visible(values[0])
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        text = text[1:-1]
    try:
        return domain.key(text)
    except Invalid as fault:
        raise Problem(400, detail=f"Idempotency-Key {fault}") from None


def _status(text: str) -> Status:
    if text in list(Status):
        return Status(text)
    raise Invalid(f"must be one of {', '.join(Status)}")


def _parsed(segment: str, parse: Callable[[str], T]) -> T:
    """A segment that can't be one of its kind names nothing: 404 and not 400, as for any other id that does not exist."""
    try:
        return parse(segment)
    except Invalid:
        raise Problem(404) from None


Handler = Callable[[Payments, Request, str], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """A path below `/api/v1/payments`, in which `None` stands for a segment of any text, and who answers which method there."""

    segments: tuple[str | None, ...]
    method: str
    handler: Handler


# A path that is written out goes before one with a segment of any text.
ROUTES = (
    Route((), "GET", _list),
    Route(("resolve",), "POST", _resolve),
    Route(("ledger",), "GET", _ledger),
    Route((None,), "GET", _read),
    Route(("webhooks", None), "POST", _webhook),
    Route((None, "refunds"), "POST", _refund),
)

_BASE = "/api/v1/payments"


def _route(request: Request) -> tuple[Handler, str]:
    """Who answers, and the text of the path's variable segment. Raises a `Problem`."""
    # The host does not send the content of an answer to `HEAD`, so that it is answered as `GET` is.
    method = "GET" if request.method == "HEAD" else request.method
    if request.path == _BASE:
        given = []
    elif request.path.startswith(f"{_BASE}/"):
        given = request.path[len(_BASE) + 1 :].split("/")
    else:
        given = [""]
    for route in ROUTES:
        if not _fits(route, given):
            continue
        if method != route.method:
            return _other_method(route, method), ""
        return route.handler, _variable(route, given)
    raise Problem(404, detail="there is no such route")


def _fits(route: Route, given: list[str]) -> bool:
    return len(route.segments) == len(given) and all(
        text == segment if segment is not None else bool(text)
        for segment, text in zip(route.segments, given, strict=True)
    )


def _variable(route: Route, given: list[str]) -> str:
    for segment, text in zip(route.segments, given, strict=True):
        if segment is None:
            try:
                return unquote_to_bytes(text).decode()
            except UnicodeDecodeError:
                # Nothing has such a name; whoever is asked refuses it after they have looked at who asks.
                return ""
    return ""


def _other_method(route: Route, method: str) -> Handler:
    allow = ("allow", "GET,HEAD" if route.method == "GET" else route.method)

    async def refuse(*_: object) -> Response:
        if method == "OPTIONS":
            return Response(204, [allow])
        detail = "the field Allow names the methods of this route"
        raise Problem(405, detail=detail).field(*allow)

    return refuse

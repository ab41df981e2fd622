"""Payments over HTTP: who sees what, lists, refunds by people, events of the provider, and what should not be sent."""

from __future__ import annotations

from typing import Any

from payment.domain import OutcomeUnknown
from payment.domain.operation import RESOLVE_AFTER_S
from payment.domain.payment import Status
from payment.domain.webhook import FORGET_S, TOLERANCE_S
from payment.http import body, etag, page
from payment.http.message import Request
from payment.http.query import Query
from payment.simulator import NAME
from payment.store import operation
from tests.shop import ADMIN, BUYER, CUSTOMER, PAYMENTS, Break, Shop, ShopTest, capture

UNKNOWN = "01919191-0000-7000-8000-000000000000"


class Reading(ShopTest):
    """Who sees what."""

    async def test_a_payment_is_seen_by_its_customer_and_by_admins(self) -> None:
        id = await self.shop.authorized("a")
        path = f"{PAYMENTS}/{id}"
        expected = {
            "id": id,
            "order_id": "a",
            "customer": CUSTOMER,
            "provider": "simulator",
            "amount": {"amount": 100, "currency": "EUR"},
            "captured": 0,
            "refunded": 0,
            "status": "authorized",
            "decline_reason": None,
            "version": 2,
            "created_at": "2026-11-20T10:00:00.000Z",
            "updated_at": "2026-11-20T10:00:00.000Z",
        }
        for who in [BUYER, ADMIN]:
            seen = await self.shop.send("GET", path, who)
            self.assertEqual((seen.status, seen.body, list(seen.body)), (200, expected, list(expected)))
            self.assertEqual(seen.fields["cache-control"], "private, no-cache")
        unknown = await self.shop.send("GET", f"{PAYMENTS}/{UNKNOWN}", BUYER)
        for other in ["https://shop.example|other", "mina", f"{CUSTOMER} "]:
            refused = await self.shop.send("GET", path, {"sub": other, "roles": ["Admin", "merchant"]})
            self.assertEqual((refused.refusal(), refused.body), ((404, "about:blank"), unknown.body))
        nobody = await self.shop.send("GET", path)
        self.assertEqual((nobody.refusal(), nobody.fields["www-authenticate"]), ((401, "about:blank"), "Bearer"))

    async def test_who_pays_with_stolen_money_does_not_learn_that_it_was_noticed(self) -> None:
        for token, to_customer, to_admin in [
            ("tok_stolen", "declined", "suspected-fraud"),
            ("tok_insufficient_funds", "insufficient-funds", "insufficient-funds"),
        ]:
            answer = await self.shop.authorize(token, "order-1", 100, token)
            for who, reason in [(BUYER, to_customer), (ADMIN, to_admin)]:
                seen = await self.shop.send("GET", f"{PAYMENTS}/{answer.payment.id}", who)
                self.assertEqual(seen.body["decline_reason"], reason)

    async def test_a_payment_that_was_seen_is_not_sent_again(self) -> None:
        id = await self.shop.authorized("a")
        path = f"{PAYMENTS}/{id}"
        tag = (await self.shop.send("GET", path, BUYER)).fields["etag"]
        for lines in [tag, f"W/{tag}", f'"other", ,{tag}', "*", ['"other"', tag]]:
            self.assertEqual((await self.shop.send("GET", path, BUYER, if_none_match=lines)).status, 304, lines)
        for broken in ["", "a", '"a', '"a" "b"', f"*, {tag}", 'w/"a"']:
            refused = await self.shop.send("GET", path, BUYER, if_none_match=broken)
            self.assertEqual(refused.refusal(), (400, "about:blank"), broken)
        await self.shop.capture("c", id, None)
        self.assertEqual((await self.shop.send("GET", path, BUYER, if_none_match=tag)).status, 200)
        self.assertFalse(etag.has(None, "a"))

    async def test_what_admins_do_is_for_admins(self) -> None:
        id = await self.shop.captured("a")
        for method, path in [
            ("GET", PAYMENTS),
            ("GET", f"{PAYMENTS}/ledger"),
            ("POST", f"{PAYMENTS}/resolve"),
            ("POST", f"{PAYMENTS}/{id}/refunds"),
        ]:
            for who, status in [(None, 401), (BUYER, 403), ({"sub": "m", "roles": ["merchant"]}, 403)]:
                refused = await self.shop.send(method, path, who, idempotency_key="k")
                self.assertEqual(refused.refusal(), (status, "about:blank"), path)
        self.assertEqual((await self.shop.payment(id)).state.refunded, 0)
        for broken in ["root", "[]", '{"roles":["admin"]}', '{"sub":"a","roles":"admin"}']:
            refused = await self.shop.send("GET", PAYMENTS, souk_caller=broken)
            self.assertEqual(refused.refusal(), (500, "about:blank"), broken)
        twice = await self.shop.send("GET", PAYMENTS, ADMIN, souk_caller='{"sub":"a","roles":["admin"]}')
        self.assertEqual(twice.refusal(), (500, "about:blank"))

    async def test_payments_are_listed_newest_first(self) -> None:
        shop = self.shop
        for order, token in [("o1", "tok_visa"), ("o2", "tok_declined"), ("o3", "tok_visa"), ("o2", "tok_visa")]:
            shop.later(1)
            await shop.authorize(f"{order}-{token}", order, 100, token)
        someone = "customer=https%3A%2F%2Fshop.example%7Cmina"
        for query, expected in [
            ("", ["o2", "o3", "o2", "o1"]),
            ("?order_id=o2", ["o2", "o2"]),
            ("?order_id=o9", []),
            ("?status=declined", ["o2"]),
            ("?status=authorized&order_id=o2", ["o2"]),
            (f"?{someone}", ["o2", "o3", "o2", "o1"]),
            (f"?{someone}&status=voided", []),
        ]:
            listed = await shop.send("GET", f"{PAYMENTS}{query}", ADMIN)
            orders = [payment["order_id"] for payment in listed.body["items"]]
            self.assertEqual((orders, listed.body["total"]), (expected, len(expected)), query)
        second = await shop.send("GET", f"{PAYMENTS}?size=3&page=2", ADMIN)
        self.assertEqual([payment["order_id"] for payment in second.body["items"]], ["o1"])
        self.assertIn('rel="prev"', second.fields["link"])
        beyond = await shop.send("GET", f"{PAYMENTS}?size=3&page=3", ADMIN)
        self.assertEqual((beyond.body["items"], beyond.body["total"]), ([], 4))

    def test_links_keep_the_rest_of_the_query(self) -> None:
        request = Request("GET", "/things", "q=a%20b&page=2&size=10&sort=-name", [], b"")
        self.assertEqual(
            page.Page(2, 10).links(request, 25),
            '</things?q=a%20b&sort=-name&page=1&size=10>; rel="first", '
            '</things?q=a%20b&sort=-name&page=1&size=10>; rel="prev", '
            '</things?q=a%20b&sort=-name&page=3&size=10>; rel="next", '
            '</things?q=a%20b&sort=-name&page=3&size=10>; rel="last"',
        )
        self.assertNotIn("next", page.Page(9, 10).links(request, 25))


class Refunds(ShopTest):
    """Money that people give back."""

    async def test_an_admin_gives_money_back_once_for_each_key(self) -> None:
        shop = self.shop
        id = await shop.captured("a")
        # With or without quotes it is one key.
        for key in ['"k1"', '"k1"', "k1"]:
            part = await shop.give_back(id, key, {"amount": 30})
            self.assertEqual((part.status, part.body["refunded"], part.body["status"]), (200, 30, "partially-refunded"))
        for key, amount, expected in [
            ("k1", 31, (422, "idempotency-key-reused")),
            ("k2", 71, (409, "exceeds-captured")),
        ]:
            self.assertEqual((await shop.give_back(id, key, {"amount": amount})).refusal(), expected)
        # Without a body it is all that is left.
        rest = await shop.send("POST", f"{PAYMENTS}/{id}/refunds", ADMIN, idempotency_key="k3")
        self.assertEqual((rest.body["refunded"], rest.body["status"]), (100, "refunded"))
        self.assertEqual((await shop.give_back(id, "k4", {})).refusal(), (409, "already-refunded"))
        self.assertEqual(shop.truth(id), (100, 100, 0))
        ledger = await shop.send("GET", f"{PAYMENTS}/ledger", ADMIN)
        sums = {each["account"]: each["amount"] for each in ledger.body["accounts"]}
        expected = {"customer-receivable": 0, "provider-clearing": 0, "refunds": 100, "revenue": -100}
        self.assertEqual((ledger.body["balanced"], sums), (True, expected))

    async def test_a_key_of_http_is_none_of_another_service(self) -> None:
        id = await self.shop.captured("a")
        await self.shop.refund("k", id, 30)
        self.assertEqual((await self.shop.give_back(id, "k", {"amount": 30})).body["refunded"], 60)

    async def test_what_comes_of_a_refund_is_told_so_that_a_client_knows_what_to_do(self) -> None:
        for token, expected in [
            ("tok_refund_fails", (502, "payment-failed")),
            ("tok_refund_unavailable", (503, "provider-unavailable")),
            ("tok_refund_timeout", (503, "payment-outcome-unknown")),
            ("tok_refund_slow", (503, "payment-outcome-unknown")),
        ]:
            id = await self.shop.captured(token, token)
            refused = await self.shop.give_back(id, token, {"amount": 30})
            self.assertEqual(refused.refusal(), expected)
            self.assertEqual(refused.fields.get("retry-after"), "2" if expected[0] == 503 else None)
        id = await self.shop.authorized("a")
        self.assertEqual((await self.shop.give_back(id, "k", {})).refusal(), (409, "nothing-captured"))
        await operation.begin(self.shop.context, NAME, capture("c", id, None))
        busy = await self.shop.give_back(id, "k2", {})
        self.assertEqual((busy.refusal(), busy.fields["retry-after"]), ((409, "payment-in-progress"), "2"))

    async def test_an_admin_has_what_was_left_open_finished(self) -> None:
        with self.assertRaises(OutcomeUnknown):
            await self.shop.authorize("a", "order-1", 100, "tok_timeout_after_effect")
        self.shop.later(RESOLVE_AFTER_S)
        for settled in [1, 0]:
            resolved = await self.shop.send("POST", f"{PAYMENTS}/resolve", ADMIN)
            self.assertEqual((resolved.status, resolved.body), (200, {"settled": settled, "open": 0}))


class BadInput(ShopTest):
    """What should not be sent."""

    async def test_all_faults_of_a_query_are_told_at_once(self) -> None:
        for query, faults in [
            ("status=lost", ["status"]),
            ("order_id=a%20b", ["order_id"]),
            ("order_id=", ["order_id"]),
            ("customer=", ["customer"]),
            ("customer=a%0Ab", ["customer"]),
            ("customer=a%00b", ["customer"]),
            ("sort=id", ["sort"]),
            ("page=1&page=2", ["page"]),
            ("page=-1", ["page"]),
            ("page=501", ["page"]),
            ("page=99999999999999", ["page"]),
            ("page=٣", ["page"]),
            ("page=0&size=101&order_id=%2F&status=x&colour=blue", ["size", "page", "order_id", "status", "colour"]),
        ]:
            refused = await self.shop.send("GET", f"{PAYMENTS}?{query}", ADMIN)
            self.assertEqual((refused.refusal(), refused.faults()), ((400, "invalid-query"), faults), query)
        for query in ["page=%ff", "&".join(f"p{number}" for number in range(51))]:
            refused = await self.shop.send("GET", f"{PAYMENTS}?{query}", ADMIN)
            self.assertEqual(refused.refusal(), (400, "about:blank"), query)
        Query("").finish()

    async def test_all_faults_of_a_refund_are_told_at_once(self) -> None:
        id = await self.shop.captured("a")
        cases: list[tuple[Any, list[str]]] = [
            ({"amount": 0}, ["/amount"]),
            ({"amount": -1}, ["/amount"]),
            ({"amount": 1.5}, ["/amount"]),
            ({"amount": 1.0}, ["/amount"]),
            ({"amount": True}, ["/amount"]),
            ({"amount": "1"}, ["/amount"]),
            ({"amount": 10**12 + 1}, ["/amount"]),
            ({"amount": 2**63}, ["/amount"]),
            ({"amount": 10**30}, ["/amount"]),
            ({"currency": None, "amount": 0, "why": "x", "a/b~c": 1}, ["/currency", "/amount", "/a~1b~0c", "/why"]),
            ([], [""]),
        ]
        for content, faults in cases:
            refused = await self.shop.give_back(id, "k", content)
            self.assertEqual((refused.refusal(), refused.faults()), ((422, "invalid-body"), faults), content)
        path, json = f"{PAYMENTS}/{id}/refunds", "application/json"
        for media, content, expected in [
            (json, b"{", (400, "malformed-body")),
            (json, b'{"amount":1,"amount":2}', (400, "malformed-body")),
            (json, b'{"amount":NaN}', (400, "malformed-body")),
            (json, b'{"amount":1e400}', (400, "malformed-body")),
            (json, b'{"amount":1' + b"0" * 5000 + b"}", (400, "malformed-body")),
            (json, b'{"\\ud800":1}', (400, "malformed-body")),
            (json, b"\xff", (400, "malformed-body")),
            (json, b"[" * 20_000, (400, "malformed-body")),
            (json, b'{"amount":1}' + b" " * body.BODY_BYTES_MAX, (413, "about:blank")),
            ("text/plain", b'{"amount":1}', (415, "about:blank")),
            (f"{json}; charset=latin-1", b'{"amount":1}', (415, "about:blank")),
        ]:
            refused = await self.shop.send("POST", path, ADMIN, content, idempotency_key="k", content_type=media)
            self.assertEqual(refused.refusal(), expected, content[:40])
        self.assertEqual((await self.shop.payment(id)).state.refunded, 0)
        self.assertEqual(self.shop.count("operations"), 2)
        media = 'Application/JSON; charset="UTF-8"'
        good = await self.shop.send("POST", path, ADMIN, b'{"amount":1}', idempotency_key="k", content_type=media)
        self.assertEqual(good.status, 200)

    def test_depth_is_counted_outside_of_texts(self) -> None:
        deepest = b"[" * body.DEPTH_MAX + b"]" * body.DEPTH_MAX
        body.parse(deepest)
        body.parse(b'["' + b"[" * 1000 + b'\\"' + b"{" * 1000 + b'"]')
        body.parse(b"[" + b",".join([b"[]"] * 1000) + b"]")
        for bad in [b"[" + deepest + b"]", b'"' * 1001, b'"\\', b'"' + b'\\"' * 100_000]:
            with self.assertRaises(ValueError):
                body.parse(bad)

    async def test_money_moves_only_under_one_good_key(self) -> None:
        id = await self.shop.captured("a")
        path = f"{PAYMENTS}/{id}/refunds"
        self.assertEqual((await self.shop.send("POST", path, ADMIN)).refusal(), (400, "about:blank"))
        for key in ["", '""', '"', "x" * 129, "é", ["k", "k"]]:
            refused = await self.shop.send("POST", path, ADMIN, idempotency_key=key)
            # A single quote is a key, though an odd one.
            if key == '"':
                self.assertEqual(refused.status, 200)
            else:
                self.assertEqual(refused.refusal(), (400, "about:blank"), key)

    async def test_routes_methods_and_ids_that_do_not_exist(self) -> None:
        for path in ["/", f"{PAYMENTS}/", f"{PAYMENTS}/%ff", f"{PAYMENTS}/a%2Fb", f"{PAYMENTS}/x/y", f"{PAYMENTS}x"]:
            self.assertEqual((await self.shop.send("GET", path, ADMIN)).refusal(), (404, "about:blank"), path)
        self.assertEqual((await self.shop.give_back(UNKNOWN, "k", {})).refusal(), (404, "about:blank"))
        for method, path, allow in [
            ("POST", PAYMENTS, "GET,HEAD"),
            ("DELETE", f"{PAYMENTS}/x", "GET,HEAD"),
            ("GET", f"{PAYMENTS}/resolve", "POST"),
            ("HEAD", f"{PAYMENTS}/resolve", "POST"),
            ("GET", f"{PAYMENTS}/webhooks/simulator", "POST"),
        ]:
            refused = await self.shop.send(method, path, ADMIN)
            self.assertEqual((refused.refusal(), refused.fields["allow"]), ((405, "about:blank"), allow))
        told = await self.shop.send("OPTIONS", PAYMENTS)
        self.assertEqual((told.status, told.fields["allow"]), (204, "GET,HEAD"))
        self.assertEqual((await self.shop.send("HEAD", PAYMENTS, ADMIN)).status, 200)

    async def test_a_database_that_is_away_is_told_and_nothing_of_it(self) -> None:
        self.shop.break_at(0, Break.BEFORE)
        refused = await self.shop.send("GET", PAYMENTS, ADMIN)
        self.assertEqual((refused.refusal(), refused.body.get("detail")), ((503, "about:blank"), None))


def event(id: str, kind: str, key: str, **data: str) -> dict[str, Any]:
    """An event as a provider writes it."""
    return {"id": id, "type": kind, "created": 1_795_168_800, "data": {"key": key, "object": "operation", **data}}


class Webhooks(ShopTest):
    """Events that the provider sends: signed, once, and never backwards."""

    async def waiting(self, token: str) -> Any:
        """A payment whose authorization was never answered."""
        with self.assertRaises(OutcomeUnknown) as caught:
            await self.shop.authorize(token, "order-1", 100, token)
        return caught.exception.payment_id

    async def test_an_event_finishes_what_the_provider_has_not_answered(self) -> None:
        for token, sent, status in [
            ("tok_timeout_after_effect", event("e1", "operation.succeeded", "authorize:{}"), Status.AUTHORIZED),
            ("tok_timeout", event("e2", "operation.failed", "authorize:{}"), Status.FAILED),
            ("tok_slow", event("e3", "operation.declined", "authorize:{}", reason="expired"), Status.DECLINED),
        ]:
            id = await self.waiting(token)
            sent["data"]["key"] = f"authorize:{token}"
            hooked = await self.shop.hook(sent)
            self.assertEqual((hooked.status, hooked.body), (204, None))
            self.assertEqual((await self.shop.payment(id)).state.status, status)

    async def test_a_bad_signature_writes_nothing(self) -> None:
        id = await self.waiting("tok_timeout_after_effect")
        sent = event("e1", "operation.succeeded", "authorize:tok_timeout_after_effect")
        other = "another secret that is as long as it"
        for hooked in [
            await self.shop.hook(sent, secret=other),
            await self.shop.hook(sent, at=self.shop.now.plus_seconds(-TOLERANCE_S - 1)),
            await self.shop.hook(sent, at=self.shop.now.plus_seconds(TOLERANCE_S + 1)),
            await self.shop.send("POST", f"{PAYMENTS}/webhooks/simulator", body=b"{}"),
            await self.shop.send("POST", f"{PAYMENTS}/webhooks/simulator", body=b"{}", payment_signature=["a", "a"]),
        ]:
            self.assertEqual(hooked.refusal(), (401, "invalid-signature"))
        self.assertEqual((await self.shop.payment(id)).state.status, Status.AUTHORIZING)
        self.assertEqual(self.shop.count("webhook_events"), 0)
        self.assertEqual((await self.shop.hook(sent, at=self.shop.now.plus_seconds(-TOLERANCE_S))).status, 204)

    async def test_without_a_long_secret_nothing_is_believed(self) -> None:
        for secret in [None, "", "short"]:
            self.assertEqual((await Shop(secret).hook({})).refusal(), (503, "webhooks-not-set-up"))

    async def test_an_event_has_one_effect_however_often_it_comes(self) -> None:
        shop = self.shop
        id = await shop.authorized("a", "tok_capture_timeout_after_effect")
        with self.assertRaises(OutcomeUnknown):
            await shop.capture("c1", id, 40)
        for _ in range(3):
            self.assertEqual((await shop.hook(event("e1", "operation.succeeded", "capture:c1"))).status, 204)
        self.assertEqual(((await shop.payment(id)).state.captured, shop.count("ledger_entries")), (40, 4))
        self.assertEqual((shop.count("webhook_events"), len(shop.events())), (1, 2))
        # The id of an event that was seen, on another operation.
        with self.assertRaises(OutcomeUnknown):
            await shop.capture("c2", id, 10)
        self.assertEqual((await shop.hook(event("e1", "operation.succeeded", "capture:c2"))).status, 204)
        self.assertEqual((await shop.payment(id)).state.captured, 40)
        self.assertEqual((await shop.hook(event("e2", "operation.succeeded", "capture:c2"))).status, 204)
        self.assertEqual((await shop.payment(id)).state.captured, 50)

    async def test_an_event_never_takes_anything_back(self) -> None:
        shop = self.shop
        id = await shop.captured("a")
        await shop.refund("r", id, 10)
        before = await shop.payment(id)
        shop.events()
        for number, (kind, key) in enumerate(
            [
                ("operation.succeeded", "authorize:a"),
                ("operation.failed", "authorize:a"),
                ("operation.failed", "capture:a"),
                ("operation.failed", "refund:r"),
                ("operation.succeeded", "capture:unknown"),
                ("operation.succeeded", "capture:a\0"),
                ("payout.paid", "capture:a"),
            ]
        ):
            self.assertEqual((await shop.hook(event(f"e{number}", kind, key))).status, 204)
        self.assertEqual((await shop.payment(id), shop.events()), (before, []))

    async def test_a_signed_body_that_is_no_event_is_refused(self) -> None:
        await self.waiting("tok_timeout")
        for bad in [
            [],
            {"type": "operation.failed"},
            {"id": 5, "type": "operation.failed"},
            {"id": "e", "type": "operation.failed"},
            {"id": "e", "type": "operation.failed", "data": {"key": 5}},
            event("", "operation.failed", "authorize:a"),
            event("x" * 129, "operation.failed", "authorize:a"),
            event("a\0b", "operation.failed", "authorize:a"),
            event("e", "operation.declined", "authorize:a"),
            event("e", "operation.declined", "authorize:a", reason="bored"),
        ]:
            self.assertEqual((await self.shop.hook(bad)).refusal(), (400, "malformed-body"), bad)
        large = {"id": "e1", "type": "payout.paid", "data": "x" * 64 * 1024}
        self.assertEqual((await self.shop.hook(large)).refusal(), (413, "about:blank"))
        elsewhere = await self.shop.send("POST", f"{PAYMENTS}/webhooks/other", body=b"{}")
        self.assertEqual(elsewhere.refusal(), (404, "about:blank"))

    async def test_events_are_forgotten_when_no_sender_repeats_them_any_more(self) -> None:
        shop = self.shop
        id = await shop.authorized("a", "tok_capture_timeout_after_effect")
        for number, after_s, remembered in [(1, 0, 1), (2, FORGET_S - 1, 2), (3, 1, 2)]:
            shop.later(after_s)
            with self.assertRaises(OutcomeUnknown):
                await shop.capture(f"c{number}", id, 1)
            await shop.hook(event(f"e{number}", "operation.succeeded", f"capture:c{number}"))
            self.assertEqual(shop.count("webhook_events"), remembered)

"""Operations: one effect for each key, one at a time, and whatever breaks between two steps is finished by whoever comes next."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from payment import store
from payment.database import Failure, Stale
from payment.domain import InProgress, KeyReused, OutcomeUnknown, PaymentId, ProviderUnavailable, Refusal
from payment.domain.operation import LEASE_S, RESOLVE_AFTER_S, RESOLVED_MAX, Answer, Kind, Verdict, Wanted
from payment.domain.payment import Status
from payment.payments import Resolved
from payment.simulator import NAME, SLOW_S
from payment.store import operation
from payment.store.operation import Claim
from tests.shop import DECLINED, DONE, FAILED, Break, Shop, ShopTest, authorize, capture, refund, refused, void


class Keys(ShopTest):
    """Idempotency keys."""

    async def test_a_repetition_gives_the_first_answer_whatever_happened_since(self) -> None:
        shop = self.shop
        wanted = authorize("k", "order-1", 100, "tok_visa")
        held = await shop.payments.operate(wanted)
        id = held.payment.id
        answers: list[tuple[Wanted, Answer]] = [(wanted, held)]
        for wanted in [
            capture("k", id, 60),
            capture("k2", id, 41),
            refund("k", id, 20),
            void("k", id),
            refund("k2", id, None),
        ]:
            shop.later(1)
            answers.append((wanted, await shop.payments.operate(wanted)))
        self.assertEqual(len(shop.events()), 4)
        shop.later(1000)
        for wanted, answer in answers:
            self.assertEqual(await shop.payments.operate(wanted), answer)
        self.assertEqual((shop.events(), shop.count("operations")), ([], 6))
        for kind, key in [(Kind.AUTHORIZE, "k"), (Kind.CAPTURE, "k"), (Kind.REFUND, "k"), (Kind.REFUND, "k2")]:
            self.assertEqual(shop.arrivals(kind, key), 1)
        short, taken = refused("insufficient-authorization"), refused("already-captured")
        self.assertEqual([answer.outcome for _, answer in answers], [DONE, DONE, short, DONE, taken, DONE])

    async def test_a_key_is_for_the_same_arguments_only(self) -> None:
        shop = self.shop
        id, other = await shop.captured("a"), await shop.captured("b")
        await shop.refund("k", id, 10)
        for wanted in [
            authorize("a", "a2", 100, "tok_visa"),
            authorize("a", "a", 101, "tok_visa"),
            authorize("a", "a", 100, "tok_other"),
            capture("a", id, 100),
            capture("a", other, None),
            refund("k", id, 11),
            refund("k", id, None),
            refund("k", other, 10),
        ]:
            with self.assertRaises(KeyReused, msg=repr(wanted)):
                await shop.payments.operate(wanted)
        self.assertEqual(shop.truth(id), (100, 10, 0))

    async def test_while_the_first_is_under_way_a_repetition_waits(self) -> None:
        wanted = authorize("a", "order-1", 100, "tok_visa")
        self.assertIsInstance(await operation.begin(self.shop.context, NAME, wanted), Claim)
        with self.assertRaises(InProgress):
            await self.shop.payments.operate(wanted)
        with self.assertRaises(KeyReused):
            await self.shop.payments.operate(authorize("a", "order-2", 100, "tok_visa"))
        self.assertEqual(self.shop.count("simulator_operations"), 0)


class Tokens(ShopTest):
    """What the provider can do."""

    async def test_an_authorization_ends_as_its_token_says(self) -> None:
        for token, outcome, status in [
            ("tok_visa", DONE, Status.AUTHORIZED),
            ("tok_declined", DECLINED, Status.DECLINED),
            ("tok_insufficient_funds", DECLINED, Status.DECLINED),
            ("tok_expired", DECLINED, Status.DECLINED),
            ("tok_stolen", DECLINED, Status.DECLINED),
            ("tok_error", FAILED, Status.FAILED),
            ("visa", DECLINED, Status.DECLINED),
            ("tok_refund_breaks", DECLINED, Status.DECLINED),
            ("tok_capture_timeout_after_effect", DONE, Status.AUTHORIZED),
        ]:
            answer = await self.shop.authorize(token, "order-1", 100, token)
            self.assertEqual((answer.outcome, answer.payment.state.status), (outcome, status), token)

    async def test_what_has_no_answer_is_repeated_or_asked_about(self) -> None:
        for token, error, again in [
            ("tok_unavailable", ProviderUnavailable, ProviderUnavailable),
            ("tok_timeout", OutcomeUnknown, FAILED),
            ("tok_timeout_after_effect", OutcomeUnknown, DONE),
            ("tok_slow", OutcomeUnknown, OutcomeUnknown),
        ]:
            with self.assertRaises(error):
                await self.shop.authorize(token, "order-1", 100, token)
            if isinstance(again, type):
                with self.assertRaises(again):
                    await self.shop.authorize(token, "order-1", 100, token)
            else:
                answer = await self.shop.authorize(token, "order-1", 100, token)
                self.assertEqual(answer.outcome, again, token)
        self.shop.later(SLOW_S)
        self.assertEqual((await self.shop.authorize("tok_slow", "order-1", 100, "tok_slow")).outcome, DONE)

    async def test_a_later_fault_comes_with_its_operation(self) -> None:
        shop = self.shop
        for kind in ["capture", "void", "refund"]:
            for fault, expected in [
                ("fails", FAILED),
                ("unavailable", ProviderUnavailable),
                ("timeout", OutcomeUnknown),
                ("timeout_after_effect", OutcomeUnknown),
                ("slow", OutcomeUnknown),
            ]:
                name = f"{kind}-{fault}"
                id = await shop.authorized(name, f"tok_{kind}_{fault}")
                if kind == "refund":
                    await shop.capture(name, id, None)
                wanted = {"capture": capture(name, id, 40), "void": void(name, id), "refund": refund(name, id, 40)}
                if isinstance(expected, type):
                    with self.assertRaises(expected, msg=name):
                        await shop.payments.operate(wanted[kind])
                else:
                    self.assertEqual((await shop.payments.operate(wanted[kind])).outcome, expected, name)

    async def test_the_provider_checks_the_sums_too(self) -> None:
        shop = self.shop
        id = await shop.authorized("a")
        shop.rows("UPDATE simulator_authorizations SET captured = 90 WHERE payment_id = $1", id)
        self.assertEqual((await shop.capture("c", id, 11)).outcome, FAILED)
        self.assertEqual((await shop.capture("c2", id, 10)).outcome, DONE)
        self.assertEqual(shop.arrivals(Kind.CAPTURE, "c"), 2)


class Pending(ShopTest):
    """One operation on a payment at a time."""

    async def test_another_operation_waits_for_the_one_that_is_under_way(self) -> None:
        shop = self.shop
        id = await shop.authorized("a")
        await operation.begin(shop.context, NAME, capture("c", id, None))
        with self.assertRaises(InProgress):
            await shop.void("v", id)
        self.assertEqual(shop.count("operations"), 2)
        # Once nobody can be at it any more, it is finished first.
        shop.later(LEASE_S)
        self.assertEqual((await shop.void("v", id)).outcome, DONE)
        self.assertEqual((await shop.capture("c", id, None)).outcome, FAILED)

    async def test_a_void_undoes_an_authorization_whose_answer_was_lost(self) -> None:
        for token, expected in [
            ("tok_timeout_after_effect", DONE),
            ("tok_timeout", refused("not-authorized")),
            ("tok_unavailable", refused("not-authorized")),
        ]:
            shop = Shop()
            with self.assertRaises(Refusal):
                await shop.authorize("a", "order-1", 100, token)
            id = (await store.of_order(shop.context, authorize("a", "order-1", 1, "x").ask.order_id))[0].id
            self.assertEqual((await shop.void("v", id)).outcome, expected, token)
            self.assertIn(shop.truth(id), [None, (0, 0, 1)])

    async def test_resolve_takes_a_bounded_number_and_says_that_there_is_more(self) -> None:
        shop = self.shop
        for number in range(RESOLVED_MAX + 2):
            with self.assertRaises(OutcomeUnknown):
                await shop.authorize(f"a{number}", "order-1", 100, "tok_timeout_after_effect")
            shop.later(1)
        shop.later(RESOLVE_AFTER_S)
        bounded = await shop.payments.resolve()
        self.assertEqual((bounded, bounded.is_more_due()), (Resolved(RESOLVED_MAX, 0), True))
        rest = await shop.payments.resolve()
        self.assertEqual((rest, rest.is_more_due()), (Resolved(2, 0), False))
        self.assertFalse(Resolved(0, RESOLVED_MAX).is_more_due())

    async def test_a_payment_of_another_provider_is_left_alone_until_that_is_back(self) -> None:
        shop = self.shop
        taken, held = await shop.captured("a"), await shop.authorized("b")
        with self.assertRaises(OutcomeUnknown):
            await shop.authorize("c", "order-c", 100, "tok_timeout_after_effect")
        known = shop.count("simulator_operations")
        shop.rows("UPDATE payments SET provider = 'other'")
        shop.later(RESOLVE_AFTER_S)
        self.assertEqual(await shop.payments.resolve(), Resolved(0, 0))
        for wanted in [
            refund("r", taken, None),
            capture("c", held, None),
            authorize("c", "order-c", 100, "tok_timeout_after_effect"),
        ]:
            with self.assertRaises(ProviderUnavailable):
                await shop.payments.operate(wanted)
        event = {"id": "e1", "type": "operation.failed", "data": {"key": "authorize:c"}}
        self.assertEqual((await shop.hook(event)).status, 204)
        # What has an outcome keeps it.
        self.assertEqual((await shop.capture("a", taken, None)).outcome, DONE)
        self.assertEqual(shop.count("simulator_operations"), known)
        shop.rows("UPDATE payments SET provider = 'simulator'")
        self.assertEqual(await shop.payments.resolve(), Resolved(1, 0))


class AtOnce(ShopTest):
    """Several who come at the same time."""

    async def test_of_two_operations_that_begin_at_once_one_waits(self) -> None:
        for number in range(5):
            id = await self.shop.authorized(f"a{number}")
            begun = await asyncio.gather(
                operation.begin(self.shop.context, NAME, capture(f"c{number}", id, None)),
                operation.begin(self.shop.context, NAME, void(f"v{number}", id)),
                return_exceptions=True,
            )
            self.assertEqual([isinstance(each, Claim) for each in begun].count(True), 1, begun)

    async def test_of_many_captures_no_more_is_taken_than_was_held(self) -> None:
        id = await self.shop.authorized("a")

        async def take(number: int) -> Answer:
            """Goes on until it has an outcome, as a caller does."""
            for _ in range(1000):
                with suppress(InProgress, Stale):
                    return await self.shop.capture(f"c{number}", id, 30)
                await asyncio.sleep(0)
            raise AssertionError("somebody is at it for ever")

        answers = await asyncio.gather(*(take(number) for number in range(16)))
        outcomes = [answer.outcome for answer in answers]
        self.assertEqual((outcomes.count(DONE), outcomes.count(refused("insufficient-authorization"))), (3, 13))
        self.assertEqual((self.shop.truth(id), self.shop.count("ledger_entries")), ((90, 0, 0), 12))

    async def test_of_many_calls_with_one_key_one_goes_to_the_provider(self) -> None:
        wanted = authorize("a", "order-1", 100, "tok_visa")
        calls = (self.shop.payments.operate(wanted) for _ in range(16))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        ended = [answer for answer in answers if isinstance(answer, Answer)]
        self.assertEqual([answer for answer in ended if answer != ended[0]], [])
        self.assertTrue(ended)
        self.assertTrue(all(isinstance(answer, Answer | InProgress) for answer in answers), answers)
        self.assertEqual((self.shop.arrivals(Kind.AUTHORIZE, "a"), self.shop.count("payments")), (1, 1))


class Crashes(ShopTest):
    """What is left when everything stops between two steps."""

    async def test_wherever_it_stops_it_is_finished_with_one_effect(self) -> None:
        """The database is lost at each call in turn, before it or behind it; then time passes, and the call is repeated."""
        for token, expected in [("tok_visa", (DONE, 40)), ("tok_capture_fails", (FAILED, 0))]:
            for how in Break:
                breaks = 0
                while await self.stops(token, breaks, how, expected):
                    breaks += 1
                self.assertGreaterEqual(breaks, 5, f"{token} {how}")

    async def stops(self, token: str, call: int, how: Break, expected: tuple[object, int]) -> bool:
        """Whether the database was asked so often that it broke."""
        shop = Shop()
        id = await shop.authorized("a", token)
        shop.break_at(call, how)
        with suppress(Refusal, Failure):
            await shop.capture("c", id, 40)
        has_broken = shop.mend()
        shop.later(LEASE_S)
        answer = await shop.capture("c", id, 40)
        captured = answer.payment.state.captured
        at = f"{token} call {call} {how}"
        # A capture that never arrived is closed, and so has failed; nothing is taken then.
        self.assertIn((answer.outcome, captured), [expected, (FAILED, 0)], at)
        self.assertEqual(shop.truth(id), (captured, 0, 0), at)
        booked = shop.rows("SELECT COALESCE(SUM(amount), 0) FROM ledger_entries WHERE account = 'revenue'")[0][0]
        self.assertEqual(booked, -captured, at)
        self.assertEqual(await shop.capture("c", id, 40), answer, at)
        self.assertEqual(shop.count("payments WHERE pending IS NOT NULL"), 0, at)
        return has_broken

    async def test_resolve_finishes_what_nobody_comes_back_for(self) -> None:
        shop = self.shop
        lost, sent = await shop.authorized("a"), await shop.authorized("b")
        await operation.begin(shop.context, NAME, capture("c1", lost, 40))
        wanted = capture("c2", sent, 40)
        claim = await operation.begin(shop.context, NAME, wanted)
        assert isinstance(claim, Claim)
        await shop.payments.provider.perform(claim.operation, wanted.ask)
        shop.later(RESOLVE_AFTER_S - 1)
        self.assertEqual(await shop.payments.resolve(), Resolved(0, 0))
        shop.later(1)
        self.assertEqual(await shop.payments.resolve(), Resolved(2, 0))
        self.assertEqual((await shop.payment(lost)).state.status, Status.AUTHORIZED)
        self.assertEqual((await shop.payment(sent)).state.captured, 40)

    async def test_who_was_thought_gone_and_comes_back_has_no_second_effect(self) -> None:
        shop = self.shop
        id = await shop.authorized("a")
        wanted = capture("c", id, 40)
        slow = await operation.begin(shop.context, NAME, wanted)
        assert isinstance(slow, Claim)
        shop.later(RESOLVE_AFTER_S)
        await shop.payments.resolve()
        # The provider has closed the key: what arrives after all has no effect.
        self.assertEqual(await shop.payments.provider.perform(slow.operation, wanted.ask), Verdict(FAILED.end))
        finished = await operation.finish(shop.context, wanted.id, Verdict(FAILED.end))
        assert finished
        self.assertTrue(finished.before)
        self.assertEqual(shop.truth(id), (0, 0, 0))

    async def test_of_two_who_take_an_operation_up_one_does(self) -> None:
        shop = self.shop
        first = await operation.begin(shop.context, NAME, authorize("a", "order-1", 100, "tok_visa"))
        assert isinstance(first, Claim)
        shop.later(LEASE_S)
        one = await operation.claim(shop.context, first.operation)
        assert one
        self.assertEqual(one.operation.attempt, 2)
        self.assertIsNone(await operation.claim(shop.context, first.operation))


class Events(ShopTest):
    """What others learn."""

    async def test_each_change_is_an_event_with_what_has_moved(self) -> None:
        shop = self.shop
        id = await shop.captured("a")
        await shop.refund("r", id, 30)
        events = list(shop.database.events)
        self.assertEqual(
            [event.type for event in events], ["payment.authorized", "payment.captured", "payment.refunded"]
        )
        self.assertEqual({event.key for event in events}, {PaymentId(id)})
        self.assertEqual(
            events[-1].data,
            '{"amount":{"amount":100,"currency":"EUR"},"captured":100,"customer":"https://shop.example|mina",'
            f'"id":"{id}","moved":30,"order_id":"a","refunded":30,"status":"partially-refunded"}}',
        )
        with self.assertRaises(OutcomeUnknown):
            await shop.authorize("t", "t", 100, "tok_timeout")
        await shop.authorize("d", "d", 100, "tok_expired")
        self.assertIn('"reason":"expired"', shop.database.events[-1].data)

"""What is written down by the Rust code, computed by this one: whatever differs would not recognise what the other has begun."""

from __future__ import annotations

import json
from typing import Any
from unittest import TestCase

from payment import domain
from payment.context import uuid_v7
from payment.domain import Amount, Customer, Invalid, Key, MethodToken, Money, OrderId, PaymentId, ledger
from payment.domain.operation import Ask, Authorize, Capture, Origin, Refund, Void, Wanted, fingerprint
from payment.domain.payment import DeclineReason, NotAllowed, State, Status
from payment.domain.webhook import TOLERANCE_S, Secret
from payment.moment import Moment
from tests.shop import ROOT

VECTORS: dict[str, Any] = json.loads((ROOT / "components/payment/tests/vectors.json").read_text(encoding="utf-8"))


def ask(kind: str, arguments: dict[str, Any]) -> Ask:
    """The arguments of an operation, as they are written down."""
    match kind:
        case "authorize":
            money = Money(Amount(arguments["money"]["amount"]), domain.currency(arguments["money"]["currency"]))
            order, customer = OrderId(arguments["order_id"]), Customer(arguments["customer"])
            return Authorize(order, customer, money, MethodToken(arguments["method"]))
        case "capture":
            return Capture(PaymentId(arguments["payment_id"]), arguments["amount"])
        case "void":
            return Void(PaymentId(arguments["payment_id"]))
        case "refund":
            return Refund(PaymentId(arguments["payment_id"]), arguments["amount"])
    raise AssertionError(kind)


def state(facts: list[Any]) -> State:
    """A state, as it is written down."""
    status, captured, refunded, reason = facts
    return State.stored(Status(status), captured, refunded, reason and DeclineReason(reason))


class Vectors(TestCase):
    """One test for each list."""

    def test_operations_have_the_same_names_and_fingerprints(self) -> None:
        self.assertGreaterEqual(len(VECTORS["operations"]), 16)
        for vector in VECTORS["operations"]:
            wanted = Wanted.under(
                Origin[vector["origin"].upper()], Key(vector["key"]), ask(vector["kind"], vector["arguments"])
            )
            self.assertEqual((wanted.id, fingerprint(wanted.ask)), (vector["id"], vector["fingerprint"]), vector)

    def test_each_operation_leads_to_the_same_state(self) -> None:
        self.assertGreaterEqual(len(VECTORS["moves"]), 180)
        for vector in VECTORS["moves"]:
            self.assertEqual(self.leads(vector), vector["to"], vector)

    def leads(self, vector: dict[str, Any]) -> dict[str, Any]:
        """Where an operation leads, as it is written down."""
        now, amount = state(vector["from"]), vector["amount"]
        moved = None
        try:
            match vector["operation"]:
                case "authorize":
                    then = now.authorize()
                case "decline":
                    then = now.decline(DeclineReason.EXPIRED)
                case "fail":
                    then = now.fail()
                case operation:
                    move = {
                        "void": lambda: now.void(Amount(100)),
                        "capture": lambda: now.capture(Amount(100), amount),
                        "refund": lambda: now.refund(amount),
                    }[operation]()
                    then, moved = move.then, move.amount
        except NotAllowed as refused:
            return {"conflict": refused.conflict}
        return {"state": [then.status, then.captured, then.refunded, then.reason], "moved": moved}

    def test_the_same_is_booked(self) -> None:
        for name, entries in [("captured", ledger.captured(Amount(250))), ("refunded", ledger.refunded(Amount(250)))]:
            self.assertEqual([[entry.account, entry.units] for entry in entries], VECTORS["entries"][name])
            self.assertEqual(sum(entry.units for entry in entries), 0)

    def test_signatures_are_the_same_and_good(self) -> None:
        for vector in VECTORS["signatures"]:
            secret, at = Secret(vector["secret"]), Moment(vector["milliseconds"])
            body = vector["body"].encode()
            self.assertEqual(secret.sign(at, body), vector["field"])
            self.assertTrue(secret.has_signed(vector["field"], body, at))
            self.assertFalse(secret.has_signed(vector["field"], body + b" ", at))
            self.assertFalse(Secret("b" * 32).has_signed(vector["field"], body, at))

    def test_moments_are_the_same_text_and_are_read_back(self) -> None:
        for milliseconds, text in VECTORS["moments"]:
            moment = Moment.of(milliseconds)
            self.assertEqual(str(moment), text)
            self.assertEqual(Moment.parse(text), moment)


class Pure(TestCase):
    """What has no vector."""

    def test_an_id_begins_with_its_time(self) -> None:
        id = uuid_v7(Moment(0x0123_4567_89AB), b"\xff" * 10)
        self.assertEqual(id, "01234567-89ab-7fff-bfff-ffffffffffff")

    def test_input_has_bounds(self) -> None:
        good = [
            (domain.amount, [1, 1999, 10**12]),
            (domain.key, ["a", "order 7: capture", "x" * 128]),
            (domain.order_id, ["a", "A.b_c-9", "x" * 64]),
            (domain.customer, [CUSTOMER, "ü" * 255]),
            (domain.currency, ["EUR"]),
        ]
        bad: list[tuple[Any, list[Any]]] = [
            (domain.amount, [0, -1, 10**12 + 1, -(2**63), 2**63 - 1]),
            (domain.key, ["", "a\n", "é", "x" * 129]),
            (domain.order_id, ["", "a b", "a/b", "é", "a\0", "a\n", "x" * 65]),
            (domain.customer, ["", "a\x85", "a\0", "ü" * 256]),
            (domain.currency, ["", "eur", "EURO", "EUR\n", "€"]),
        ]
        for parse, values in good:
            for value in values:
                self.assertEqual(parse(value), value)
        for parse, values in bad:
            for value in values:
                with self.assertRaises(Invalid, msg=f"{parse.__name__} {value!r}"):
                    parse(value)

    def test_a_method_token_is_in_no_debug_text(self) -> None:
        self.assertNotIn("tok_visa", repr(domain.method_token("tok_visa")))

    def test_a_signature_is_good_for_minutes(self) -> None:
        secret, now = Secret("a" * 32), Moment(1_795_168_800_000)
        # Made with `printf '1795168800.{}' | openssl dgst -sha256 -hmac aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`.
        known = "t=1795168800,v1=4130464789cd450a4ef7ee0a02bbb93ba2933afd03813cf501727e5a35f8365d"
        self.assertEqual(secret.sign(now, b"{}"), known)
        for seconds in (TOLERANCE_S, -TOLERANCE_S):
            self.assertTrue(secret.has_signed(known, b"{}", now.plus_seconds(seconds)))
        for seconds in (TOLERANCE_S + 1, -TOLERANCE_S - 1):
            self.assertFalse(secret.has_signed(known, b"{}", now.plus_seconds(seconds)))

    def test_a_field_that_is_none_is_no_signature(self) -> None:
        secret, now = Secret("a" * 32), Moment(1_795_168_800_000)
        good = secret.sign(now, b"{}")
        time, signature = good.split(",")
        both = f"{secret.sign(now, b'[]')}, {signature},v0=unknown"
        self.assertTrue(secret.has_signed(both, b"{}", now))
        bad = ["", ",", "t=,v1=", time, signature, f"{time},{time},{signature}", f"{time},v1=", good[:-1], f"{good}0"]
        bad += [f"{time},{','.join([signature] * 5)}", good.replace("v1=", "v1=+"), f"{time},v1={'é' * 32}"]
        bad += [good.replace("t=", "t= "), good.replace("t=1", "t=1_"), f"{time},v1={'0' * 63} "]
        for field in bad:
            self.assertFalse(secret.has_signed(field, b"{}", now), field)

    def test_a_secret_is_long(self) -> None:
        for short in ["", " ", "x" * 31]:
            with self.assertRaises(Invalid):
                Secret(short)


CUSTOMER = "https://shop.example|mina"

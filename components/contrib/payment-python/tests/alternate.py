"""Runs the same steps against a host with the Rust service, with the Python service, and with one after the other over the same database.

    python3 -m tests.alternate [--souk PATH] [--steps 5]

in the folder above, after `cargo xtask build --all`. Between two steps, or so many, the host is restarted with the other implementation where they
alternate. What each step answers, each row of the database in the end and each line of the log must be the same in all runs, but for ids and moments.
"""

from __future__ import annotations

import argparse
import difflib
import http.client
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from payment.domain.webhook import Secret
from payment.moment import Moment

ROOT = Path(__file__).parents[4]
SECRET = "a secret of the simulator, 32 and more"
PASSWORD = "a long enough secret"
PAYMENTS = "/api/v1/payments"

MANIFEST = """
spin_manifest_version = 2
[application]
name = "alternate"
version = "0.1.0"
[application.tool.souk.tokens]
issuer = "http://alternate.example"
[[trigger.http]]
route = "/api/v1/login"
component = "user"
[[trigger.http]]
route = "/api/v1/users/..."
component = "user"
[[trigger.http]]
route = "/api/v1/payments/..."
component = "payment"
[[trigger.http]]
route = "/desk"
component = "desk"
[component.user]
source = "{user}"
[component.user.tool.souk]
grants = ["souk:database/sql", "souk:identity/tokens", "souk:identity/passwords"]
[[component.user.tool.souk.access]]
path = "/api/v1/login"
allow = "anyone"
[[component.user.tool.souk.access]]
roles = ["admin"]
[component.payment]
source = "{payment}"
[component.payment.variables]
simulator_webhook_secret = "{secret}"
[component.payment.tool.souk]
grants = ["souk:database/sql"]
[[component.payment.tool.souk.access]]
allow = "anyone"
[component.desk]
source = "{desk}"
[component.desk.tool.souk]
grants = ["souk:payment/processor"]
[[component.desk.tool.souk.access]]
allow = "anyone"
"""


class Host:
    """A host that serves, until it is stopped."""

    def __init__(self, souk: Path, manifest: Path, data: Path) -> None:
        self.log_file = data / "log"
        self._log = self.log_file.open("a")
        arguments = ["--manifest", manifest, "--data", data, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        before = self.log_file.stat().st_size
        self._process = subprocess.Popen([souk, "up", *arguments, "--log", "warn"], stdout=self._log, stderr=self._log)
        self.address = self._found(before, r"serving +http://(\S+)")

    def _found(self, before: int, pattern: str) -> str:
        """What the host says once it serves."""
        for _ in range(1200):
            with self.log_file.open() as log:
                log.seek(before)
                found = re.search(pattern, text := log.read())
            if found:
                return found[1]
            if self._process.poll() is not None:
                raise SystemExit(f"the host did not start:\n{text}")
            time.sleep(0.05)
        raise SystemExit("the host did not start within a minute")

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
        """Sends a request: status, fields and body of the answer."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        ignored = ("date", "x-request-id", "content-length", "connection")
        fields = {name.lower(): value for name, value in answer.getheaders() if name.lower() not in ignored}
        text = answer.read().decode()
        connection.close()
        return answer.status, fields, text

    def stop(self) -> None:
        """Ends it as an operator does."""
        self._process.terminate()
        self._process.wait(30)
        self._log.close()


@dataclass
class Run:
    """One run over a database of its own."""

    souk: Path
    # The manifests of the implementations that take turns, one for each step.
    manifests: Iterator[Path]
    data: Path
    host: Host
    manifest: Path
    token: str = ""
    observed: list[str] = field(default_factory=list)
    # Ids of payments by the names that steps give them.
    names: dict[str, str] = field(default_factory=dict)

    def turn(self) -> None:
        """Lets the next implementation take over, if it is another one."""
        manifest = next(self.manifests)
        if manifest != self.manifest:
            self.between(lambda _: None, manifest)

    def between(self, change: Callable[[sqlite3.Connection], object], manifest: Path | None = None) -> None:
        """Changes the database while no host serves: what time or a crash would have done to it."""
        self.host.stop()
        with sqlite3.connect(self.data / "db" / "payment.sqlite") as connection:
            change(connection)
        connection.close()
        self.manifest = manifest or self.manifest
        self.host = Host(self.souk, self.manifest, self.data)

    def desk(self, function: str, *arguments: Any) -> Any:
        """Calls the processor; `@name` stands for the id of a payment."""
        self.turn()
        given = [self.names[value[1:]] if str(value).startswith("@") else value for value in arguments]
        body = json.dumps({"function": function, "arguments": given}).encode()
        status, _, text = self.host.send("POST", "/desk", body, {})
        self.note(f"{function}{arguments!r}: {status} {text}")
        return json.loads(text)

    def authorize(self, name: str, token: str, units: int = 100, order: str | None = None) -> None:
        """Authorizes under a key of this name, and keeps the id of the payment under it."""
        money = {"amount": units, "currency": "EUR"}
        self.desk("authorize", name, order or f"order-{name}", "https://shop.example|mina ü", money, token)
        found = self.desk("find", order or f"order-{name}")
        if found:
            self.names[name] = found[-1]["Payment"]["id"]

    def ask(
        self, method: str, path: str, body: Any = None, *, raw: bytes = b"", admin: bool = True, **fields: str
    ) -> None:
        """Sends a request."""
        self.turn()
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if body is not None:
            raw, headers["content-type"] = json.dumps(body).encode(), "application/json"
        if admin:
            headers["authorization"] = f"Bearer {self.token}"
        path = re.sub(r"\{(\S+?)\}", lambda name: self.names[name[1]], path)
        status, answered, text = self.host.send(method, path, raw, headers)
        if '"type":"urn:souk:problem:malformed-body"' in text:
            # What is wrong with JSON each library says in its own words.
            text = re.sub('"detail":"[^"]*"', '"detail":"…"', text)
        self.note(f"{method} {path}: {status} {sorted(answered.items())} {text}")

    def hook(self, event: Any, seconds: int = 0) -> None:
        """Sends an event of the provider."""
        body = json.dumps(event).encode()
        signed = Secret(SECRET).sign(Moment.of(int(time.time() * 1000)).plus_seconds(seconds), body)
        path = f"{PAYMENTS}/webhooks/simulator"
        self.ask("POST", path, raw=body, admin=False, payment_signature=signed)

    def note(self, text: str) -> None:
        """Keeps what was observed, with ids and moments in the order in which they appear."""
        for name, id in self.names.items():
            text = text.replace(id, f"<{name}>")
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<moment>", text)
        self.observed.append(re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>", text))


def aged(seconds: int) -> Callable[[sqlite3.Connection], object]:
    """Lets time pass for all operations without an outcome, and for what the provider tells later."""

    def change(connection: sqlite3.Connection) -> None:
        for table, column, where in [
            ("operations", "touched_at", "state <> 'done'"),
            ("simulator_operations", "told_from", "1 = 1"),
        ]:
            connection.execute(
                f"UPDATE {table} SET {column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '-{seconds} seconds') WHERE {where}"
            )

    return change


def crashed(key: str) -> Callable[[sqlite3.Connection], object]:
    """Leaves an operation as a crash leaves it that came before the answer was written: nobody knows yet that the provider has done it."""

    def change(connection: sqlite3.Connection) -> None:
        changed = connection.execute(
            "UPDATE operations SET state = 'under-way' WHERE id = ? AND state = 'unknown'", [key]
        )
        assert changed.rowcount == 1, key

    return change


def steps(run: Run) -> None:
    """What is done: each line may be carried out by another implementation than the one before."""
    operations(run)
    faults(run)
    lists_and_refunds(run)
    webhooks(run)
    bad_input(run)


def operations(run: Run) -> None:
    """Authorize by one, capture by the other, and keys that the one has made repeated by the other."""
    run.authorize("a", "tok_visa")
    run.authorize("a", "tok_visa")
    for key, units in [("c1", 40), ("c1", 40), ("c1", 41), ("c2", 61), ("c3", None), ("c2", 61), ("c4", 1)]:
        run.desk("capture", key, "@a", units)
    for key, units in [("r1", 30), ("r1", 30), ("r2", 71), ("r3", None), ("r1", 30), ("r4", 1)]:
        run.desk("refund", key, "@a", units)
    run.desk("void", "v", "@a")
    run.desk("get", "@a")
    run.authorize("b", "tok_visa")
    for key in ["v", "v2", "v"]:
        run.desk("void", key, "@b")
    run.desk("capture", "c1", "@b", None)
    for token in ["declined", "insufficient_funds", "expired", "stolen", "error", "nonsense"]:
        for _ in range(2):
            run.authorize(token, f"tok_{token}")
        run.desk("void", f"v-{token}", f"@{token}")
    for order in ["nobody", "no id/", ""]:
        run.desk("find", order)
    for id in ["nobody", "no id/", ""]:
        run.desk("get", id)
        run.desk("capture", "k", id, None)
    run.desk("authorize", "k", "o", "c", {"amount": 0, "currency": "EUR"}, "tok_visa")
    run.desk("authorize", "k", "o", "c", {"amount": 1, "currency": "eur"}, "tok_visa")
    run.desk("authorize", "k" * 129, "o", "c", {"amount": 1, "currency": "EUR"}, "tok_visa")
    run.desk("authorize", "k", "o/", "c", {"amount": 1, "currency": "EUR"}, "tok_visa")
    run.desk("authorize", "k", "o", "", {"amount": 1, "currency": "EUR"}, "tok_visa")
    run.desk("authorize", "k", "o", "c", {"amount": 1, "currency": "EUR"}, "")
    run.desk("capture", "k", "@a", 0)


def faults(run: Run) -> None:
    """What one implementation has left open the other finishes."""
    for token in ["unavailable", "timeout", "timeout_after_effect", "slow"]:
        run.authorize(token, f"tok_{token}")
        run.authorize(token, f"tok_{token}")
        run.desk("void", f"v-{token}", f"@{token}")
    run.between(aged(60))
    for token in ["unavailable", "timeout", "timeout_after_effect", "slow"]:
        run.authorize(token, f"tok_{token}")
        run.desk("void", f"v-{token}", f"@{token}")
    for kind in ["capture", "void", "refund"]:
        for fault in ["fails", "unavailable", "timeout", "timeout_after_effect", "slow"]:
            name = f"{kind}_{fault}"
            run.authorize(name, f"tok_{name}")
            amount: list[int] = [] if kind == "void" else [40]
            if kind == "refund":
                run.desk("capture", name, f"@{name}", None)
            run.desk(kind, name, f"@{name}", *amount)
            # Another operation stands behind the one that is pending, or finishes it.
            run.desk("capture", f"{name}-2", f"@{name}", 1)
            run.desk(kind, name, f"@{name}", *amount)
    # A crash between the provider's answer and its being written down.
    run.authorize("crash", "tok_capture_timeout_after_effect")
    run.desk("capture", "crash", "@crash", 40)
    run.between(crashed("capture:crash"))
    run.desk("capture", "crash", "@crash", 40)
    run.between(aged(20))
    run.desk("capture", "crash", "@crash", 40)
    for number in range(4):
        run.authorize(f"left{number}", "tok_timeout_after_effect" if number % 2 else "tok_timeout", order="left")
    run.between(aged(120))
    run.desk("resolve")
    run.desk("resolve")
    run.desk("find", "left")


def lists_and_refunds(run: Run) -> None:
    """What people ask over HTTP."""
    for query in ["", "?size=3&page=2", "?size=3&page=99", "?status=declined", "?order_id=left&status=failed&size=1"]:
        run.ask("GET", f"{PAYMENTS}{query}")
    for admin in [True, False]:
        for path in ["", "/{a}", "/ledger", "/nobody"]:
            run.ask("GET", PAYMENTS + path, admin=admin)
    run.ask("GET", f"{PAYMENTS}/{{stolen}}")
    for tag in ["*", 'W/"x", "y"', "x"]:
        run.ask("GET", f"{PAYMENTS}/{{a}}", if_none_match=tag)
    run.authorize("h", "tok_visa")
    run.desk("capture", "h", "@h", 90)
    refunds = f"{PAYMENTS}/{{h}}/refunds"
    for key, body in [('"k1"', {"amount": 30}), ("k1", {"amount": 30}), ("k1", {"amount": 31}), ("k2", {"amount": 61})]:
        run.ask("POST", refunds, body, idempotency_key=key)
    run.desk("refund", "k1", "@h", 10)
    run.ask("POST", refunds, idempotency_key="k3")
    run.ask("POST", refunds, {}, idempotency_key="k4")
    run.ask("POST", refunds, {"amount": 1}, admin=False, idempotency_key="k5")
    for fault in ["fails", "unavailable", "timeout"]:
        run.authorize(f"h-{fault}", f"tok_refund_{fault}")
        run.desk("capture", f"h-{fault}", f"@h-{fault}", None)
        run.ask("POST", f"{PAYMENTS}/{{h-{fault}}}/refunds", {"amount": 30}, idempotency_key=fault)
    run.between(aged(120))
    run.ask("POST", f"{PAYMENTS}/resolve")
    run.ask("POST", f"{PAYMENTS}/resolve")
    run.ask("GET", f"{PAYMENTS}/ledger")


def webhooks(run: Run) -> None:
    """What the provider says by itself."""
    run.authorize("w", "tok_timeout_after_effect")
    event = {"id": "e1", "type": "operation.succeeded", "data": {"key": "authorize:w", "more": [1]}, "more": None}
    run.hook(event, -301)
    for _ in range(2):
        run.hook(event)
    run.hook({**event, "id": "e2", "type": "operation.failed"})
    run.desk("get", "@w")
    run.authorize("x", "tok_slow")
    run.hook({"id": "e1", "type": "operation.failed", "data": {"key": "authorize:x"}})
    run.hook({"id": "e3", "type": "operation.declined", "data": {"key": "authorize:x", "reason": "expired"}})
    run.desk("get", "@x")
    for bad in [
        [],
        {},
        {"id": 5, "type": "operation.failed"},
        {"id": "e", "type": "operation.failed", "data": {"key": 5}},
        {"id": "", "type": "operation.failed", "data": {"key": "k"}},
        {"id": "e", "type": "operation.declined", "data": {"key": "k"}},
        {"id": "e", "type": "operation.declined", "data": {"key": "k", "reason": "bored"}},
        {"id": "e", "type": "payout.paid", "data": 5},
        {"id": "e", "type": "payout.paid", "data": "x" * 60_000},
        {"id": "e", "type": "operation.failed", "data": {"key": "k\0"}},
    ]:
        run.hook(bad)
    run.ask("POST", f"{PAYMENTS}/webhooks/other", raw=b"{}", admin=False)
    run.ask("POST", f"{PAYMENTS}/webhooks/simulator", raw=b"{}", admin=False)


def bad_input(run: Run) -> None:
    """What should not be sent."""
    for query in [
        "status=lost",
        "order_id=a%20b",
        "order_id=",
        "customer=a%00b",
        "sort=id",
        "page=1&page=2",
        "page=0&size=101",
        "page=501",
        "page=%2B2",
        "page=%ff",
        "size=0&order_id=%2F&status=x",
        "&&page=1&",
    ]:
        run.ask("GET", f"{PAYMENTS}?{query}")
    refunds = f"{PAYMENTS}/{{h}}/refunds"
    for body in [
        {"amount": 0},
        {"amount": 1.5},
        {"amount": "1"},
        {"amount": True},
        {"amount": 2**63},
        {"amount": 2**64},
        {"amount": None, "x": None},
        {"currency": "EUR", "amount": 0, "why": "x", "a/b~c": 1},
        [],
        7,
        None,
    ]:
        run.ask("POST", refunds, body, idempotency_key="bad")
    json_ = "application/json"
    for media, raw in [
        (json_, b"{"),
        (json_, b'{"amount":1,"amount":2}'),
        (json_, b'{"amount":-0}'),
        (json_, b'{"amount":1e2}'),
        (json_, b'{"amount":1e400}'),
        (json_, b'{"\\ud800":1}'),
        (json_, b"\xff"),
        (json_, b"[" * 127 + b"]" * 127),
        (json_, b"[" * 128 + b"]" * 128),
        ("text/plain", b"{}"),
        ('Application/JSON; charset="UTF-8"', b'{"amount":0}'),
        (f"{json_};x=y", b"{}"),
    ]:
        run.ask("POST", refunds, raw=raw, idempotency_key="bad", content_type=media)
    for key in ["", '""', "x" * 129]:
        run.ask("POST", refunds, {"amount": 1}, idempotency_key=key)
    run.ask("POST", refunds, {"amount": 1})
    for method, path in [
        ("GET", f"{PAYMENTS}/"),
        ("GET", f"{PAYMENTS}/%ff"),
        ("GET", f"{PAYMENTS}/a%2Fb"),
        ("GET", f"{PAYMENTS}/x/y"),
        ("GET", f"{PAYMENTS}/webhooks"),
        ("POST", f"{PAYMENTS}/webhooks/refunds"),
        ("POST", f"{PAYMENTS}/%ff/refunds"),
        ("POST", PAYMENTS),
        ("DELETE", f"{PAYMENTS}/x"),
        ("GET", f"{PAYMENTS}/resolve"),
        ("OPTIONS", PAYMENTS),
        ("OPTIONS", f"{PAYMENTS}/resolve"),
        ("HEAD", f"{PAYMENTS}/{{a}}"),
        ("HEAD", f"{PAYMENTS}/resolve"),
    ]:
        run.ask(method, path)


_FINGERPRINT = re.compile("[0-9a-f]{64}")

# What the service and its provider keep, in an order that does not hang on ids.
TABLES = {
    "payments": "order_id, rowid",
    "operations": "id",
    "ledger_entries": "transaction_id, line",
    "webhook_events": "event_id",
    "simulator_authorizations": "rowid",
    "simulator_operations": "key",
    "souk_outbox": "sequence",
}


def rows(run: Run) -> None:
    """Observes all that is in the database."""
    with sqlite3.connect(run.data / "db" / "payment.sqlite") as connection:
        for table, order in TABLES.items():
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):
                text = repr(row[:-1] if table == "souk_outbox" else row)
                # Of a change it is made of the payment's id, too, which each run has others of: that it is the same in all implementations show the
                # repetitions above.
                if "'authorize'" not in text:
                    text = _FINGERPRINT.sub("<fingerprint>", text)
                run.note(f"{table}: {text}")
    connection.close()


def log_lines(run: Run) -> None:
    """Observes what components have said in the log, without times."""
    for line in run.host.log_file.read_text().splitlines():
        said = re.search(r"(WARN|ERROR) (.*?)( trace=\S+)?$", line)
        if said:
            # The case of a word is each language's own way to show a value.
            run.note(f"log: {said[2].lower()}")


def observe(souk: Path, sources: dict[str, Path], turns: list[str], length: int, cache: Path) -> list[str]:
    """One run with these implementations in turn, for so many steps each; what was observed."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        if cache.exists():
            shutil.copytree(cache, data / "code")
        manifests = {}
        for name in ["rust", "python"]:
            manifests[name] = Path(folder) / f"{name}.toml"
            given = {"user": sources["user"], "desk": sources["desk"], "payment": sources[name], "secret": SECRET}
            manifests[name].write_text(MANIFEST.format(**given))
        first = manifests[turns[0]]
        run = Run(
            souk, cycle(manifests[name] for name in turns for _ in range(length)), data, Host(souk, first, data), first
        )
        create = [
            souk,
            "user",
            "create",
            "a@shop.example",
            "--admin",
            "--name",
            "A",
            "--password-stdin",
            "--data",
            data,
        ]
        subprocess.run(create, input=PASSWORD, text=True, check=True, capture_output=True)
        login = json.dumps({"email": "a@shop.example", "password": PASSWORD}).encode()
        answer = run.host.send("POST", "/api/v1/login", login, {"content-type": "application/json"})
        run.token = json.loads(answer[2])["access_token"]
        started = time.monotonic()
        steps(run)
        run.host.stop()
        rows(run)
        log_lines(run)
        sys.stderr.write(f"{' and '.join(turns)}: {len(run.observed)} lines in {time.monotonic() - started:.0f} s\n")
        shutil.copytree(data / "code", cache, dirs_exist_ok=True)
        return run.observed


def build_desk(to: Path) -> Path:
    """Builds the component that calls the processor, with what `cargo xtask build --all` has installed."""
    programs = ROOT / "target" / "contrib" / "python" / ("Scripts" if sys.platform == "win32" else "bin")
    command: list[str | Path] = [programs / "componentize-py"]
    for package in [
        *(f"deps/{name}.wit" for name in ["clocks", "filesystem", "random", "sockets", "cli", "http"]),
        "http",
        "payment",
    ]:
        command += ["--wit-path", ROOT / "wit" / package]
    folder = Path(__file__).parent / "desk"
    command += ["--wit-path", folder / "wit", "--world", "souk:payment-desk/component", "componentize", "desk"]
    subprocess.run([*command, "--python-path", folder, "--output", to], check=True, stdout=sys.stderr)
    return to


def main() -> int:
    """Runs all four, and says what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    built = os.environ.get("SOUK_BIN", ROOT / "target" / "debug" / "souk")
    parser.add_argument("--souk", type=Path, default=Path(built), help="the host; SOUK_BIN without it")
    parser.add_argument("--steps", type=int, default=5, help="how many steps before the other takes over")
    given = parser.parse_args()
    rust = ROOT / "target" / "wasm32-wasip2" / "component"
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "code"
        sources = {
            "user": rust / "user.wasm",
            "rust": rust / "payment_simulator.wasm",
            "python": ROOT / "target" / "contrib" / "payment_python.wasm",
            "desk": build_desk(Path(folder) / "desk.wasm"),
        }
        expected = observe(given.souk, sources, ["rust"], 1, cache)
        failed = 0
        for turns in [["python"], ["rust", "python"], ["python", "rust"]]:
            found = observe(given.souk, sources, turns, given.steps, cache)
            lines = list(difflib.unified_diff(expected, found, "rust", " and ".join(turns), lineterm="", n=0))
            failed += bool(lines)
            sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.write(f"{3 - failed} passed, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The UDPSTP server over real sockets: what it grants, refuses, ignores, and how its tests run and end."""

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest
from tests.agent.udpstp.packets import PACKETS, golden

from doxa_agent.responder.roles import capacity
from doxa_agent.udpstp import session
from doxa_agent.udpstp.admission import Admission, Grant, Patience
from doxa_agent.udpstp.auth import DerivedKeys, derive, fits, signed
from doxa_agent.udpstp.bounds import Allowed, accepted
from doxa_agent.udpstp.legacy import activation_from, activation_to, status_from, status_to
from doxa_agent.udpstp.pdu import (
    LOAD_SIZE,
    SEARCH_ROW,
    Action,
    Activation,
    ActivationResult,
    Direction,
    Load,
    Null,
    PduError,
    Setup,
    SetupCommand,
    SetupResult,
    Status,
)
from doxa_agent.udpstp.rates import table
from doxa_agent.udpstp.server import Server, Settings, open_sockets
from doxa_core.errors import InputError, OperationError

KEYS = {3: b"thirdkey"}
DOWN, UP = Direction.DOWNSTREAM, Direction.UPSTREAM


@contextmanager
def serving(**settings: Any) -> Iterator[Server]:
    """A server in a thread of its own, on a port of its own."""
    wished = Settings(**{"hosts": ("127.0.0.1",), "port": 0, **settings})
    server = Server(wished, open_sockets(wished))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5)
        assert not thread.is_alive()


def until(true: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait for something; whether it came."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return bool(true())


@dataclass
class Client:
    """A client that says exactly what it is told to."""

    port: int
    host: str = "127.0.0.1"
    source: str | None = None
    keys: DerivedKeys | None = None
    unix_time: int = field(default_factory=lambda: int(time.time()))
    heard: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        if self.source:
            self.sock.bind((self.source, 0))
        self.sock.settimeout(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def bytes_of(self, packet: Setup | Activation) -> bytes:
        """Signed where there are keys."""
        if self.keys is None:
            return packet.encode()
        return signed(packet, self.keys.client, key_id=3, unix_time=self.unix_time)

    def setup(self, packet: Setup | None = None) -> Setup:
        """Ask; the server's answer."""
        data = self.bytes_of(packet or Setup())
        return Setup.decode(self.asked(lambda: self.sock.sendto(data, (self.host, self.port)), 56))

    def activate(self, port: int, asked: Activation) -> Activation:
        """Activate a test at that port, whose Null request comes first."""
        self.sock.connect((self.host, port))
        data = self.bytes_of(asked)
        return Activation.decode(self.asked(lambda: self.sock.send(data), 104))

    def asked(self, send: Callable[[], object], size: int) -> bytes:
        """Send, and again where a busy machine lost it, until an answer of that size comes."""
        for _ in range(8):
            send()
            end = time.monotonic() + 1.5
            while (left := end - time.monotonic()) > 0:
                self.sock.settimeout(left)
                try:
                    data = self.sock.recv(2000)
                except TimeoutError:
                    break
                if len(data) == size:
                    self.sock.settimeout(5)
                    return data
        raise TimeoutError

    def test(self, asked: Activation, setup: Setup | None = None) -> Activation:
        """Setup and activation; the parameters that hold."""
        answer = self.setup(setup)
        assert answer.result is SetupResult.OK
        return self.activate(answer.test_port, asked)

    def loads(self, seconds: float) -> list[Load]:
        """The Load headers of that time."""
        found, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                found.append(Load.decode(self.sock.recv(LOAD_SIZE, socket.MSG_TRUNC)))
            except TimeoutError:
                break
        self.sock.settimeout(5)
        return found

    def tell(self, sequence: int, **more: Any) -> None:
        """Send a Status packet of a perfect line."""
        wished = {"rtt_variation_ms": 0, "rtt_min_ms": 0, **more}
        self.sock.send(Status(sequence=sequence, sent_ns=time.time_ns(), **wished).encode())

    def next_status(self) -> Status:
        """The next Status packet that comes."""
        while True:
            try:
                return Status.decode(self.sock.recv(300))
            except PduError:
                continue

    def silent(self, seconds: float = 0.25) -> bool:
        """Whether nothing comes for that long."""
        self.sock.settimeout(seconds)
        try:
            self.sock.recv(2000)
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(5)
        return False


def client(server: Server, **more: Any) -> Client:
    """A client of that server."""
    return Client(port=server.addresses[0][1], **more)


# --- Setup -----------------------------------------------------------------------------------------------------------


def test_a_setup_is_granted_with_a_test_port_from_which_a_null_request_follows() -> None:
    with serving() as server, client(server) as one:
        asked = Setup(connection_set=77, modifiers=2)
        answer = one.setup(asked)
        assert answer == replace(
            asked, command=SetupCommand.RESPONSE, result=SetupResult.OK, test_port=answer.test_port
        )
        data, origin = one.sock.recvfrom(300)
        assert (Null.decode(data), origin[1]) == (Null(), answer.test_port)


def test_the_answer_and_the_test_come_from_the_address_that_was_asked() -> None:
    """All of 127/8 is this machine's: it is multi-homed."""
    with serving(hosts=("0.0.0.0",)) as server, client(server, host="127.0.0.7") as one:
        one.sock.sendto(Setup().encode(), (one.host, one.port))
        origins = [one.sock.recvfrom(300)[1] for _ in range(2)]
        assert [origin[0] for origin in origins] == ["127.0.0.7"] * 2
        assert origins[0][1] == one.port != origins[1][1]


def test_a_repeated_setup_gets_the_same_test_and_not_another_one() -> None:
    with serving() as server, client(server) as one:
        ports = {one.setup().test_port}
        Null.decode(one.sock.recv(300))
        ports |= {one.setup().test_port for _ in range(5)}
        assert len(ports) == len(server.sessions) == 1
        assert server.counters["setup_repeated"] == 5


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        (Setup(version=10), SetupResult.BAD_VERSION),
        (Setup(version=21), SetupResult.BAD_VERSION),
        (Setup(connection_count=0), SetupResult.BAD_CONNECTIONS),
        (Setup(connection_count=25), SetupResult.BAD_CONNECTIONS),
        (Setup(connection_index=2, connection_count=2), SetupResult.BAD_CONNECTIONS),
    ],
)
def test_what_cannot_be_is_refused_with_its_code(asked: Setup, result: SetupResult) -> None:
    with serving() as server, client(server) as one:
        answer = one.setup(asked)
        assert (answer.result, answer.test_port, answer.version) == (result, 0, 20)
        assert server.sessions == ()


def test_each_direction_has_its_own_bandwidth_which_comes_back_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SILENT_NS", 500_000_000)  # else 3 s
    with serving(bandwidth_mbps=100) as server, client(server) as one:
        wishes = [(0, False), (60, False), (60, False), (60, True), (40, False), (41, True)]
        found = []
        for number, (mbps, upstream) in enumerate(wishes):
            found.append(one.setup(Setup(bandwidth_mbps=mbps, upstream=upstream, connection_set=number)).result)
            if found[-1] is SetupResult.OK:
                one.sock.recv(300)
        full, ok = SetupResult.CAPACITY_EXCEEDED, SetupResult.OK
        assert found == [SetupResult.BANDWIDTH_REQUIRED, ok, full, ok, ok, full]
        figures = server.figures()
        assert (figures["granted_down_mbps"], figures["granted_up_mbps"], figures["waiting"]) == (100, 60, 3)
        assert until(lambda: not server.sessions)  # nobody activated them
        assert server.figures()["granted_down_mbps"] == 0
        assert server.counters["ended_never_activated"] == 3


def test_no_more_tests_run_than_allowed() -> None:
    with serving(most_tests=2) as server, client(server) as one:
        found = []
        for number in range(3):
            found.append(one.setup(Setup(connection_set=number)).result)
            one.sock.recv(300) if found[-1] is SetupResult.OK else None
        assert found == [SetupResult.OK, SetupResult.OK, SetupResult.NO_CONNECTION_FREE]


def test_tests_keep_to_the_range_of_ports() -> None:
    with serving() as other, client(other) as one:
        taken = one.setup().test_port  # a port that is in use, and the one behind it
        with serving(test_ports=range(taken, taken + 2)) as server, client(server) as two:
            answer = two.setup()
            assert answer.result in (SetupResult.OK, SetupResult.NO_CONNECTION_FREE)
            assert answer.test_port in (0, taken + 1)


# --- authentication --------------------------------------------------------------------------------------------------


def test_a_signed_test_is_answered_with_signatures_of_the_servers_key() -> None:
    with serving(keys=KEYS, require_auth=True) as server:
        now = int(time.time())
        with client(server, keys=derive(KEYS[3], now), unix_time=now) as one:
            assert one.keys is not None
            one.sock.sendto(one.bytes_of(Setup()), (one.host, one.port))
            answer, null = one.sock.recv(300), one.sock.recv(300)
            assert (Setup.decode(answer).result, Null.decode(null).version) == (SetupResult.OK, 20)
            one.sock.connect((one.host, Setup.decode(answer).test_port))
            one.sock.send(Activation(direction=UP).encode())  # not signed: nobody answers
            one.sock.send(signed(Activation(direction=UP), one.keys.server, key_id=3, unix_time=now))
            assert one.silent()
            one.sock.send(one.bytes_of(Activation(direction=UP)))
            response = one.sock.recv(300)
            assert Activation.decode(response).result is ActivationResult.OK
            assert all(fits(data, one.keys.server) for data in (answer, null, response))
            assert server.counters["activation_ignored"] == 2


@pytest.mark.parametrize(
    ("known", "key", "offset", "result"),
    [
        (KEYS, None, 0, SetupResult.AUTHENTICATION_REQUIRED),
        ({}, b"thirdkey", 0, SetupResult.AUTHENTICATION_NOT_CONFIGURED),
        (KEYS, b"wrong", 0, SetupResult.AUTHENTICATION_FAILED),
        ({4: b"thirdkey"}, b"thirdkey", 0, SetupResult.AUTHENTICATION_FAILED),
        (KEYS, b"thirdkey", 60, SetupResult.AUTHENTICATION_TIME),
        (KEYS, b"thirdkey", -60, SetupResult.AUTHENTICATION_TIME),
    ],
)
def test_who_cannot_prove_who_he_is_gets_no_test(
    known: dict[int, bytes], key: bytes | None, offset: int, result: SetupResult
) -> None:
    now = int(time.time()) + offset
    with serving(keys=known, require_auth=bool(known)) as server:
        keys = derive(key, now) if key else None
        with client(server, keys=keys, unix_time=now) as one:
            answer = one.setup()
            assert (answer.result, server.sessions) == (result, ())
            if result is SetupResult.AUTHENTICATION_FAILED:
                assert answer.authentication.digest == bytes(32)  # no digest for who has no key


def test_a_signed_setup_that_somebody_sends_again_opens_nothing() -> None:
    with serving(keys=KEYS) as server:
        now = int(time.time())
        with client(server, keys=derive(KEYS[3], now), unix_time=now) as one, client(server) as stranger:
            assert one.setup().result is SetupResult.OK
            stranger.sock.sendto(one.bytes_of(Setup()), (one.host, one.port))
            assert stranger.silent()
            assert (len(server.sessions), server.counters["setup_replayed"]) == (1, 1)


# --- silence ---------------------------------------------------------------------------------------------------------


def test_rubbish_gets_no_answer_and_refusals_are_rationed() -> None:
    with serving() as server, client(server) as one:
        for data in (b"", b"x", bytes(56), Setup().encode()[:-1], Setup().encode() + b"\0", Null().encode(),
                     replace(Setup(), command=SetupCommand.RESPONSE, result=SetupResult.OK).encode()):  # fmt: skip
            one.sock.sendto(data, (one.host, one.port))
        assert one.silent()
        answers = 0
        for _ in range(60):
            one.sock.sendto(Setup(version=99).encode(), (one.host, one.port))
        while not one.silent(0.2):
            answers += 1
        assert 5 <= answers <= 15
        assert server.counters["unanswered"] == 60 - answers
        assert sum(count for name, count in server.counters.items() if name.startswith("rubbish")) == 7


def test_one_source_cannot_take_every_test() -> None:
    with serving(most_tests=1000) as server, client(server) as one, client(server, source="127.0.0.2") as other:
        for number in range(300):
            one.sock.sendto(Setup(connection_set=number).encode(), (one.host, one.port))
            if number % 20 == 0:
                time.sleep(0.01)
        assert until(lambda: server.counters["granted"] + server.counters["unanswered"] == 300)
        assert 100 <= server.counters["granted"] <= 200
        assert other.setup().result is SetupResult.OK


def test_no_answer_is_longer_than_its_request() -> None:
    with serving(keys=KEYS) as server:
        for number, asked in enumerate((Setup(), Setup(version=1), Setup(connection_count=0))):
            now = int(time.time()) - number
            with client(server, keys=derive(KEYS[3], now), unix_time=now) as one:
                one.sock.sendto(one.bytes_of(asked), (one.host, one.port))
                assert len(one.sock.recv(2000)) <= len(asked.encode())


def test_nobody_else_can_activate_a_test() -> None:
    with serving() as server, client(server) as one, client(server, source="127.0.0.9") as stranger:
        port = one.setup().test_port
        stranger.sock.sendto(Activation(direction=DOWN).encode(), (one.host, port))
        assert stranger.silent()
        assert one.activate(port, Activation(direction=UP)).direction is UP


# --- a test ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_downstream_the_server_climbs_with_good_reports_and_ends_the_test(host: str) -> None:
    with serving(hosts=(host,)) as server, client(server, host=host) as one:
        holds = one.test(Activation(direction=DOWN, seconds=1, sub_interval_ms=500))
        assert (holds.result, holds.seconds, holds.row) == (ActivationResult.OK, 1, SEARCH_ROW)
        seen: list[Load] = []
        for number in range(1, 200):
            seen += one.loads(0.05)
            if seen and seen[-1].action is Action.STOP:
                one.tell(number, action=Action.STOP)
                break
            one.tell(number)
        sequences = [load.sequence for load in seen]
        assert (sequences[0], sequences) == (1, sorted(set(sequences)))
        assert sequences[-1] > 5_000  # to 300 Mbit/s in 1.5 s: 20,000
        assert {load.payload for load in seen} >= {1222 if host != "::1" else 1202}
        assert any(load.status_sent_ns for load in seen)
        assert until(lambda: server.counters["ended_complete"] == 1)
        assert server.sessions == ()


def test_upstream_the_server_tells_the_rate_and_ends_the_test() -> None:
    with serving() as server, client(server) as one:
        holds = one.test(Activation(direction=UP, seconds=1, trial_ms=50))
        assert holds.rate == table()[0]
        rows = []
        for number in range(1, 500):
            one.sock.send(Load(sequence=number, payload=100, sent_ns=time.time_ns()).encode() + bytes(68))
            status = one.next_status() if number % 2 == 0 else None
            if status is None:
                continue
            if status.action is Action.STOP:
                one.sock.send(Load(action=Action.STOP, sequence=number + 1, payload=52, sent_ns=1).encode() + bytes(20))
                break
            echo = Load(sequence=number + 1, payload=100, status_sent_ns=status.sent_ns, sent_ns=time.time_ns())
            rows.append(table().index(status.rate))
            assert (status.lost, status.payload_bytes) == (0, 100 * status.datagrams)
            assert echo.status_sent_ns
        assert rows[0] in (0, 10)
        assert until(lambda: server.counters["ended_complete"] == 1)


def test_a_fixed_row_is_withheld_until_the_client_has_shown_that_it_is_there() -> None:
    with serving() as server, client(server) as one:
        assert one.test(Activation(direction=DOWN, row=50)).row == 50
        before = one.loads(0.3)
        one.tell(1)
        after = one.loads(0.3)
        assert len(before) <= 10
        assert sum(load.payload + 28 for load in after) * 8 / 0.3e6 == pytest.approx(50, rel=0.25)


def test_a_test_gets_no_more_than_the_bandwidth_that_it_asked_for() -> None:
    with serving(bandwidth_mbps=500) as server, client(server) as one:
        holds = one.test(Activation(direction=DOWN, row=400), Setup(bandwidth_mbps=30))
        assert holds.row == 30
    with serving(bandwidth_mbps=500) as server, client(server) as one:
        wrong = one.test(Activation(direction=UP), Setup(bandwidth_mbps=30))
        assert wrong.result is ActivationResult.BAD_PARAMETERS


def test_repeated_reordered_and_impossible_reports_move_nothing() -> None:
    with serving() as server, client(server) as one:
        one.test(Activation(direction=DOWN))
        one.loads(0.05)
        one.tell(5)
        for sequence in (5, 4, 1, 5, 4_000_000_000, 100_000):
            one.tell(sequence)
        assert until(lambda: server.counters["status_repeated"] == 4 and server.counters["status_forged"] == 2)
        sizes = [load.payload + 28 for load in one.loads(0.4)]
        assert sum(sizes) * 8 / 0.4e6 < 13  # one report: row 10
        assert server.counters["test_ignored"] == 0


def test_rubbish_at_the_test_port_is_ignored_and_a_repeated_activation_answered_again() -> None:
    with serving() as server, client(server) as one:
        asked = Activation(direction=UP)
        holds = one.test(asked)
        one.sock.send(b"rubbish" * 10)
        one.sock.send(asked.encode())
        assert Activation.decode(one.sock.recv(300)) == holds
        one.sock.send(replace(asked, direction=DOWN).encode())
        assert until(lambda: server.counters["test_ignored"] == 2)


def test_a_client_that_falls_silent_is_told_so_and_dropped() -> None:
    with serving() as server, client(server) as one:
        one.test(Activation(direction=DOWN, seconds=20))
        started = time.monotonic()
        one.loads(0.1)
        one.tell(1)
        said = next(load for load in iter(lambda: Load.decode(one.sock.recv(2000)), None) if load.receive_stopped)
        assert said.action is Action.TEST
        assert time.monotonic() - started >= 1.0
        assert until(lambda: server.counters["ended_silent"] == 1)
        assert time.monotonic() - started >= 3.0


def test_a_client_may_stop_early_and_a_client_that_is_gone_is_noticed() -> None:
    with serving() as server:
        with client(server) as one:
            one.test(Activation(direction=DOWN, seconds=20))
            one.loads(0.1)
            one.tell(1, action=Action.STOP)
            assert until(lambda: server.counters["ended_client_stopped"] == 1)
        with client(server) as two:
            two.test(Activation(direction=DOWN, seconds=20))
        assert until(lambda: server.counters["ended_unreachable"] == 1)


def test_a_server_that_stops_tells_its_clients() -> None:
    with serving() as server, client(server) as one:
        one.test(Activation(direction=DOWN, seconds=20))
        server.stop()
        assert until(lambda: Load.decode(one.sock.recv(2000)).action is Action.STOP)
        one.tell(1, action=Action.STOP)


# --- versions before the RFC -----------------------------------------------------------------------------------------


def old_client(server: Server, direction: Direction, setup: bytes) -> tuple[socket.socket, bytes]:
    """A client of version 19 whose test is active, and the answer to its activation."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    sock.sendto(setup, server.addresses[0])
    answer = Setup.decode(sock.recv(300))
    assert (answer.result, answer.version) == (SetupResult.OK, 19)
    sock.connect(("127.0.0.1", answer.test_port))
    sock.send(activation_to(Activation(direction=direction, seconds=2, sub_interval_ms=2000).encode(), 19))
    return sock, sock.recv(60, socket.MSG_TRUNC)


def test_a_client_of_an_older_version_is_served_in_its_own_packets() -> None:
    with serving() as server:
        sock, response = old_client(server, UP, Setup(version=19).encode())
        holds = Activation.decode(activation_from(response, 19))
        assert (holds.result, holds.seconds, holds.sub_interval_ms) == (ActivationResult.OK, 2, 2000)
        sock.send(Load(sequence=1, payload=52, sent_ns=time.time_ns()).encode() + bytes(20))
        status = Status.decode(status_from(sock.recv(300)))
        assert (status.sequence, status.datagrams, status.payload_bytes, status.rate) == (1, 1, 52, table()[0])
        sock.close()
        sock, response = old_client(server, DOWN, Setup(version=19, connection_set=2).encode())
        assert Load.decode(sock.recv(2000)).sequence == 1
        told = Status(sequence=1, sent_ns=time.time_ns(), rtt_variation_ms=0)
        sock.send(status_to(told.encode()))
        assert until(lambda: Load.decode(sock.recv(2000)).status_sent_ns == told.sent_ns)
        sock.close()


def test_an_older_version_signs_with_the_shared_key_and_is_refused_where_signatures_are_required() -> None:
    now = int(time.time())
    setup = signed(Setup(version=19), KEYS[3], key_id=3, unix_time=now)
    with serving(keys=KEYS) as server:
        old_client(server, UP, setup)[0].close()
        with client(server, keys=derive(KEYS[3], now), unix_time=now) as one:
            assert one.setup(Setup(version=19)).result is SetupResult.AUTHENTICATION_FAILED
    with serving(keys=KEYS, require_auth=True) as server, client(server) as one:
        one.sock.sendto(setup, (one.host, one.port))
        assert Setup.decode(one.sock.recv(300)).result is SetupResult.BAD_VERSION


# --- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"low_ms": 0}, {"low_ms": 30}),
        ({"low_ms": 100, "upper_ms": 50}, {"low_ms": 30, "upper_ms": 90}),
        ({"upper_ms": 20_000}, {"upper_ms": 90}),
        ({"trial_ms": 4}, {"trial_ms": 50}),
        ({"trial_ms": 251}, {"trial_ms": 50}),
        ({"seconds": 0}, {"seconds": 10}),
        ({"seconds": 3601}, {"seconds": 10}),
        ({"seconds": 300}, {"seconds": 60}),
        ({"sub_interval_ms": 99}, {"sub_interval_ms": 1000}),
        ({"seconds": 2, "sub_interval_ms": 9000}, {"seconds": 2, "sub_interval_ms": 2000}),
        ({"dscp_ecn": 0xB8}, {"dscp_ecn": 0}),
        ({"row": 1153}, {"row": SEARCH_ROW}),
        ({"row": 900}, {"row": 500}),
        ({"high_speed_delta": 0}, {"high_speed_delta": 10}),
        ({"slow_threshold": 0}, {"slow_threshold": 3}),
        ({"modifiers": 0xFF}, {"modifiers": 3}),
        ({"ce_threshold": 9, "suppressed": 3}, {"ce_threshold": 0, "suppressed": 0}),
        ({"rate": table()[900]}, {"rate": table()[0].__class__()}),
    ],
)
def test_parameters_are_bounded_and_sent_back_as_they_hold(asked: dict[str, Any], holds: dict[str, Any]) -> None:
    wish = Activation(direction=DOWN, **asked)
    found = accepted(wish, Allowed(row=500))
    assert found == replace(wish, result=ActivationResult.OK, **holds)


def test_the_books_of_the_bandwidth_balance() -> None:
    books, held = Admission(bandwidth_mbps=100, most_tests=5), list[Grant]()
    source = random.Random(3)
    for _ in range(2000):
        got = books.ask(upstream=source.random() < 0.5, mbps=source.randint(1, 60))
        held += [got] if isinstance(got, Grant) else []
        if held and source.random() < 0.6:
            books.give_back(held.pop(source.randrange(len(held))))
        assert max(books.granted.values()) <= 100
        assert (books.tests, sum(books.granted.values())) == (len(held), sum(grant.mbps for grant in held))


def test_patience_comes_back_with_time_and_a_whole_ipv6_network_shares_it() -> None:
    patience = Patience(burst=3, per_second=1)
    assert [patience.spend("192.0.2.1", 0.0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert [patience.spend("192.0.2.1", 2.0) for _ in range(3)] == [True, True, False]
    assert patience.spend("192.0.2.2", 2.0)
    assert [patience.spend(f"2001:db8::{n}", 0.0) for n in range(5)] == [True] * 3 + [False] * 2
    for number in range(10_000):
        patience.spend(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 3.0)
    assert len(patience) <= 4096


# --- the whole program -----------------------------------------------------------------------------------------------


@contextmanager
def program(*options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`doxa responder capacity` as a process of its own, and its port."""
    command = [sys.executable, "-c", _ROLE, "--host", "127.0.0.1", "--port", "0", "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, int(json.loads(process.stdout.readline())["listening"][0]["port"])
    finally:
        process.kill()
        process.wait(5)
        process.stdout.close()


_ROLE = """
import argparse, sys
from doxa_agent.responder.roles import capacity
parser = argparse.ArgumentParser()
capacity.add_options(parser)
sys.exit(capacity.run(parser.parse_args()))
"""


def resident_kib(pid: int) -> int:
    """Memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4


def rubbish(source: random.Random) -> bytes:
    """Random bytes, or a packet that is damaged, cut, lengthened or only repeated."""
    data = bytearray(golden(source.choice(sorted(PACKETS))))
    kind = source.randrange(5)
    if kind == 0:
        return source.randbytes(source.randrange(300))
    if kind == 1:
        return bytes(data[: source.randrange(len(data))])
    if kind == 2:
        return bytes(data) + source.randbytes(source.randrange(1, 1200))
    for _ in range(source.randrange(4)):
        data[source.randrange(len(data))] = source.randrange(256)
    return bytes(data)


@pytest.mark.slow
def test_twenty_thousand_packets_of_rubbish_leave_the_server_alive_and_its_memory_flat(tmp_path: Path) -> None:
    source, load_file = random.Random(9946), tmp_path / "load.json"
    with program("--load-file", str(load_file), "--max-tests", "1000") as (process, port):
        sizes = []
        for _ in range(4):
            for _ in range(20):
                with Client(port=port) as one, contextlib.suppress(ConnectionRefusedError):
                    assert one.test(Activation(direction=UP, seconds=30)).result is ActivationResult.OK
                    for _ in range(125):
                        send_alone(rubbish(source), (one.host, port))
                        one.sock.send(rubbish(source))  # some of it is a good stop, after which nobody is there
                time.sleep(0.02)
            sizes.append(resident_kib(process.pid))
            assert process.poll() is None
        # Tests that still run hold memory, and the first rounds warm it up: a leak grows in every round of twenty.
        assert min(later - earlier for earlier, later in pairwise(sizes)) < 1000, sizes
        assert until(lambda: json.loads(load_file.read_text(encoding="ascii"))["tests"] == 0)
        counted = json.loads(load_file.read_text(encoding="ascii"))["counters"]
        assert sum(count for name, count in counted.items() if name.startswith("rubbish")) > 2000
        with Client(port=port) as two:
            assert two.test(Activation(direction=DOWN)).result is ActivationResult.OK


def send_alone(data: bytes, there: tuple[str, int]) -> None:
    """From a port of its own each time: no state may grow with them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.66", 0))  # some of it is good requests: that source's ration, not ours
        sock.sendto(data, there)


def test_the_program_says_its_load_at_a_signal_and_stops_politely() -> None:
    with program("--bandwidth-mbps", "200") as (process, port), Client(port=port) as one:
        one.test(Activation(direction=UP), Setup(bandwidth_mbps=20, upstream=True))
        os.kill(process.pid, signal.SIGUSR1)
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert {"down_mbps", "up_mbps", "cpu_ratio", "counters"} < set(said)
        assert (said["tests"], said["granted_up_mbps"], said["bandwidth_mbps"]) == (1, 20, 200)
        process.send_signal(signal.SIGTERM)
        assert one.next_status().action is Action.STOP
        one.sock.send(Load(action=Action.STOP, sequence=1, payload=52, sent_ns=1).encode() + bytes(20))
        assert process.wait(5) == 0


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (["--require-auth"], "--require-auth"),
        (["--test-ports", "5"], "--test-ports"),
        (["--test-ports", "9-8"], "--test-ports"),
        (["--bandwidth-mbps", "0"], "--bandwidth-mbps"),
        (["--max-tests", "0"], "--max-tests"),
        (["--max-seconds", "0"], "--max-seconds"),
        (["--port", "65536"], "--port"),
    ],
)
def test_a_wrong_option_is_bad_input(options: list[str], where: str) -> None:
    parser = argparse.ArgumentParser()
    capacity.add_options(parser)
    with pytest.raises(InputError) as caught:
        capacity.run(parser.parse_args(options))
    assert caught.value.where == where


def test_a_port_in_use_is_said_in_a_sentence() -> None:
    with serving() as server:
        wished = Settings(hosts=("127.0.0.1",), port=server.addresses[0][1])
        with pytest.raises(OperationError) as caught:
            open_sockets(wished)
        assert "in use" in caught.value.text.en

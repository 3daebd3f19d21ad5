"""The running reflector: what it answers, what it refuses, what it remembers."""

import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.agent.stamp.conftest import KEY, reflecting

from doxa_agent.net import stamp as stamps
from doxa_agent.stamp import reflector as module
from doxa_agent.stamp import tlv
from doxa_agent.stamp.limits import Rates, network_of
from doxa_agent.stamp.packet import Reply, Request, encode_request, parse_reply
from doxa_agent.stamp.reflector import Reflector, Settings, open_sockets
from doxa_agent.stamp.timestamp import ErrorEstimate, from_ntp
from doxa_core.errors import OperationError
from doxa_core.measurement import Clock

LOOPBACK = Settings(hosts=("127.0.0.1",), port=0)
REQUEST = Request(sequence=40, timestamp=77, error=ErrorEstimate(scale=3, multiplier=9), ssid=5)


@contextmanager
def asking(reflector: Reflector, port: int = 0) -> Iterator[socket.socket]:
    host, there = reflector.addresses[0]
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        sock.connect((host, there))
        sock.settimeout(10)
        yield sock


def ask(sock: socket.socket, octets: bytes, key: bytes | None = None) -> Reply:
    sock.send(octets)
    answer = sock.recv(4096)
    assert len(answer) == len(octets)
    return parse_reply(answer, key)


def unanswered(sock: socket.socket, octets: bytes, key: bytes | None = None) -> bool:
    """Whether only the good packet after it is answered: no waiting for what does not come."""
    sock.send(octets)
    good = encode_request(replace(REQUEST, timestamp=4242), key)
    return ask(sock, good, key).asked_timestamp == 4242


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("key", [None, KEY])
def test_a_request_is_answered_with_its_own_fields_and_the_times_of_this_end(host: str, key: bytes | None) -> None:
    before = time.time_ns()
    with reflecting(Settings(hosts=(host,), port=0, key=key)) as reflector, asking(reflector) as sock:
        reply = ask(sock, encode_request(REQUEST, key), key)
    after = time.time_ns()
    assert (reply.asked_sequence, reply.asked_timestamp, reply.ssid) == (40, 77, 5)
    assert (reply.asked_error, reply.ttl) == (REQUEST.error.to_wire(), 64)
    reached, answered = from_ntp(reply.received, after), from_ntp(reply.timestamp, after)
    assert before - 1 <= reached <= answered <= after + 1


def test_each_session_has_its_own_count_from_zero() -> None:
    with reflecting(LOOPBACK) as reflector, asking(reflector) as one, asking(reflector) as two:
        numbers = [ask(one, encode_request(REQUEST)).sequence for _ in range(3)]
        numbers += [
            ask(one, encode_request(replace(REQUEST, ssid=6))).sequence,
            ask(two, encode_request(REQUEST)).sequence,
        ]
        assert numbers == [0, 1, 2, 0, 0]
        assert reflector.sessions == 3


def test_a_stateless_one_copies_the_number_and_fills_in_no_counters() -> None:
    packet = encode_request(replace(REQUEST, tail=tlv.encode([tlv.Counters(1, 0, 0).to_tlv()])))
    with reflecting(replace(LOOPBACK, stateful=False)) as reflector, asking(reflector) as sock:
        reply = ask(sock, packet)
        assert (reply.sequence, reflector.sessions) == (40, 0)
        assert tlv.read_counters(reply.tail, reply.sequence, None) is None


def test_a_clock_that_somebody_vouches_for_is_told_with_its_bound() -> None:
    with reflecting(LOOPBACK, lambda: Clock(synchronised=True, error_ms=8.0)) as reflector, asking(reflector) as sock:
        told = ask(sock, encode_request(REQUEST)).error.bound_ms
    assert told is not None
    assert 8 <= told <= 8 * 1.02


def test_an_unsynchronised_clock_is_told_without_a_bound() -> None:
    with reflecting(LOOPBACK, lambda: Clock(synchronised=False)) as reflector, asking(reflector) as sock:
        error = ask(sock, encode_request(REQUEST)).error
    assert (error.synchronised, error.bound_ms) == (False, None)


@pytest.mark.parametrize("octets", [b"", bytes(14), bytes(43), bytes(3000)])
def test_what_would_be_amplified_or_is_too_long_is_not_answered(octets: bytes) -> None:
    with reflecting(LOOPBACK) as reflector, asking(reflector) as sock:
        assert unanswered(sock, octets)


def test_with_a_key_only_valid_packets_are_answered_and_remembered() -> None:
    good = encode_request(REQUEST, KEY)
    tampered = bytes([good[0] ^ 1]) + good[1:]
    with reflecting(replace(LOOPBACK, key=KEY)) as reflector, asking(reflector) as sock:
        for bad in (tampered, encode_request(REQUEST), bytes(112), encode_request(replace(REQUEST, ssid=9), bytes(32))):
            assert unanswered(sock, bad, KEY)
        assert reflector.tally.refused == {"bad_hmac": 3, "too_short": 1}
        assert reflector.sessions == 1


def test_two_reflectors_cannot_be_made_to_talk_to_each_other() -> None:
    """A forged request from a reflector's own port would be answered, and the answer answered, for ever."""
    with reflecting(LOOPBACK) as one, asking(one) as sock:
        host, port = one.addresses[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.2", port))
            other.sendto(encode_request(REQUEST), (host, port))
            ask(sock, encode_request(REQUEST))
        assert one.tally.refused == {"bad_port": 1}


def test_sessions_are_bounded_and_those_beyond_are_answered_without_state() -> None:
    with reflecting(replace(LOOPBACK, max_sessions=3)) as reflector, asking(reflector) as sock:
        numbers = [ask(sock, encode_request(replace(REQUEST, ssid=ssid))).sequence for ssid in range(1, 6)]
        assert numbers == [0, 0, 0, 40, 40]
        assert ask(sock, encode_request(replace(REQUEST, ssid=1))).sequence == 1
        assert reflector.sessions == 3


def test_a_silent_session_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SWEEP_EVERY_S", 0.01)
    with reflecting(replace(LOOPBACK, forget_s=0.05)) as reflector, asking(reflector) as sock:
        assert [ask(sock, encode_request(REQUEST)).sequence for _ in range(2)] == [0, 1]
        limit = time.monotonic() + 20
        while reflector.sessions and time.monotonic() < limit:
            time.sleep(0.02)
        assert ask(sock, encode_request(REQUEST)).sequence == 0


def test_a_source_has_its_rate_and_all_together_have_theirs() -> None:
    rates = Rates(100, 10, 0.0)
    assert sum(rates.allow("192.0.2.1", 0.0) for _ in range(50)) == 10
    assert sum(rates.allow("192.0.2.1", 0.5) for _ in range(50)) == 5
    assert sum(rates.allow(f"10.0.{n >> 8}.{n & 255}", 0.5) for n in range(2000)) <= 100


def test_the_addresses_of_one_ipv6_network_are_one_source() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2"
    assert network_of("2001:db8::1") == network_of("2001:db8::2")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")


def test_beyond_its_rate_a_source_gets_no_answers() -> None:
    with reflecting(replace(LOOPBACK, source_hz=5)) as reflector, asking(reflector) as sock:
        for _ in range(50):
            sock.send(encode_request(REQUEST))
        limit = time.monotonic() + 20
        while reflector.tally.answered + reflector.tally.refused["rate"] < 50 and time.monotonic() < limit:
            time.sleep(0.01)
        assert reflector.tally.refused["rate"] >= 30


@pytest.fixture(scope="module", params=[None, KEY])
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Reflector, bytes | None]]:
    quick = replace(LOOPBACK, key=request.param, max_sessions=50, source_hz=1e6, rate_hz=1e6)
    with reflecting(quick) as reflector:
        yield reflector, request.param


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=8), st.binary(max_size=200))
def test_no_octets_stop_the_running_reflector(
    running: tuple[Reflector, bytes | None], wild: list[bytes], tail: bytes
) -> None:
    reflector, key = running
    with asking(reflector) as sock:
        for octets in wild:
            sock.send(octets)
        sock.send(encode_request(replace(REQUEST, tail=tail), key))
        good = encode_request(replace(REQUEST, timestamp=4242), key)
        sock.send(good)
        while True:
            with_tail = sock.recv(4096)
            if len(with_tail) == len(good) and parse_reply(with_tail, key).asked_timestamp == 4242:
                break


def test_a_flood_of_sessions_does_not_make_it_grow() -> None:
    """Nobody may fill its memory by inventing senders: after the bound is reached, nothing is added."""
    quick = replace(LOOPBACK, max_sessions=64, source_hz=1e6, rate_hz=1e6)
    chance = random.Random(1)
    with reflecting(quick) as reflector, asking(reflector) as sock:
        for ssid in range(1, 101):
            ask(sock, encode_request(replace(REQUEST, ssid=ssid)))
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for ssid in range(1, 2001):
                tail = tlv.encode([tlv.Tlv(200, chance.randbytes(100))])
                ask(sock, encode_request(replace(REQUEST, ssid=1000 + ssid, tail=tail)))
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert reflector.sessions == 64
    assert grown < 100_000


def test_it_answers_from_the_address_that_was_asked() -> None:
    """A connected sender takes no answer from another address of a machine that has several."""
    everywhere = Settings(hosts=("0.0.0.0",), port=0)
    with reflecting(everywhere) as reflector, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.9", reflector.addresses[0][1]))
        sock.settimeout(10)
        assert ask(sock, encode_request(REQUEST)).sequence == 0


def test_stop_ends_it_from_any_thread() -> None:
    reflector = Reflector(LOOPBACK, open_sockets(LOOPBACK))
    thread = threading.Thread(target=reflector.serve)
    thread.start()
    reflector.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with reflecting(LOOPBACK) as reflector:
        port = reflector.addresses[0][1]
        with pytest.raises(OperationError) as error:
            open_sockets(replace(LOOPBACK, port=port))
    assert error.value.text.en == (
        f"UDP port {port} at 127.0.0.1 is used by another program; choose another --port or stop that program"
    )


def test_a_port_that_only_root_may_open_is_told_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_host: str, _port: int) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "_open", refuse)
    with pytest.raises(OperationError) as error:
        open_sockets(Settings())
    assert "not permitted to open UDP port 862 (below 1024); choose --port from 1024 up" in error.value.text.en


def test_the_arrival_is_the_kernels_and_waiting_in_this_process_is_residence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that gets its turn a second late still tells when the packet came."""
    late = stamps.Moment
    monkeypatch.setattr(stamps, "now", lambda: late(time.time_ns() + 10**9, time.monotonic_ns()))
    with reflecting(LOOPBACK) as reflector, asking(reflector) as sock:
        ask(sock, encode_request(REQUEST))  # the kernel begins to stamp with the first packets
        reply = ask(sock, encode_request(REQUEST))
    here = time.time_ns()
    assert from_ntp(reply.timestamp, here) - from_ntp(reply.received, here) >= 10**9


def test_a_second_signal_that_comes_after_the_end_does_nothing() -> None:
    reflector = Reflector(LOOPBACK, open_sockets(LOOPBACK))
    reflector.stop()
    reflector.serve()
    reflector.stop()

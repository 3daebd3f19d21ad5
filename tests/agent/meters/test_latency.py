"""The latency meter: one reading a far end, values exactly where something was measured."""

import json
import socket
import struct
import subprocess
import threading
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.conftest import Line, inside

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import latency
from doxa_agent.net import handshake, heavy, names
from doxa_agent.net.delay import summarise
from doxa_agent.net.ping import Cadence, Run, Target, Track
from doxa_agent.net.stamp import Moment
from doxa_agent.net.track import Departures
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import MAX_BYTES
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
DELAYS = {
    "rtt_min_ms", "rtt_mean_ms", "rtt_p50_ms", "rtt_p95_ms", "rtt_p99_ms", "rtt_max_ms",
    "pdv_p50_ms", "pdv_p95_ms", "pdv_p99_ms",
}  # fmt: skip
PAIRS = {"jitter_rfc3550_ms", "jitter_mean_abs_ms", "rtt_variance_ms2"}
COUNTS = {"sent_count", "received_count", "loss_ratio", "loss_burst_count", "loss_burst_max_count"}
ARRIVALS = {"duplicate_count", "reordered_count"}
LOSSES = {"loss_burst_mean_s", "loss_gap_mean_s"}
LOADED = {
    "loaded_sent_count", "loaded_received_count", "loaded_loss_ratio", "loaded_rtt_p50_ms", "loaded_rtt_p95_ms",
}  # fmt: skip


def measures(test: Callable[..., None]) -> Callable[..., None]:
    """Of the tests that time packets; they mostly wait."""
    marked: Callable[..., None] = pytest.mark.alone(pytest.mark.calm(test))
    return marked


def options(**found: Any) -> latency.Options:
    table = Table(found, "plan.toml", "task.t.options.")
    read = latency.read_options(table)
    table.close()
    return read


def measure(
    *hosts: str, link: Link = LOOPBACK, family: int | None = None, seconds: float = 30, **found: Any
) -> list[Reading]:
    far_ends = tuple(FarEnd(name=f"f{n}", host=host) for n, host in enumerate(hosts))
    request = Request(link=link, far_ends=far_ends, options=options(**found), deadline=Deadline(seconds), family=family)
    return latency.measure(request)


def test_the_registry_takes_it() -> None:
    meter = meters.load("latency")
    assert meter.method == "latency/1"
    assert not meter.heavy
    assert set(meter.values) == DELAYS | PAIRS | COUNTS | ARRIVALS | LOSSES | LOADED
    assert all(is_value_name(name) for name in meter.values)


def test_the_options_have_their_defaults() -> None:
    assert options().cadence == Cadence(interval_s=1.0, count=10, timeout_s=2.0, payload=56)
    assert options().duration_s is None
    assert options(interval_s=0.5, duration_s=30).cadence.count == 60
    chosen = options(pattern="random", dscp=46, heavy="pause").cadence
    assert (chosen.pattern, chosen.dscp, chosen.pause) == ("random", 46, True)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            {"interval_s": 0.01},
            "task.t.options.interval_s: the value 0.01 is not valid; write a number from 0.02 to 60",
        ),
        ({"interval_s": 61}, "task.t.options.interval_s: the value 61 is not valid; write a number from 0.02 to 60"),
        ({"count": 3, "duration_s": 3}, "task.t.options.duration_s: count is there too; keep one of the two"),
        (
            {"payload_bytes": 8},
            "task.t.options.payload_bytes: the value 8 is not valid; write a whole number from 16 to 1452",
        ),
        (
            {"interval_s": 0.02, "duration_s": 86400},
            "task.t.options.duration_s: it makes 4320000 requests per far end; at most 36000: shorten it or raise interval_s",
        ),
        (
            {"pattern": "poisson"},
            "task.t.options.pattern: the value 'poisson' is not valid; write one of: periodic, random",
        ),
        ({"dscp": 64}, "task.t.options.dscp: the value 64 is not valid; write a whole number from 0 to 63"),
        ({"heavy": "run"}, "task.t.options.heavy: the value 'run' is not valid; write one of: mark, pause"),
        ({"cuont": 3}, "task.t.options.cuont: this key does not exist; did you mean 'count'?"),
    ],
)
def test_a_bad_option_is_refused_with_its_place_and_its_cure(found: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        options(**found)
    assert error.value.text.en == f"plan.toml: {sentence}"


def test_a_run_is_never_longer_than_it_says() -> None:
    chosen = options(interval_s=0.1, count=20, timeout_s=3)
    assert latency.seconds(chosen, 1) > 0.1 * 20 + 3 + latency.RESOLVE_S
    assert latency.seconds(chosen, 100) >= latency.seconds(chosen, 1)


@measures
@pytest.mark.root
def test_each_far_end_has_a_reading_with_all_its_values_and_the_proof_of_its_way(line: Line) -> None:
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    with inside(line.client):
        measure(line.there6, link=link, count=10, interval_s=0.2, timeout_s=0.3)  # neighbours are found now
        readings = measure(line.there4, line.there6, link=link, count=20, interval_s=0.02)
    for reading, family, source, gateway in zip(
        readings, (4, 6), (line.here4, line.here6), (line.gateway4, line.gateway6), strict=True
    ):
        assert (reading.outcome, reading.family, reading.reasons) == (Outcome.OK, family, ())
        assert set(reading.values) == DELAYS | PAIRS | COUNTS | ARRIVALS
        assert (reading.values["sent_count"], reading.values["received_count"]) == (20, 20)
        assert reading.values["loss_ratio"] == 0
        assert reading.proof is not None
        assert (reading.proof.interface, reading.proof.source) == (line.interface, source)
        assert reading.proof.gateway == gateway
        assert len(reading.detail["rtts_ms"]) == 20
        assert reading.detail["way"] in ("icmp_datagram", "icmp_raw")


@measures
@pytest.mark.root
def test_total_loss_is_a_failure_with_counts_and_without_delays(line: Line) -> None:
    rules = "table ip t {\nchain f {\ntype filter hook forward priority 0\ndrop\n}\n}\n"
    nft = ["ip", "netns", "exec", line.router, "nft", "-f", "-"]
    subprocess.run(nft, input=rules, text=True, check=True, timeout=20)
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    with inside(line.client):
        (reading,) = measure(line.there4, link=link, count=4, interval_s=0.05, timeout_s=0.2)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_reply",))
    assert reading.values == {
        "sent_count": 4, "received_count": 0, "loss_ratio": 1.0, "loss_burst_count": 1, "loss_burst_max_count": 4,
        "loss_burst_mean_s": pytest.approx(0.2), "duplicate_count": 0, "reordered_count": 0,
    }  # fmt: skip
    assert reading.detail["rtts_ms"] == [None] * 4


@measures
def test_what_cannot_be_reached_at_all_has_a_reason_and_no_values() -> None:
    absent = Link(name="office", kind=LinkKind.FIXED, interface="absent0")
    (reading,) = measure("127.0.0.1", link=absent, count=2, interval_s=0.02)
    assert (reading.outcome, reading.reasons, reading.values) == (Outcome.FAILED, ("interface_absent",), {})


@measures
def test_a_name_without_an_address_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver is asked for all names at once, and one of the family that was asked for only."""
    meeting = threading.Barrier(3, timeout=20)

    def first_address(host: str, family: int | None) -> tuple[int, str] | str:
        meeting.wait()
        return (4, "127.0.0.1") if host == "known" else "name_not_found"

    monkeypatch.setattr(names, "_first_address", first_address)
    readings = measure("nowhere", "known", "elsewhere", count=2, interval_s=0.02)
    assert [reading.outcome for reading in readings] == [Outcome.FAILED, Outcome.OK, Outcome.FAILED]
    assert [reading.far_end for reading in readings] == ["f0", "f1", "f2"]
    assert readings[0].reasons == ("name_not_found",)


@measures
def test_the_other_family_is_never_taken_instead() -> None:
    (reading,) = measure("127.0.0.1", family=6, count=1)
    assert (reading.outcome, reading.reasons, reading.family) == (Outcome.FAILED, ("no_address_in_family",), 6)


@measures
def test_a_cancelled_run_keeps_what_it_measured() -> None:
    (reading,) = measure("127.0.0.1", count=1000, interval_s=0.05, seconds=0.4)
    assert reading.outcome is Outcome.OK
    assert reading.findings == ("cut_short",)
    assert 0 < reading.values["received_count"] <= reading.values["sent_count"] < 100


def track_of(delays: list[int | None], **found: Any) -> Track:
    """A far end that was asked once a second from the monotonic second 1000 on."""
    left = Departures()
    for seq in range(len(delays)):
        left.add(Moment(10**18 + seq * 10**9, (1000 + seq) * 10**9))
    stamps = array("q", bytes(8 * len(delays)))
    target = Target(family=4, address="192.0.2.1")
    return Track(target=target, way="icmp_datagram", delays=delays, left=left, stamps=stamps, **found)


def read(track: Track, *spans: heavy.Span, cut_short: bool = False, overflowed: int = 0) -> Reading:
    run = Run(tracks=(track,), cut_short=cut_short, overflowed=overflowed)
    return latency._reading(FarEnd(name="f", host="192.0.2.1"), Cadence(), run, track, None, spans)


def test_a_run_cut_off_before_anything_was_decided_says_nothing_about_the_line() -> None:
    reading = read(track_of([None, None], open=frozenset({0, 1})), cut_short=True)
    assert (reading.outcome, reading.reasons, reading.values) == (Outcome.SKIPPED, ("cut_short",), {})


def test_drops_in_our_own_queue_are_not_booked_as_the_lines_loss() -> None:
    reading = read(track_of([1_000_000, None]), overflowed=3)
    assert (reading.outcome, reading.reasons) == (Outcome.PROBE_LIMITED, ("receive_queue_overflow",))


def test_late_replies_are_told_beside_the_loss() -> None:
    reading = read(track_of([None, None], late=2))
    assert reading.reasons == ("no_reply", "late_replies")
    assert reading.detail["late"] == 2


def test_handshakes_and_clock_steps_are_findings() -> None:
    track = track_of([1_000_000], stepped=1)
    track.way = "tcp_handshake"
    assert read(track).findings == ("not_icmp", "clock_stepped")


def test_silence_to_handshakes_says_nothing_until_the_far_end_has_answered_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that answers pings alone would be called dead by a probe that must not ping."""
    monkeypatch.setattr(handshake, "_ANSWERERS", handshake._Answerers())
    answered, silent = track_of([1_000_000, None]), track_of([None, None])
    answered.way = silent.way = "tcp_handshake"
    reading = read(silent)
    assert (reading.outcome, reading.reasons, dict(reading.values)) == (Outcome.SKIPPED, ("icmp_not_permitted",), {})
    assert read(answered).values["loss_ratio"] == 0.5
    assert (read(silent).outcome, read(silent).values["loss_ratio"]) == (Outcome.FAILED, 1)
    silent.way = "icmp_raw"
    assert read(silent).outcome is Outcome.FAILED


def test_the_reasons_of_the_network_come_first_by_their_number() -> None:
    track = track_of([None] * 3)
    track.errors.update({"prohibited": 1, "host_unreachable": 2})
    assert read(track).reasons == ("host_unreachable", "prohibited")


def test_a_very_long_run_fits_into_a_measurement_and_says_that_it_was_thinned() -> None:
    track = track_of([123_456_789] * 36_000)
    detail = read(track).detail
    assert len(json.dumps(dict(detail))) < MAX_BYTES // 2
    assert detail["rtts_every"] == 18
    assert len(detail["rtts_ms"]) == 2000


@given(st.lists(st.none() | st.integers(1, 30 * 10**9), max_size=50))
def test_values_are_declared_finite_and_only_what_was_measured(delays: list[int | None]) -> None:
    track = track_of(delays)
    found = latency.values(summarise(track.delays_ms))
    assert set(found) <= set(latency.VALUES)
    received = any(delay is not None for delay in delays)
    assert set(found) >= DELAYS if received else not (DELAYS | PAIRS) & set(found)
    assert set(found) >= COUNTS if delays else not found
    assert ("loss_burst_mean_s" in found) == (None in delays)


def test_one_lost_of_three_hundred_is_exactly_that() -> None:
    reading = read(track_of([5_000_000] * 150 + [None] + [5_000_000] * 149))
    assert reading.values["loss_ratio"] == 1 / 300
    assert (reading.values["loss_burst_count"], reading.values["loss_burst_max_count"]) == (1, 1)
    assert reading.values["loss_gap_mean_s"] == 149.5


def test_the_three_jitters_are_three_values() -> None:
    found = read(track_of([10_000_000, 26_000_000, 58_000_000])).values
    assert found["jitter_rfc3550_ms"] == pytest.approx(1 + 31 / 16)
    assert found["jitter_mean_abs_ms"] == 24
    assert found["rtt_variance_ms2"] == pytest.approx(597.333333)
    assert (found["pdv_p50_ms"], found["pdv_p95_ms"], found["pdv_p99_ms"]) == (16, 48, 48)


def test_a_reply_that_a_later_one_overtook_is_reordered() -> None:
    assert read(track_of([2_500_000_000, 1_000_000, 1_000_000, 1_000_000])).values["reordered_count"] == 1
    assert read(track_of([900_000_000, None, 1_000_000])).values["reordered_count"] == 0


def test_requests_under_load_are_told_apart_and_never_mixed() -> None:
    """Seconds 1004 to 1006 are loaded; half a second before and one after belong to it."""
    quiet: list[int | None] = [1_000_000] * 4
    track = track_of([*quiet, 90_000_000, None, 80_000_000, 70_000_000, *quiet])
    values = read(track, heavy.Span(1004.2, 1006.1)).values
    assert (values["sent_count"], values["received_count"], values["rtt_max_ms"]) == (8, 8, 1)
    assert (values["loaded_sent_count"], values["loaded_received_count"]) == (4, 3)
    assert values["loaded_loss_ratio"] == 1 / 4
    assert (values["loaded_rtt_p50_ms"], values["loaded_rtt_p95_ms"]) == (80, 90)
    assert values["jitter_mean_abs_ms"] == 0  # the two sides of the gap are no neighbours


def test_a_run_wholly_under_load_says_nothing_about_the_idle_line() -> None:
    reading = read(track_of([90_000_000, None]), heavy.Span(990, float("inf")))
    assert (reading.outcome, reading.reasons) == (Outcome.SKIPPED, ("during_heavy_test",))
    assert set(reading.values) == LOADED


@measures
def test_a_paused_meter_sends_nothing_while_the_line_is_loaded() -> None:
    heavy.begin("loopback")
    timer = threading.Timer(0.3, heavy.end, ("loopback",))
    timer.start()
    try:
        (reading,) = measure("127.0.0.1", count=40, interval_s=0.05, heavy="pause")
    finally:
        timer.join()
    assert reading.outcome is Outcome.OK
    assert reading.detail["paused"] >= 20  # the load and the second after it
    assert reading.values["sent_count"] + reading.detail["paused"] == 40
    assert "loaded_sent_count" not in reading.values


@measures
def test_a_run_with_a_duration_fits_its_cadence_and_keeps_to_it() -> None:
    chosen = options(interval_s=1.0, duration_s=60)
    assert latency.seconds(chosen, 100) == 60
    assert chosen.cadence.count == 60
    began = time.monotonic()
    (reading,) = measure("127.0.0.1", interval_s=0.1, duration_s=1)
    assert time.monotonic() - began < 1
    assert reading.values["sent_count"] >= 8
    assert reading.findings == ()


def drop_all(namespace: str) -> None:
    rules = "table ip t {\nchain f {\ntype filter hook forward priority 0\ndrop\n}\n}\n"
    nft = ["ip", "netns", "exec", namespace, "nft", "-f", "-"]
    subprocess.run(nft, input=rules, text=True, check=True, timeout=20)


@measures
@pytest.mark.root
def test_what_is_open_at_the_end_of_a_run_is_booked_by_the_next(line: Line) -> None:
    """Everything is lost: what the first run could not wait for, the second one counts, once."""
    link = Link(name="seam", kind=LinkKind.FIXED, interface=line.interface)
    how: dict[str, Any] = {"link": link, "interval_s": 0.1, "duration_s": 1, "timeout_s": 0.5}
    descriptors = Path("/proc/self/fd")
    with inside(line.client):
        (ready,) = measure(line.there4, link=link, count=3, interval_s=0.05)
        assert ready.outcome is Outcome.OK
        drop_all(line.router)
        before = len(list(descriptors.iterdir()))
        first, second = measure(line.there4, **how)[0], measure(line.there4, **how)[0]
        for key in list(latency._OPEN._found):
            left = latency._OPEN.take(key)
            assert left is not None
            left.abandon()
        assert len(list(descriptors.iterdir())) == before
    assert first.detail["undecided"] > 0
    assert second.detail["carried"] == first.detail["undecided"]
    assert first.values["received_count"] == second.values["received_count"] == 0
    sent = len(first.detail["rtts_ms"]) + len(second.detail["rtts_ms"]) - second.detail["carried"]
    counted = first.values["sent_count"] + second.values["sent_count"]
    assert counted + second.detail["undecided"] == sent
    assert second.values["loss_burst_count"] == 1  # the seam does not cut it


@measures
@pytest.mark.root
def test_the_code_point_is_on_every_packet(line: Line) -> None:
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    with inside(line.server):
        listener = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    listener.settimeout(5)
    with listener, inside(line.client):
        measure(line.there4, link=link, count=1, dscp=46)
        packet = listener.recv(2048)
    assert struct.unpack_from("!B", packet, 1)[0] >> 2 == 46


@measures
@pytest.mark.root
def test_three_hundred_far_ends_twice_a_second_are_matched_without_a_loss_of_our_own(line: Line) -> None:
    hosts = [f"10.99.2.{n}" for n in range(10, 250)] + [f"10.99.3.{n}" for n in range(1, 61)]
    batch = "\n".join(f"addr add {host}/23 dev line1" for host in hosts)
    subprocess.run(["ip", "-n", line.server, "-batch", "-"], input=batch, text=True, check=True, timeout=20)
    subprocess.run(["ip", "-n", line.router, "route", "add", "10.99.3.0/24", "dev", "up0"], check=True, timeout=20)
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    with inside(line.client):
        readings = measure(*hosts, link=link, count=4, interval_s=0.5)
    assert [reading.detail["address"] for reading in readings] == hosts
    assert {reading.values["received_count"] for reading in readings} == {4}
    assert {reading.values["duplicate_count"] for reading in readings} == {0}
    assert {reading.outcome for reading in readings} == {Outcome.OK}

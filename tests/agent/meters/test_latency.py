"""The latency meter: one reading a far end, values exactly where something was measured."""

import json
import subprocess
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.conftest import Line, inside

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import latency
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.delay import summarise
from doxa_agent.net.ping import Cadence, Run, Target, Track
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import MAX_BYTES
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

pytestmark = pytest.mark.alone

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
DELAYS = {
    "rtt_min_ms", "rtt_mean_ms", "rtt_p50_ms", "rtt_p95_ms", "rtt_p99_ms", "rtt_max_ms", "pdv_p95_ms",
}  # fmt: skip
COUNTS = {"sent_count", "received_count", "loss_ratio"}


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
    assert set(meter.values) == DELAYS | COUNTS | {"jitter_rfc3550_ms"}
    assert all(is_value_name(name) for name in meter.values)


def test_the_options_have_their_defaults() -> None:
    assert options().cadence == Cadence(interval_s=1.0, count=10, timeout_s=2.0, payload=56)
    assert options(interval_s=0.5, duration_s=30).cadence.count == 60


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
        assert set(reading.values) == set(latency.VALUES)
        assert (reading.values["sent_count"], reading.values["received_count"]) == (20, 20)
        assert reading.values["loss_ratio"] == 0
        assert reading.proof is not None
        assert (reading.proof.interface, reading.proof.source) == (line.interface, source)
        assert reading.proof.gateway == gateway
        assert len(reading.detail["rtts_ms"]) == 20
        assert reading.detail["way"] in ("icmp_datagram", "icmp_raw")


@pytest.mark.root
def test_total_loss_is_a_failure_with_counts_and_without_delays(line: Line) -> None:
    rules = "table ip t {\nchain f {\ntype filter hook forward priority 0\ndrop\n}\n}\n"
    nft = ["ip", "netns", "exec", line.router, "nft", "-f", "-"]
    subprocess.run(nft, input=rules, text=True, check=True, timeout=20)
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    with inside(line.client):
        (reading,) = measure(line.there4, link=link, count=4, interval_s=0.05, timeout_s=0.2)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_reply",))
    assert reading.values == {"sent_count": 4, "received_count": 0, "loss_ratio": 1.0}
    assert reading.detail["rtts_ms"] == [None] * 4


def test_what_cannot_be_reached_at_all_has_a_reason_and_no_values() -> None:
    absent = Link(name="office", kind=LinkKind.FIXED, interface="absent0")
    (reading,) = measure("127.0.0.1", link=absent, count=2, interval_s=0.02)
    assert (reading.outcome, reading.reasons, reading.values) == (Outcome.FAILED, ("interface_absent",), {})


def test_a_name_without_an_address_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver is asked for all names at once, and one of the family that was asked for only."""
    meeting = threading.Barrier(3, timeout=20)

    def resolve(host: str, family: int | None, *, timeout_s: float) -> tuple[int, str]:
        meeting.wait()
        if host == "known":
            return 4, "127.0.0.1"
        raise Unreachable("name_not_found")

    monkeypatch.setattr(latency, "resolve", resolve)
    readings = measure("nowhere", "known", "elsewhere", count=2, interval_s=0.02)
    assert [reading.outcome for reading in readings] == [Outcome.FAILED, Outcome.OK, Outcome.FAILED]
    assert [reading.far_end for reading in readings] == ["f0", "f1", "f2"]
    assert readings[0].reasons == ("name_not_found",)


def test_the_other_family_is_never_taken_instead() -> None:
    (reading,) = measure("127.0.0.1", family=6, count=1)
    assert (reading.outcome, reading.reasons, reading.family) == (Outcome.FAILED, ("no_address_in_family",), 6)


def test_a_cancelled_run_keeps_what_it_measured() -> None:
    (reading,) = measure("127.0.0.1", count=1000, interval_s=0.05, seconds=0.4)
    assert reading.outcome is Outcome.OK
    assert reading.findings == ("cut_short",)
    assert 0 < reading.values["received_count"] <= reading.values["sent_count"] < 100


def track_of(delays: list[int | None], **found: Any) -> Track:
    return Track(target=Target(family=4, address="192.0.2.1"), way="icmp_datagram", delays=delays, **found)


def read(track: Track, *, cut_short: bool = False, overflowed: int = 0) -> Reading:
    run = Run(tracks=(track,), cut_short=cut_short, overflowed=overflowed)
    return latency._reading(FarEnd(name="f", host="192.0.2.1"), Cadence(), run, track, None)


def test_a_run_cut_off_before_anything_was_decided_says_nothing_about_the_line() -> None:
    reading = read(track_of([None, None], undecided=2), cut_short=True)
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
    assert set(found) >= DELAYS if received else not DELAYS & set(found)
    assert set(found) >= COUNTS if delays else not found

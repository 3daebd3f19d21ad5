"""The stamp meter: loss told apart by direction, round trips without the reflector's time, no clock believed unasked."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.agent.conftest import Line, inside
from tests.agent.stamp.conftest import KEY, lying, reflecting, reflector_process, shifted

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import stamp
from doxa_agent.net import stamp as stamps
from doxa_agent.stamp import sender
from doxa_agent.stamp.book import Answer
from doxa_agent.stamp.packet import Reply
from doxa_agent.stamp.reflector import Settings
from doxa_agent.stamp.sender import Cadence, Run, Target, Track
from doxa_agent.stamp.timestamp import ErrorEstimate
from doxa_agent.stamp.tlv import Counters
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import MAX_BYTES, Clock
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
LOCAL = Settings(hosts=("127.0.0.1",), port=0)
SURE = Clock(synchronised=True, error_ms=1.0)
UNSURE = Clock(synchronised=False)
HOUR_S = 3600.0
ROUND_TRIPS = {"rtt_min_ms", "rtt_mean_ms", "rtt_p50_ms", "rtt_p95_ms", "rtt_p99_ms", "rtt_max_ms", "pdv_p95_ms"}
COUNTS = {"sent_count", "received_count", "loss_ratio", "late_count", "duplicate_count"}
ONE_WAY = {f"{way}_delay_{what}_ms" for way in ("forward", "backward") for what in ("min", "p50", "p95")}


def options(**found: Any) -> stamp.Options:
    table = Table(found, "plan.toml", "task.t.options.")
    read = stamp.read_options(table)
    table.close()
    return read


def measure(
    *ports: int,
    host: str = "127.0.0.1",
    link: Link = LOOPBACK,
    key: Path | None = None,
    seconds: float = 60,
    **found: Any,
) -> list[Reading]:
    far_ends = tuple(FarEnd(name=f"f{n}", host=host, stamp_port=port, stamp_key=key) for n, port in enumerate(ports))
    asked = options(**({"interval_s": 0.05, "count": 6} | found))
    return stamp.measure(Request(link=link, far_ends=far_ends, options=asked, deadline=Deadline(seconds)))


def test_the_registry_takes_it() -> None:
    meter = meters.load("stamp")
    assert (meter.method, meter.heavy) == ("stamp/1", False)
    assert ROUND_TRIPS | COUNTS | ONE_WAY | {"clock_bound_ms", "forward_loss_ratio"} <= set(meter.values)
    assert all(is_value_name(name) for name in meter.values)


def test_the_options_have_their_defaults() -> None:
    assert options().cadence == Cadence(interval_s=1.0, count=10, timeout_s=2.0, padding=0)
    assert options(interval_s=0.5, duration_s=30).cadence.count == 60
    assert stamp.seconds(options(count=20, timeout_s=3), 1) > 20 + 3 + stamp.RESOLVE_S


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"interval_s": 0.01}, "interval_s: the value 0.01 is not valid; write a number from 0.05 to 60"),
        ({"count": 3, "duration_s": 3}, "duration_s: count is there too; keep one of the two"),
        ({"padding_bytes": 1301}, "padding_bytes: the value 1301 is not valid; write a whole number from 0 to 1300"),
        ({"interval_s": 0.05, "duration_s": 86400},
         "duration_s: it makes 1728000 packets per far end; at most 36000: shorten it or raise interval_s"),
    ],
)  # fmt: skip
def test_a_bad_option_is_refused_with_its_place_and_its_cure(found: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        options(**found)
    assert error.value.text.en == f"plan.toml: task.t.options.{sentence}"


def test_several_far_ends_at_once_each_have_a_reading_with_what_can_be_known(tmp_path: Path) -> None:
    (file := tmp_path / "key").write_text(KEY.hex())
    with reflecting(replace(LOCAL, key=KEY)) as one, reflecting(replace(LOCAL, key=KEY)) as two:
        ports = (one.addresses[0][1], two.addresses[0][1])
        readings = measure(*ports, key=file, count=10, padding_bytes=60)
    for reading, port in zip(readings, ports, strict=True):
        assert (reading.outcome, reading.reasons, reading.family) == (Outcome.OK, (), 4)
        assert set(stamp.VALUES) - set(reading.values) <= ONE_WAY | {"clock_bound_ms"}
        assert (reading.values["received_count"], reading.values["unattributed_lost_count"]) == (10, 0)
        assert (reading.detail["port"], reading.detail["mode"]) == (port, "authenticated")
        assert reading.detail["packet_bytes"] == 112 + 16 + 20 + 4 + 60
        assert reading.detail["kernel_stamps"] == {"sent": 10, "received": 10}


def test_an_ipv6_far_end_is_asked_over_ipv6() -> None:
    with reflecting(Settings(hosts=("::1",), port=0)) as reflector:
        (reading,) = measure(reflector.addresses[0][1], host="::1")
    assert (reading.outcome, reading.family, reading.detail["ttl_there"]) == (Outcome.OK, 6, [255])


def drop(line: Line, *, out: int = 0, back: int = 0) -> None:
    """Let the router drop every so-manieth STAMP packet of a direction; 0 drops none, 1 drops all."""
    rules = [
        f"{device} udp {port} 8620 numgen inc mod {every} == {every - 1} drop"
        for device, port, every in (('iifname "down0"', "dport", out), ('iifname "up0"', "sport", back))
        if every
    ]
    table = (
        "flush ruleset\ntable inet t {\nchain f {\ntype filter hook forward priority 0\n"
        + "\n".join(rules)
        + "\n}\n}\n"
    )
    nft = ["ip", "netns", "exec", line.router, "nft", "-f", "-"]
    subprocess.run(nft, input=table, text=True, check=True, timeout=20)


@pytest.fixture
def far(line: Line) -> Iterator[Line]:
    with reflector_process("--port", "8620", namespace=line.server):
        yield line


def over(line: Line, **found: Any) -> Reading:
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    with inside(line.client):
        (reading,) = measure(8620, host=line.there4, link=link, **found)
    return reading


@pytest.mark.root
def test_loss_in_one_direction_is_booked_to_that_direction_only(far: Line) -> None:
    drop(far, out=4)
    reading = over(far, count=14, timeout_s=0.5)
    assert (reading.values["forward_lost_count"], reading.values["backward_lost_count"]) == (3, 0)
    assert (reading.values["forward_loss_ratio"], reading.values["backward_loss_ratio"]) == (3 / 14, 0)
    drop(far, back=4)
    reading = over(far, count=14, timeout_s=0.5)
    assert (reading.values["forward_lost_count"], reading.values["backward_lost_count"]) == (0, 3)
    assert (reading.values["forward_loss_ratio"], reading.values["backward_loss_ratio"]) == (0, 3 / 14)
    drop(far, out=4, back=5)
    reading = over(far, count=14, timeout_s=0.5)
    assert (reading.values["forward_lost_count"], reading.values["backward_lost_count"]) == (3, 2)
    assert (reading.values["loss_ratio"], reading.values["backward_loss_ratio"]) == (5 / 14, 2 / 11)
    assert reading.detail["ttl_there"] == [254]
    assert reading.proof is not None
    assert (reading.proof.interface, reading.proof.source) == (far.interface, far.here4)


@pytest.mark.root
def test_total_loss_is_a_failure_with_counts_and_without_delays_or_directions(far: Line) -> None:
    drop(far, back=1)
    reading = over(far, count=4, timeout_s=0.3)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_reply",))
    assert reading.values == {
        "sent_count": 4, "received_count": 0, "loss_ratio": 1.0, "late_count": 0, "duplicate_count": 0,
    }  # fmt: skip


def test_nobody_listening_is_told_as_the_kernel_tells_it() -> None:
    with reflecting(LOCAL) as reflector:
        port = reflector.addresses[0][1]
    (reading,) = measure(port, count=3, timeout_s=0.2)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("port_unreachable",))
    assert reading.values["loss_ratio"] == 1


def test_with_another_key_there_is_no_answer(tmp_path: Path) -> None:
    (file := tmp_path / "key").write_text("ab" * 32)
    with reflecting(replace(LOCAL, key=KEY)) as reflector:
        (reading,) = measure(reflector.addresses[0][1], key=file, count=2, timeout_s=0.2)
        assert reflector.tally.refused == {"bad_hmac": 2}
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_reply",))


def test_answers_whose_hmac_is_wrong_are_not_believed(tmp_path: Path) -> None:
    (file := tmp_path / "key").write_text(KEY.hex())
    with lying(lambda _, reply: [reply], key=KEY, sign_with=bytes(32)) as port:
        (reading,) = measure(port, key=file, count=2, timeout_s=0.3)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_reply", "bad_authentication"))


def test_without_its_key_nothing_is_sent_and_nothing_said_about_the_line(tmp_path: Path) -> None:
    (reading,) = measure(9, key=tmp_path / "absent")
    assert (reading.outcome, reading.reasons, reading.values) == (Outcome.ERROR, ("key_unusable",), {})


FORGERIES: dict[str, Callable[[Reply], Reply]] = {
    "timestamp": lambda reply: replace(reply, asked_timestamp=1),
    "sequence": lambda reply: replace(reply, asked_sequence=99),
    "session": lambda reply: replace(reply, ssid=reply.ssid ^ 1 or 2),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_forged_answers_are_not_counted(what: str) -> None:
    with lying(lambda _, reply: [FORGERIES[what](reply)]) as port:
        (reading,) = measure(port, count=2, timeout_s=0.3)
    assert (reading.outcome, reading.values["received_count"]) == (Outcome.FAILED, 0)
    assert reading.detail["refused"] == {"foreign": 2}


def test_duplicates_of_each_direction_are_told_apart_from_packets() -> None:
    def twice(number: int, reply: Reply) -> list[Reply]:
        return [reply, reply] if number == 1 else [reply]

    with lying(twice) as port:
        (reading,) = measure(port)
    assert (reading.values["received_count"], reading.values["duplicate_count"]) == (6, 1)
    assert reading.detail["duplicates"] == {"forward": 0, "backward": 1}


def test_the_time_that_the_far_end_holds_a_packet_is_not_in_the_round_trip() -> None:
    """The reflector says that it held each packet for 30 ms longer than the wire took: impossible, so no round trip."""

    def slow(_: int, reply: Reply) -> list[Reply]:
        return [replace(reply, received=reply.received - round(30e-3 * 2**32))]

    with lying(slow) as port:
        (reading,) = measure(port)
    assert reading.values["received_count"] == 6
    assert not ROUND_TRIPS & set(reading.values)
    assert "reflector_residence_impossible" in reading.findings


@pytest.mark.parametrize("claim", [ErrorEstimate.of(None), ErrorEstimate.of(1.0)], ids=["unsynchronised", "liar"])
def test_clocks_that_differ_make_no_one_way_delay(claim: ErrorEstimate, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 ms ahead looks like an uneven path; whoever does not vouch, or vouches and contradicts himself, is not believed."""
    monkeypatch.setattr(sender, "read_clock", lambda: SURE)
    with lying(lambda _, reply: [shifted(reply, 0.04, claim)]) as port:
        (reading,) = measure(port)
    assert not ONE_WAY & set(reading.values)
    assert "clock_bound_ms" not in reading.values
    assert ("clock_bound_violated" if claim.synchronised else "clock_unsynchronised") in reading.findings
    assert set(reading.values) >= ROUND_TRIPS | {"forward_jitter_rfc3550_ms", "backward_jitter_rfc3550_ms"}


def test_our_own_unsynchronised_clock_makes_no_one_way_delay_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "read_clock", lambda: UNSURE)
    with reflecting(LOCAL, lambda: SURE) as reflector:
        (reading,) = measure(reflector.addresses[0][1])
    assert not ONE_WAY & set(reading.values)
    assert reading.findings == ("clock_unsynchronised",)


def test_two_clocks_of_known_error_give_one_way_delays_with_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "read_clock", lambda: SURE)
    with reflecting(LOCAL, lambda: Clock(synchronised=True, error_ms=8.0)) as reflector:
        (reading,) = measure(reflector.addresses[0][1])
    assert set(reading.values) >= ONE_WAY
    assert 9.0 <= reading.values["clock_bound_ms"] <= 9.2
    least = reading.values["forward_delay_min_ms"] + reading.values["backward_delay_min_ms"]
    assert 0 < least <= reading.values["rtt_min_ms"] + 1e-3
    assert "clock_unsynchronised" not in reading.findings


def test_a_far_clock_that_is_set_during_the_run_is_named_and_falsifies_nothing() -> None:
    with lying(lambda number, reply: [shifted(reply, HOUR_S if number >= 3 else 0)]) as port:
        (reading,) = measure(port, count=10)
    assert "far_clock_stepped" in reading.findings
    for name in (*ROUND_TRIPS, "jitter_rfc3550_ms", "forward_jitter_rfc3550_ms", "backward_jitter_rfc3550_ms"):
        assert 0 <= reading.values[name] < HOUR_S * 1000 / 100


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S])
def test_our_clock_set_during_the_run_falsifies_nothing(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the tenth reading of the clock on, it and the kernel's stamps are an hour off: as after clock_settime(2)."""
    step, asked = int(seconds * 1e9), 0
    true_now, true_stamp = stamps.now, stamps.stamp_of

    def now() -> stamps.Moment:
        nonlocal asked
        asked += 1
        found = true_now()
        return found if asked < 10 else stamps.Moment(found.real + step, found.mono)

    def stamp_of(ancillary: list[tuple[int, int, bytes]]) -> int | None:
        found = true_stamp(ancillary)
        return found if found is None or asked < 10 else found + step

    monkeypatch.setattr(sender, "read_clock", lambda: SURE)
    with lying(lambda _, reply: [replace(reply, error=ErrorEstimate.of(1.0))]) as port:
        monkeypatch.setattr(stamps, "now", now)
        monkeypatch.setattr(stamps, "stamp_of", stamp_of)
        (reading,) = measure(port, count=12)
    assert asked > 10
    assert (reading.outcome, reading.values["received_count"]) == (Outcome.OK, 12)
    assert "clock_stepped" in reading.findings
    assert not ONE_WAY & set(reading.values)
    for name in (*ROUND_TRIPS, "jitter_rfc3550_ms", "forward_jitter_rfc3550_ms", "backward_jitter_rfc3550_ms"):
        assert 0 <= reading.values[name] < HOUR_S * 1000 / 100


def test_a_stateless_far_end_tells_no_direction() -> None:
    with reflecting(replace(LOCAL, stateful=False)) as reflector:
        (reading,) = measure(reflector.addresses[0][1])
    assert "reflector_stateless" in reading.findings
    assert not {"forward_loss_ratio", "backward_loss_ratio", "unattributed_lost_count"} & set(reading.values)
    assert reading.values["loss_ratio"] == 0


def test_a_cancelled_run_keeps_what_it_measured() -> None:
    with reflecting(LOCAL) as reflector:
        (reading,) = measure(reflector.addresses[0][1], count=1000, seconds=0.4)
    assert reading.outcome is Outcome.OK
    assert "cut_short" in reading.findings
    assert 0 < reading.values["received_count"] <= reading.values["sent_count"] < 100


def test_a_run_cut_off_before_anything_was_decided_says_nothing_about_the_line() -> None:
    with lying(lambda _, _reply: []) as port:
        (reading,) = measure(port, count=1000, timeout_s=30, seconds=0.3)
    assert (reading.outcome, reading.reasons, reading.values) == (Outcome.SKIPPED, ("cut_short",), {})


def read(track: Track) -> Reading:
    run = Run(tracks=(track,), cut_short=False, clocks=(UNSURE, UNSURE))
    return stamp._reading(FarEnd(name="f", host="192.0.2.1"), Cadence(), run, track, None)


def track_of(sent: int, lost: set[int]) -> Track:
    track = Track(target=Target(family=4, address="192.0.2.1"), packet_bytes=60)
    arrived = 0
    for number in range(sent):
        track.book.sent_real.append(number)
        track.book.sent_mono.append(number)
        track.book.stamps.append(number)
        if number not in lost:
            track.book.add(
                Answer(
                    asked=number, number=arrived, trip=12_345_678, residence=1, out=6, back=7, ttl=60, bound_ms=None,
                    counters=Counters(number + 1, arrived + 1, arrived + 1), ptp=False, by_kernel=True, stepped=False,
                ),
                2 * 10**9,
            )  # fmt: skip
            arrived += 1
    return track


def test_one_lost_of_300_is_one_of_300() -> None:
    values = read(track_of(300, {7})).values
    assert (values["loss_ratio"], values["forward_loss_ratio"]) == (1 / 300, 1 / 300)
    assert (values["forward_lost_count"], values["backward_loss_ratio"]) == (1, 0)


def test_a_loss_after_the_last_answer_belongs_to_no_direction() -> None:
    values = read(track_of(300, {299})).values
    assert (values["loss_ratio"], values["unattributed_lost_count"]) == (1 / 300, 1)
    assert (values["forward_loss_ratio"], values["backward_loss_ratio"]) == (0, 0)


def test_drops_in_our_own_queue_are_not_booked_as_the_lines_loss() -> None:
    track = track_of(3, {1})
    track.dropped = 1
    assert (read(track).outcome, read(track).reasons) == (Outcome.PROBE_LIMITED, ("receive_queue_overflow",))


def test_a_very_long_run_fits_into_a_measurement() -> None:
    detail = read(track_of(36_000, set())).detail
    assert (len(detail["rtts_ms"]), detail["rtts_every"]) == (2000, 18)
    assert len(json.dumps(dict(detail))) < MAX_BYTES // 2

"""The ookla meter against a server of our own: no test ever asks Ookla."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.agent.conftest import Line, inside, shape
from tests.agent.meters.ookla_server import Server

from doxa_agent import meters
from doxa_agent.meter import Deadline, Link, Reading, Request
from doxa_agent.meters import ookla
from doxa_agent.net import child
from doxa_agent.ookla.child import LightData, redirected
from doxa_agent.ookla.order import Answer, Order, Transfer
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED, interface="lo")


def options(**found: Any) -> ookla.Options:
    table = Table(found, "plan.toml", "task.t.options.")
    read = ookla.read_options(table)
    table.close()
    return read


def measure(
    place: str, *, link: Link = LOOPBACK, seconds: float = 120, family: int | None = None, **more: Any
) -> Reading:
    asked = options(**({"accept_licence": True, "base_url": f"http://{place}", "test_s": 1, "pings": 5} | more))
    (reading,) = ookla.measure(
        Request(link=link, far_ends=(), options=asked, deadline=Deadline(seconds), family=family)
    )
    return reading


@contextmanager
def serving(fault: str = "") -> Iterator[Server]:
    server = Server("127.0.0.1", fault)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def test_the_registry_takes_it_without_the_package() -> None:
    meter = meters.load("ookla")
    assert (meter.method, meter.heavy) == ("ookla/1", True)
    assert all(is_value_name(name) for name in meter.values)
    names = "import sys; from doxa_agent import meters; meters.load('ookla'); sys.exit('speedtest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", names], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("found", [{}, {"accept_licence": False}])
def test_without_the_licence_accepted_it_does_not_run_and_says_why(found: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        options(**found)
    assert error.value.text.en == (
        "plan.toml: task.t.options.accept_licence: the ookla meter is off by default: Ookla's terms allow personal, "
        "non-commercial use only, and the project speedtest-cli is no longer maintained (archived in 2026); "
        "if you are entitled to use it, write accept_licence = true; otherwise use the meter speed"
    )
    assert "cá nhân, phi thương mại" in error.value.text.vi


def test_a_missing_package_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ookla, "find_spec", lambda _: None)
    with pytest.raises(InputError) as error:
        options(accept_licence=True)
    assert error.value.text.en.endswith(
        f"the package speedtest-cli is missing; run: {sys.executable} -m pip install 'doxa[ookla]'"
    )


@pytest.mark.parametrize("url", ["ftp://example.net", "https://user@example.net", "https://example.net/path", "x"])
def test_a_bad_address_is_refused(url: str) -> None:
    with pytest.raises(InputError) as error:
        options(accept_licence=True, base_url=url)
    assert "write an address such as https://host or http://host:port" in error.value.text.en


def test_the_real_service_is_asked_over_https_unless_told_otherwise() -> None:
    assert options(accept_licence=True) == ookla.Options(
        test_s=10.0, pings=10, server_id=None, base_url="https://www.speedtest.net"
    )


def test_a_run_has_the_shape_of_a_speed_test_and_its_upload_says_who_counted() -> None:
    with serving() as server:
        reading = measure(server.place)
        assert set(server.asked) == {
            "speedtest-config.php", "speedtest-servers-static.php", "latency.txt", "random", "upload",
        }  # fmt: skip
        assert reading.values["download_bytes"] <= server.served
        assert server.taken <= reading.values["upload_bytes"]
    assert set(reading.values) == set(ookla.VALUES)
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED)  # loopback is faster than the package
    assert "counted_at_sender" in reading.findings
    assert (reading.family, reading.far_end) == (4, None)
    assert reading.proof is not None
    assert (reading.proof.interface, reading.proof.source) == ("lo", "127.0.0.1")
    assert (reading.detail["server"]["id"], reading.detail["server"]["host"]) == ("4242", server.place)
    for name in ("download", "upload"):
        values = reading.values
        assert values[f"{name}_mean_mbps"] == pytest.approx(
            values[f"{name}_bytes"] * 8 / values[f"{name}_duration_s"] / 1e6, rel=1e-3
        )
        assert reading.detail[name]["threads"] <= 16
    assert reading.detail["child_memory_bytes"] < 80e6  # of 175 MB, were every body built in memory


@pytest.mark.parametrize(
    ("fault", "reason", "outcome"),
    [
        ("refused", "config_unreachable", Outcome.FAILED),
        ("broken", "config_invalid", Outcome.FAILED),
        ("empty", "servers_unreachable", Outcome.FAILED),
        ("mute", "server_unreachable", Outcome.FAILED),
        ("pictureless", "no_download", Outcome.FAILED),
        ("endless", "memory_exhausted", Outcome.ERROR),
    ],
)
def test_what_goes_wrong_at_the_service_has_a_reason(fault: str, reason: str, outcome: Outcome) -> None:
    with serving(fault) as server:
        reading = measure(server.place)
    assert (reading.outcome, reading.reasons) == (outcome, (reason,))
    assert "download_mean_mbps" not in reading.values


def test_an_unknown_server_is_named_so() -> None:
    with serving() as server:
        reading = measure(server.place, server_id=7)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("server_unknown",))


@pytest.mark.parametrize(
    ("link", "family", "reason"),
    [
        (Link(name="x", kind=LinkKind.FIXED, interface="absent0"), None, "interface_absent"),
        (LOOPBACK, 6, "no_address_in_family"),
    ],
)
def test_it_leaves_by_the_link_and_the_family_that_were_asked_for_or_not_at_all(
    link: Link, family: int | None, reason: str
) -> None:
    with serving() as server:
        reading = measure(server.place, link=link, family=family)
        assert not server.asked
    assert (reading.outcome, reading.reasons, reading.values) == (Outcome.FAILED, (reason,), {})


@pytest.mark.parametrize(
    ("fault", "reason", "outcome"),
    [
        (child.Fault(child.CRASHED, "exit 1"), "child_crashed", Outcome.ERROR),
        (child.Fault(child.CUT_SHORT), "cut_short", Outcome.SKIPPED),
        (child.Fault(child.OVERDUE), "deadline", Outcome.FAILED),
    ],
)
def test_a_child_without_an_answer_gives_a_reason_and_no_value(
    fault: child.Fault, reason: str, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "ask", lambda *_: fault)
    reading = measure("127.0.0.1:9")
    assert (reading.outcome, reading.reasons, dict(reading.values)) == (outcome, (reason,), {})


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving() as server:
        reading = measure(server.place, pings=0)
    assert "download_mean_mbps" in reading.values


@settings(max_examples=40)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_an_answer_is_understood_or_a_value_error(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        Answer.decode(octets)


def test_orders_and_answers_survive_the_pipe() -> None:
    order = Order(interface="lo", source=None, family=6, base_url="x", server_id=3, test_s=1.5, pings=2)
    assert Order.decode(order.encode()) == order
    transfer = Transfer(octets=5, seconds=1.5, cpu_s=0.1, interface_octets=7)
    answer = Answer(reason="deadline", download=transfer, rtts_ms=[1.0], server={"id": "4"})
    assert Answer.decode(answer.encode()) == answer


def reading_of(answer: Answer) -> Reading:
    return ookla._reading(Request(link=LOOPBACK, far_ends=(), options=ookla.Options(), deadline=Deadline(9)), answer)


def test_a_busy_processor_limits_the_probe_and_not_the_line() -> None:
    slow, busy = Transfer(octets=10**6, seconds=1, cpu_s=0.2), Transfer(octets=10**6, seconds=1, cpu_s=0.95)
    assert reading_of(Answer(download=slow, upload=slow)).outcome is Outcome.OK
    reading = reading_of(Answer(download=busy, upload=slow))
    assert (reading.outcome, reading.reasons) == (Outcome.PROBE_LIMITED, ("cpu_limited",))


def test_a_transfer_without_octets_is_absent_and_never_zero() -> None:
    some, none = Transfer(octets=10**6, seconds=1, cpu_s=0), Transfer(octets=0, seconds=1, cpu_s=0)
    reading = reading_of(Answer(download=some, upload=none))
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_upload",))
    assert not {"upload_mean_mbps", "upload_bytes"} & set(reading.values)
    assert "counted_at_sender" not in reading.findings


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("://www.speedtest.net/speedtest-config.php", "http://h:8/speedtest-config.php"),
        ("http://c.speedtest.net/a.php?threads=4", "http://h:8/a.php?threads=4"),
        ("http://server.example:8080/speedtest/upload.php", "http://server.example:8080/speedtest/upload.php"),
    ],
)
def test_only_the_services_own_addresses_are_asked_elsewhere(url: str, found: str) -> None:
    assert redirected(url, "http://h:8/") == found


@settings(max_examples=40)
@given(st.integers(0, 300_000), st.integers(1, 200_000))
def test_an_upload_body_has_its_length_and_no_copy_in_memory(length: int, piece: int) -> None:
    data = LightData(length, float("inf"), 10)
    total = 0
    while chunk := data.read(piece):
        total += len(chunk)
    assert (total, sum(data.total), len(data)) == (length, length, length)


@pytest.mark.root
@pytest.mark.alone
@pytest.mark.calm
def test_on_a_line_of_known_rate_it_tells_that_rate(line: Line) -> None:
    """20 Mbit/s at layer 2 is 19.1 of TCP payload; the mean is lower by slow start, the upload higher by the buffers."""
    shape(line, 20)
    script = Path(__file__).with_name("ookla_server.py")
    command = ["ip", "netns", "exec", line.server, sys.executable, str(script), "--host", line.there4]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            place = f"{line.there4}:{int(process.stdout.readline())}"
            with inside(line.client):
                link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
                reading = measure(place, link=link, test_s=4)
        finally:
            process.kill()
    assert (reading.outcome, reading.reasons) == (Outcome.OK, ())
    assert reading.values["download_mean_mbps"] == pytest.approx(19.1, rel=0.1)
    assert reading.values["upload_mean_mbps"] == pytest.approx(19.1, rel=0.25)
    assert reading.proof is not None
    assert (reading.proof.interface, reading.proof.source) == (line.interface, line.here4)

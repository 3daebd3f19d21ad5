"""Everything that can stop a speed test, each by its name."""

import socket
import threading
import time

import pytest
from tests.agent.conftest import Line, far_end, ip, lose, shape
from tests.agent.meters.speedtests import answering, failed, measure

from doxa_agent.meter import Deadline
from doxa_core.outcome import Outcome
from doxa_lab.ports import free_port


def test_a_closed_port_is_a_refused_connection() -> None:
    failed(measure("127.0.0.1", free_port()), "connect_refused")


def test_a_name_that_does_not_exist_is_named() -> None:
    reading = measure("no..such", 80)
    failed(reading, "name_not_found")
    assert reading.family is None
    assert reading.values == {}


def test_a_family_that_the_far_end_does_not_have_is_never_replaced() -> None:
    failed(measure("127.0.0.1", 80, family=6), "no_address_in_family")


def test_an_interface_that_does_not_exist_is_named() -> None:
    failed(measure("127.0.0.1", 80, interface="nosuch0"), "interface_absent")


@pytest.mark.root
def test_an_interface_that_is_down_is_named(line: Line) -> None:
    ip("-n", line.client, "link", "set", line.interface, "down")
    failed(measure(line.there4, 80, line=line), "interface_down")


@pytest.mark.root
def test_a_far_end_without_a_route_is_named(line: Line) -> None:
    ip("-n", line.client, "route", "del", "default")
    failed(measure(line.there4, 80, line=line), "no_route")


@pytest.mark.root
def test_a_silent_far_end_is_a_timeout(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doxa_agent.speed.target.CONNECT_S", 1.0)
    lose(line, 1000)
    failed(measure(line.there4, 80, line=line), "connect_timeout")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "http_status"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "http_protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "broke_off"),
        (b"", "broke_off"),
    ],
)
def test_what_a_server_does_wrong_is_named(answer: bytes, reason: str) -> None:
    def act(sock: socket.socket) -> None:
        sock.sendall(answer)
        sock.close()

    with answering(act) as port:
        failed(measure("127.0.0.1", port, limit_s=2, streams=2), reason)


def test_a_server_that_never_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doxa_agent.speed.dialogue.ANSWER_S", 0.3)
    with answering(lambda _sock: None) as port:
        reading = measure("127.0.0.1", port, limit_s=2, streams=2, directions=("download",))
    failed(reading, "answer_timeout")
    assert "stalled" in reading.reasons, "the streams waited for an answer too"
    assert "download_mbps" not in reading.values


def test_a_far_end_that_dies_in_the_middle_broke_off() -> None:
    with far_end("--host", "127.0.0.1", "--rate-mbps", "20", "--max-seconds", "1") as port:
        reading = measure("127.0.0.1", port, early_stop=False, limit_s=8, directions=("download",))
    failed(reading, "broke_off")
    assert "download_failed" in reading.findings


@pytest.mark.root
def test_a_line_that_is_cut_in_the_middle_is_a_stalled_transfer(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doxa_agent.speed.target.CONNECT_S", 0.5)
    shape(line, 50)
    with far_end(namespace=line.server) as port:
        cut = threading.Timer(1.0, lambda: lose(line, 1000))
        cut.start()
        reading = measure(line.there4, port, line=line, early_stop=False, limit_s=12, directions=("download",))
        cut.join()
    failed(reading, "stalled")
    assert reading.values["download_duration_s"] < 12, "three seconds of nothing end it"
    assert reading.values["download_bytes"] > 0
    assert "download_mbps" not in reading.values or reading.values["download_duration_s"] < 12


def test_a_run_that_is_cancelled_ends_at_once_and_blames_nobody() -> None:
    deadline = Deadline(60)
    with far_end("--host", "127.0.0.1", "--rate-mbps", "20") as port:
        stop = threading.Timer(1.0, deadline.cancel)
        stop.start()
        began = time.monotonic()
        reading = measure("127.0.0.1", port, early_stop=False, limit_s=50, deadline=deadline)
        took = time.monotonic() - began
        stop.join()
    assert took < 10
    assert reading.outcome is Outcome.ERROR
    assert reading.reasons == ("deadline",)
    assert "upload_mean_mbps" not in reading.values


def test_a_deadline_that_is_already_over_measures_nothing() -> None:
    reading = measure("127.0.0.1", free_port(), deadline=Deadline(0))
    assert reading.outcome is Outcome.ERROR
    assert reading.values == {}

"""The speed meter against real far ends: shaped lines, our responder, foreign servers, and everything that can fail."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.agent.conftest import Line, a_line, far_end, inside, ip, lose, shape

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import speed
from doxa_agent.net import tcpinfo
from doxa_agent.speed import figures
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import Clock, LinkProof, Measurement, decode
from doxa_core.moments import from_wire
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome

measures = pytest.mark.alone
"""Of the tests whose rates matter; what only talks to a server on loopback runs beside others."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A line and our responder at its far end, for all tests that shape it anew and leave it whole."""

    line: Line
    port: int


@pytest.fixture(scope="module")
def laid() -> Iterator[Laid]:
    with a_line() as line, far_end(namespace=line.server) as port:
        yield Laid(line, port)


def measure(
    host: str,
    port: int,
    *,
    line: Line | None = None,
    interface: str | None = None,
    family: int | None = None,
    deadline: Deadline | None = None,
    path: str = "",
    **options: Any,
) -> Reading:
    named = interface or (line.interface if line else None)
    request = Request(
        link=Link(name="x", kind=LinkKind.FIXED, interface=named),
        far_ends=(FarEnd(name="far", host=host, port=port, path=path),),
        options=speed.Options(**options),
        deadline=deadline or Deadline(120),
        family=family,
    )
    where: AbstractContextManager[None] = inside(line.client) if line else nullcontext()
    with where:
        (reading,) = speed.measure(request)
    assert set(reading.values) <= set(speed.VALUES), "a value that the meter does not declare"
    return reading


def as_measurement(reading: Reading) -> bytes:
    return Measurement(
        site="a", agent="b", epoch="0" * 16, seq=1, task="t", meter="speed", method=speed.METHOD, link="x",
        started=from_wire("2026-11-21T00:00:00Z", "x"), boot="b", monotonic_s=1, duration_s=1,
        clock=Clock(synchronised=True), outcome=reading.outcome, version="0", far_end=reading.far_end,
        family=reading.family, proof=reading.proof, reasons=reading.reasons, findings=reading.findings,
        values=reading.values, detail=reading.detail,
    ).encode()  # fmt: skip


def test_the_registry_takes_the_meter() -> None:
    found = meters.load("speed")
    assert found.heavy
    assert found.method == "speed/2"
    assert all(is_value_name(name) for name in found.values)


# --- shaped lines ------------------------------------------------------------------------------------------------------


@measures
@pytest.mark.root
@pytest.mark.parametrize(("mbit", "family"), [(34, 4), (300, 6)])
def test_the_rate_of_a_line_is_found_in_both_directions(laid: Laid, mbit: int, family: int) -> None:
    """tbf on veth counts 1514 octets for 1500 of IP: the truths are rate × 1448 (v6: 1428) / 1514 and × 1500 / 1514."""
    line = laid.line
    shape(line, mbit)
    host = line.there4 if family == 4 else line.there6
    reading = measure(host, laid.port, line=line, family=family, congestion="cubic")
    payload, wire = mbit * (1448 if family == 4 else 1428) / 1514, mbit * 1538 / 1514
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED), (reading.reasons, reading.findings)
    assert set(reading.reasons) <= {"far_end_cpu"}, "the far end shares this machine"
    assert "not_stable" not in reading.findings, reading.detail
    assert not {"sender_receiver_disagree", "byte_audit", "stream_lost", "fewer_streams"} & set(reading.findings)
    for direction in ("download", "upload"):
        assert reading.values[f"{direction}_mbps"] == pytest.approx(payload, rel=0.02)
        assert reading.values[f"{direction}_ip_mbps"] == pytest.approx(mbit * 1500 / 1514, rel=0.02)
        assert reading.values[f"{direction}_wire_mbps"] == pytest.approx(wire, rel=0.02)
        assert 1.0 < reading.values[f"{direction}_duration_s"] < 10, "it stopped early"
    assert reading.detail["upload"]["counted"].startswith("receiver/")
    assert reading.family == family
    assert reading.proof == LinkProof(
        interface=line.interface,
        source=line.here4 if family == 4 else line.here6,
        gateway=line.gateway4 if family == 4 else line.gateway6,
    )
    for direction in ("download", "upload"):
        assert reading.values[f"{direction}_loaded_rtt_p95_ms"] > reading.values["idle_rtt_p50_ms"]
        assert reading.values[f"{direction}_rpm"] == 60000 / reading.values[f"{direction}_loaded_rtt_p95_ms"]
    assert decode(as_measurement(reading)).values == reading.values


@measures
@pytest.mark.root
def test_a_run_of_fixed_length_runs_its_whole_length(laid: Laid) -> None:
    shape(laid.line, 50)
    reading = measure(
        laid.line.there4, laid.port, line=laid.line,
        early_stop=False, limit_s=2.5, congestion="cubic", directions=("download",),
    )  # fmt: skip
    assert reading.values["download_duration_s"] == pytest.approx(2.5, abs=0.3)
    assert reading.values["download_mbps"] == pytest.approx(50 * 1448 / 1514, rel=0.02)
    assert "upload_mbps" not in reading.values
    assert "byte_audit" not in reading.findings


@measures
@pytest.mark.root
def test_other_traffic_on_the_interface_shows_in_the_byte_audit(laid: Laid) -> None:
    line = laid.line
    shape(line, 50)
    url = f"http://{line.there4}:{laid.port}/garbage.php?ckSize=1024"
    other = subprocess.Popen(["ip", "netns", "exec", line.client, "curl", "-s", "-o", "/dev/null", url])
    try:
        reading = measure(
            line.there4, laid.port, line=line, early_stop=False, limit_s=2.5, streams=2, directions=("download",)
        )
    finally:
        other.kill()
        other.wait()
    assert "byte_audit" in reading.findings, reading.detail["download"]["audit"]


@measures
@pytest.mark.root
def test_iperf3_sees_the_same_line(laid: Laid) -> None:
    line = laid.line
    shape(line, 80)
    server = subprocess.Popen(
        ["ip", "netns", "exec", line.server, "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(0.3)
        command = ["iperf3", "-c", line.there4, "-R", "-P", "8", "-t", "2", "-O", "1", "-C", "cubic", "-J"]
        done = subprocess.run(
            ["ip", "netns", "exec", line.client, *command], capture_output=True, timeout=60, check=True
        )
        referee = json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 1e6
        reading = measure(line.there4, laid.port, line=line, directions=("download",), congestion="cubic")
    finally:
        server.kill()
        server.wait()
    assert reading.values["download_mbps"] == pytest.approx(referee, rel=0.03)


@measures
@pytest.mark.root
def test_tcp_below_the_line_is_never_called_stable(tmp_path: Path) -> None:
    """Cubic under random loss carries a half or less of the line: the mean is told, and why it is no verdict."""
    from doxa_lab.net.lab import Lab
    from doxa_lab.net.line import Line as LabLine

    with Lab(tmp_path, name="dxs") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, LabLine(down_bps=10**8, up_bps=10**8, rtt_ms=30, loss=0.01))
        lab.start()
        with far_end(namespace=laid.far) as port, inside(office):
            reading = measure(laid.far_v4, port, interface="w1", congestion="cubic", limit_s=3.5)
    assert reading.outcome is Outcome.OK, reading.reasons
    assert {"not_stable", "tcp_limited"} <= set(reading.findings)
    assert "download_mbps" not in reading.values
    assert "upload_mbps" not in reading.values
    assert 0 < reading.values["download_mean_mbps"] < 90
    assert reading.values["retransmits_count"] > 0
    lowest, highest = reading.detail["download"]["range_mbps"]
    assert lowest <= reading.values["download_mean_mbps"] * 1.1
    assert highest < 100


@measures
@pytest.mark.root
def test_loss_that_does_not_hold_tcp_back_does_not_falsify_the_rate(line: Line) -> None:
    """Without delay cubic fills the line through 1 % loss: segments that arrive out of order are counted as they come."""
    shape(line, 60)
    lose(line, 10)
    with far_end(namespace=line.server) as port:
        reading = measure(line.there4, port, line=line, congestion="cubic", limit_s=3)
    if "not_stable" not in reading.findings:
        assert reading.values["download_mbps"] == pytest.approx(60 * 1448 / 1514, rel=0.02)
    assert reading.detail["download"]["counted"] == "receiver/segments"
    assert reading.values["retransmits_count"] > 0


# --- a far end that paces itself, for a plain user ---------------------------------------------------------------------


@measures
def test_a_pacing_far_end_on_loopback_is_measured_as_a_line() -> None:
    rate = 34.41
    with far_end("--host", "127.0.0.1", "--rate-mbps", str(rate)) as port:
        reading = measure("127.0.0.1", port)
    assert reading.proof == LinkProof(interface="lo", source="127.0.0.1")
    for direction in ("download", "upload"):
        assert reading.values[f"{direction}_mean_mbps"] == pytest.approx(rate, rel=0.1)
        if f"{direction}_mbps" in reading.values:  # a busy machine may keep the far end from pacing evenly
            assert reading.values[f"{direction}_mbps"] == pytest.approx(rate, rel=0.05)


@measures
def test_an_old_kernel_is_measured_by_octets_in_order_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    look = tcpinfo.ArrivedCounter.look
    monkeypatch.setattr(tcpinfo.ArrivedCounter, "look", lambda self, sock, read: look(self, sock, read, 104))
    with far_end("--host", "127.0.0.1", "--rate-mbps", "50") as port:
        reading = measure("127.0.0.1", port, directions=("download",), limit_s=5)
    assert "in_order_clock" in reading.findings
    assert reading.values["download_duration_s"] > 3.8, "windows of two seconds"
    assert reading.values["download_mean_mbps"] == pytest.approx(50, rel=0.1)


def test_a_full_core_is_the_probes_limit_not_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "CPU_FULL", 0.0)
    with far_end("--host", "127.0.0.1", "--rate-mbps", "50") as port:
        reading = measure("127.0.0.1", port, directions=("download",), limit_s=1)
    assert reading.outcome is Outcome.PROBE_LIMITED
    assert reading.reasons[0] == "cpu_limited"
    assert set(reading.reasons) <= {"cpu_limited", "far_end_cpu"}, "the far end shares this machine"
    assert reading.values["download_mean_mbps"] > 0


@measures
def test_the_answers_end_and_the_test_goes_on_over_new_connections() -> None:
    with far_end("--host", "127.0.0.1", "--rate-mbps", "200") as port:
        reading = measure("127.0.0.1", port, directions=("download",), ck_size=1, streams=4, limit_s=1.5)
    assert reading.detail["download"]["reopened"] > 4
    assert reading.values["download_mean_mbps"] == pytest.approx(200, rel=0.2)


# --- foreign servers ---------------------------------------------------------------------------------------------------


class Foreign(BaseHTTPRequestHandler):
    """A LibreSpeed-like server that has nothing of ours: chunked garbage, whole posts, no report."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        if name in ("/speed/garbage.php", "/small/garbage.php"):
            self._garbage()
        elif name in ("/speed/empty.php", "/small/empty.php"):
            self._say(200)
        else:
            self._say(404)

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        while left > 0:
            got = len(self.rfile.read(min(left, 65536)))
            if not got:
                return
            left -= got
        self._say(413 if self.path.startswith("/small/") else 200)

    def _say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _garbage(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        block = b"x" * 65536
        try:
            for _ in range(1024 * 16):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass
        self.close_connection = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def foreign() -> Iterator[int]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Foreign) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_foreign_librespeed_server_is_measured_and_the_upload_says_where_it_was_counted(foreign: int) -> None:
    reading = measure("127.0.0.1", foreign, path="speed", limit_s=1, streams=2)
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED), reading.reasons
    assert "counted_at_sender" in reading.findings
    assert reading.detail["upload"]["counted"] == "sender/delivered"
    assert reading.detail["download"]["chunked"] is True
    assert reading.values["download_mean_mbps"] > 10
    assert reading.values["upload_mean_mbps"] > 10
    assert len(reading.detail["http_ping_ms"]) == 10


def test_a_server_that_refuses_the_upload_is_named_and_the_download_stays(foreign: int) -> None:
    reading = measure("127.0.0.1", foreign, path="small", limit_s=1, streams=2)
    failed(reading, "http_status")
    assert "upload_failed" in reading.findings
    assert reading.values["download_mean_mbps"] > 10
    assert "upload_bytes" not in reading.values


@pytest.mark.server
def test_nginx_can_be_a_far_end(tmp_path: Path) -> None:
    port = _free_port()
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "garbage.php").write_bytes(b"\0" * 2**20 * 64)
    (tmp_path / "www" / "body").mkdir()
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr crit; worker_processes 1; user root;\n"
        "events { worker_connections 256; }\n"
        "http { access_log off; client_max_body_size 64m;\n"
        f"client_body_temp_path {tmp_path}/www/body;\n"
        f"server {{ listen 127.0.0.1:{port}; root {tmp_path}/www; default_type application/octet-stream;\n"
        "location = /empty.php { return 200; } } }\n"
    )
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([nginx, "-c", str(conf), "-p", str(tmp_path)])
    try:
        _wait_for(port)
        reading = measure("127.0.0.1", port, limit_s=1, streams=2)
    finally:
        process.terminate()
        process.wait(10)
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED), reading.reasons
    assert "counted_at_sender" in reading.findings
    assert reading.values["download_mean_mbps"] > 10
    assert reading.values["upload_mean_mbps"] > 10


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


# --- what can fail -----------------------------------------------------------------------------------------------------


def failed(reading: Reading, reason: str) -> None:
    assert reading.outcome is Outcome.FAILED, reading
    assert reading.reasons[0] == reason
    decode(as_measurement(reading))


def test_a_closed_port_is_a_refused_connection() -> None:
    failed(measure("127.0.0.1", _free_port()), "connect_refused")


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


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does one thing to every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            kept = []
            while not over.is_set():
                try:
                    sock, _ = server.accept()
                except TimeoutError:
                    continue
                kept.append(sock)
                try:
                    sock.settimeout(1)
                    sock.recv(65536)
                    answer(sock)
                except OSError:
                    continue
            for sock in kept:
                sock.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            over.set()
            thread.join()


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
    reading = measure("127.0.0.1", _free_port(), deadline=Deadline(0))
    assert reading.outcome is Outcome.ERROR
    assert reading.values == {}

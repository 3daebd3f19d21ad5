"""The far end as any client sees it: curl, raw sockets, slow and rude ones, many at a time."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.agent.responder.conftest import Running, everything, running

from doxa_agent.responder.house import Limits
from doxa_agent.responder.server import Settings, open_listeners
from doxa_core.errors import OperationError


@pytest.mark.parametrize("folder", ["/", "/backend/"])
@pytest.mark.parametrize("suffix", ["", ".php"])
def test_curl_downloads_as_many_mebibytes_as_it_asks_for(far: Running, folder: str, suffix: str) -> None:
    size = far.curl(f"{folder}garbage{suffix}?ckSize=3", "-o", "/dev/null", "-w", "%{size_download} %{http_code}")
    assert size == f"{3 * 1024 * 1024} 200"


@pytest.mark.parametrize(("asked", "mebibytes"), [("ckSize=0", 1), ("ckSize=x", 4), ("", 4), ("ckSize=-3", 4)])
def test_an_odd_size_gets_librespeeds_bounds(far: Running, asked: str, mebibytes: int) -> None:
    assert far.curl(f"/garbage.php?{asked}", "-o", "/dev/null", "-w", "%{size_download}") == str(mebibytes * 2**20)


def test_no_download_is_larger_than_a_gibibyte(far: Running) -> None:
    with far.connect() as sock:
        sock.sendall(b"GET /garbage.php?ckSize=9999 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Content-Length: 1073741824\r\n" in sock.recv(4096)


def test_garbage_cannot_be_compressed_away_and_is_never_cached(far: Running) -> None:
    import zlib

    with far.connect() as sock:
        sock.sendall(b"GET /garbage.php?ckSize=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = everything(sock).partition(b"\r\n\r\n")
    assert b"Cache-Control: no-store" in head
    assert b"Access-Control-Allow-Origin: *" in head
    assert len(zlib.compress(body[: 256 * 1024])) > 250 * 1024


def test_curl_uploads_and_is_told_so(far: Running, tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(os.urandom(5_000_000))
    said = far.curl("/empty.php", "--data-binary", f"@{blob}", "-w", "%{http_code} %{size_upload}")
    assert said == "200 5000000"
    assert json.loads(far.curl("/health"))["received_bytes"] >= 5_000_000


def test_several_uploads_travel_over_one_connection(far: Running) -> None:
    post = b"POST /empty.php HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n" + b"x" * 600_000
    with far.connect() as sock:
        for _ in range(3):
            sock.sendall(post)
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
        sock.sendall(post * 2)  # pipelined
        found = b""
        while found.count(b"HTTP/1.1 200 OK") < 2:
            found += sock.recv(4096)


def test_small_requests_in_one_packet_are_told_apart(far: Running) -> None:
    with far.connect() as sock:
        sock.sendall(
            b"POST /empty.php HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            b"GET /getIP.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        found = everything(sock)
    assert found.count(b"HTTP/1.1 200 OK") == 2
    assert found.endswith(b"127.0.0.1")


def test_a_ping_costs_one_round_trip_and_keeps_the_connection(far: Running) -> None:
    with far.connect() as sock:
        for _ in range(20):
            sock.sendall(b"GET /empty.php?r=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = sock.recv(4096)
            assert b"Content-Length: 0\r\n" in answer
            assert b"Connection: keep-alive" in answer


def test_the_address_is_text_or_the_json_of_librespeeds_page(far: Running) -> None:
    assert far.curl("/getIP.php") == "127.0.0.1"
    assert json.loads(far.curl("/getIP.php?isp=true&distance=km")) == {"processedString": "127.0.0.1", "rawIspInfo": ""}
    assert far.curl("/backend/getIP.php", host="[::1]") == "::1"


def test_a_browser_on_another_site_may_ask(far: Running) -> None:
    answer = far.curl("/backend/empty.php", "-X", "OPTIONS", "-i", "-H", "Origin: http://x.vn")
    assert answer.startswith("HTTP/1.1 204 No Content")
    assert "Access-Control-Allow-Origin: *" in answer
    assert "Access-Control-Allow-Methods: GET, POST, OPTIONS" in answer


@pytest.mark.parametrize(
    ("target", "options", "status"),
    [
        ("/nothing", (), "404"),
        ("/garbage.php", ("-X", "POST", "-d", "x"), "405"),
        ("/empty.php", ("-X", "PUT", "-d", "x"), "405"),
        ("/received", (), "400"),
        ("/received?session=0123456789abcdef", (), "200"),
        ("/empty.php", ("-I",), "200"),
        ("/getIP.php", ("-I",), "200"),
    ],
)
def test_every_other_request_has_its_status(far: Running, target: str, options: tuple[str, ...], status: str) -> None:
    assert far.curl(target, *options, "-o", "/dev/null", "-w", "%{http_code}") == status


def test_one_more_folder_can_be_served() -> None:
    with running(Settings(port=0, path="/do/xa/")) as far:
        assert far.curl("/do/xa/getIP.php") == "127.0.0.1"
        assert far.curl("/getIP.php") == "127.0.0.1"


def test_what_arrived_of_an_upload_is_reported(far: Running) -> None:
    session = "0123456789abcdef"
    head = f"POST /empty.php?session={session} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n".encode()
    with far.connect() as one, far.connect() as other:
        for sock in (one, other):
            sock.sendall(head + b"x" * 4_000_000)
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        time.sleep(0.15)
        found = json.loads(far.curl(f"/received?session={session}"))
    assert found["connections"] == 2
    assert found["octets"] == pytest.approx(8_000_000, rel=0.001), "exact to the request heads while nothing is lost"
    assert sum(found["bins_octets"]) == found["octets"]
    assert sum(found["bins_us"]) == pytest.approx(found["seconds"] * 1e6, abs=len(found["bins_us"]))


def test_what_a_broken_off_upload_brought_is_reported_too(far: Running) -> None:
    session = "fedcba9876543210"
    with far.connect() as sock:
        sock.sendall(
            f"POST /empty.php?session={session} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n".encode()
        )
        sock.sendall(b"x" * 1_000_000)
        time.sleep(0.2)
    time.sleep(0.2)
    found = json.loads(far.curl(f"/received?session={session}"))
    assert found["octets"] == pytest.approx(1_000_000, rel=0.001)


def test_health_tells_its_own_load(far: Running) -> None:
    with far.connect() as sock:
        sock.sendall(b"GET /garbage.php?ckSize=1024 HTTP/1.1\r\nHost: x\r\n\r\n")
        sock.recv(1000)
        found = json.loads(far.curl("/health"))
    assert found["downloads"] == 1
    assert found["connections"] >= 2
    assert found["paced"] is False


# --- rude clients ------------------------------------------------------------------------------------------------------


def test_too_many_connections_are_told_so() -> None:
    with running(Settings(port=0, limits=Limits(connections=2))) as far:
        with far.connect() as one, far.connect() as two, far.connect() as three:
            assert everything(three).startswith(b"HTTP/1.1 503 ")
            for sock in (one, two):
                sock.sendall(b"GET /empty.php HTTP/1.1\r\nHost: x\r\n\r\n")
                assert sock.recv(100).startswith(b"HTTP/1.1 200")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and "200" not in far.curl("/empty.php", "-w", "%{http_code}"):
            time.sleep(0.1)
        assert json.loads(far.curl("/health"))["refused_connections"] >= 1


def test_a_slow_loris_is_hung_up_on() -> None:
    with running(Settings(port=0, limits=Limits(head_s=0.5))) as far, far.connect() as sock:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 15:
                sock.sendall(b"G")
                time.sleep(0.1)
        assert time.monotonic() - began < 15


@pytest.mark.parametrize("first", [b"", b"GET /garbage.php?ckSize=1024 HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_who_takes_too_long_is_hung_up_on(first: bytes) -> None:
    limits = Limits(idle_s=0.5, transfer_s=0.5)
    with running(Settings(port=0, limits=limits)) as far, far.connect() as sock:
        sock.sendall(first)
        everything(sock)


def test_an_endless_head_is_refused(far: Running) -> None:
    with far.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 4000)
        assert everything(sock).startswith(b"HTTP/1.1 431 ")


def test_a_refused_upload_gets_its_answer_and_no_reset(far: Running) -> None:
    with far.connect() as sock:
        sock.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
        time.sleep(0.2)
        sock.sendall(b"x" * 100_000)
        time.sleep(0.2)
        sock.shutdown(socket.SHUT_WR)
        found = b""
        while piece := sock.recv(65536):
            found += piece
    assert found.startswith(b"HTTP/1.1 404 ")


def test_clients_that_vanish_leave_nothing_behind(far: Running) -> None:
    import struct

    for n in range(30):
        sock = far.connect()
        sock.sendall(b"GET /garbage.php?ckSize=100 HTTP/1.1\r\nHost: x\r\n\r\n")
        sock.recv(1000)
        if n % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and json.loads(far.curl("/health"))["connections"] > 1:
        time.sleep(0.1)
    assert json.loads(far.curl("/health"))["connections"] == 1


def test_rubbish_never_stops_it(far: Running) -> None:
    for rubbish in (b"\0" * 100, b"\r\n\r\n", os.urandom(3000) + b"\r\n\r\n", b"GET\r\n\r\n", b"\xff" * 20000):
        with far.connect() as sock:
            sock.sendall(rubbish)
            sock.shutdown(socket.SHUT_WR)
            everything(sock)
    assert far.curl("/getIP.php") == "127.0.0.1"


# --- pacing ------------------------------------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.calm
@pytest.mark.parametrize("streams", [1, 4])
def test_both_directions_are_paced_together_over_all_streams(streams: int) -> None:
    with running(Settings(hosts=("127.0.0.1",), port=0, rate_down_mbps=40, rate_up_mbps=20)) as far:
        down = _paced(far, streams, b"GET /garbage.php?ckSize=1024 HTTP/1.1\r\nHost: x\r\n\r\n", sending=False)
        up = _paced(
            far, streams, b"POST /empty.php HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n", sending=True
        )
    assert down == pytest.approx(40, rel=0.1)
    assert up == pytest.approx(20, rel=0.1)


def _paced(far: Running, streams: int, request: bytes, *, sending: bool) -> float:
    """Mbit/s that the streams move in about a second, by the server's own count."""
    socks = [far.connect() for _ in range(streams)]
    for sock in socks:
        sock.sendall(request)
        sock.settimeout(0.01)

    def move() -> None:
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.send(b"x" * 65536) if sending else sock.recv(1 << 20)

    def count() -> int:
        found = far.server.health()
        return int(found["received_bytes" if sending else "sent_bytes"])

    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        move()
    began, before = time.monotonic(), count()
    while time.monotonic() < began + 1.2:
        move()
    took, moved = time.monotonic() - began, count() - before
    for sock in socks:
        sock.close()
    return moved * 8e-6 / took


# --- starting and stopping ---------------------------------------------------------------------------------------------


def test_a_busy_port_is_one_clear_sentence() -> None:
    with running(Settings(hosts=("127.0.0.1",), port=0)) as far:
        with pytest.raises(OperationError) as found:
            open_listeners(Settings(hosts=("127.0.0.1",), port=far.port))
        assert found.value.text.en == (
            f"port {far.port} at 127.0.0.1 is used by another program; choose another --port or stop that program"
        )


def test_an_address_that_is_not_ours_is_one_clear_sentence() -> None:
    with pytest.raises(OperationError) as found:
        open_listeners(Settings(hosts=("192.0.2.99",), port=0))
    assert "cannot listen on port 0 at 192.0.2.99" in found.value.text.en


def test_both_families_share_a_port_that_the_system_chose(far: Running) -> None:
    ports = {port for _host, port in far.server.addresses}
    assert len(far.server.addresses) == 2
    assert ports == {far.port}


def test_a_polite_stop_lets_a_running_upload_finish() -> None:
    with running(Settings(hosts=("127.0.0.1",), port=0)) as far, far.connect() as sock:
        sock.sendall(b"POST /empty.php HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n" + b"x" * 1000)
        time.sleep(0.2)
        far.server.stop()
        time.sleep(0.2)
        with pytest.raises(ConnectionRefusedError):
            far.connect()
        sock.sendall(b"x" * 1000)
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_a_socket_from_systemd_is_served(tmp_path: Path) -> None:
    """The parent opens the socket (as systemd or the demo does inside a namespace) and hands it over as fd 3."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
            "from doxa_core.command import main; sys.exit(main(['responder', 'run', '--json']))"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(listener.fileno())],
            pass_fds=[listener.fileno()], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"listening": [{"host": "127.0.0.1", "port": port}]}
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(b"GET /getIP.php HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(4096).endswith(b"127.0.0.1")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

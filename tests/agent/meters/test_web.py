"""The web meter against nginx with certificates of openssl, and against servers that are slow, wrong or hostile."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.agent.conftest import Line, inside
from tests.agent.web import papers

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import web
from doxa_agent.net import names
from doxa_agent.net.binding import Unreachable
from doxa_agent.web import fetch
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome
from doxa_core.strict import Table
from doxa_lab.ports import free_port

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
PLAIN = {
    "tcp_ms", "first_byte_ms", "transfer_ms", "total_ms", "answered_flag", "expected_flag", "redirects_count", "body_bytes",
}  # fmt: skip
SECURE = PLAIN | {"dns_ms", "tls_ms", "certificate_left_s", "certificate_valid_flag"}
DAY = 86_400


def options(**found: Any) -> web.Options:
    table = Table(found, "plan.toml", "task.t.options.")
    read = web.read_options(table)
    table.close()
    return read


def measure(
    port: int, *, host: str = "127.0.0.1", tls: bool = False, ca: Path | None = None, family: int | None = None,
    seconds: float = 30, link: Link = LOOPBACK, **found: Any,
) -> list[Reading]:  # fmt: skip
    page = FarEnd(name="page", host=host, port=port, tls=tls, ca_file=ca)
    chosen = options(**{"timeout_s": 5.0, **found})
    request = Request(link=link, far_ends=(page,), options=chosen, deadline=Deadline(seconds), family=family)
    readings = web.measure(request)
    for reading in readings:
        assert set(reading.values) <= set(web.VALUES)
    return readings


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system's resolver would say in a test."""
    known = {(papers.NAME, 4): "127.0.0.1", (papers.NAME, 6): "::1", ("four.test", 4): "127.0.0.1"}
    real = names.resolve

    def resolve(host: str, family: int | None, *, timeout_s: float = 5.0) -> tuple[int, str]:
        if not host.endswith(".test"):
            return real(host, family, timeout_s=timeout_s)
        assert family is not None
        if (address := known.get((host, family))) is None:
            raise Unreachable("no_address_in_family" if (host, 4) in known else "name_not_found")
        return family, address

    monkeypatch.setattr(fetch, "resolve", resolve)


@dataclass(frozen=True, slots=True)
class Front:
    """nginx: plain http, and https with each certificate."""

    plain: int
    good: int
    expired: int
    wrong_name: int
    self_signed: int
    tls12: int


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> papers.Papers:
    return papers.make(tmp_path_factory.mktemp("papers"))


LOCATIONS = """
  root {folder}; default_type text/plain; absolute_redirect off;
  location = /to {{ return 302 /xa/; }}
  location = /circle {{ return 301 /circle2; }}
  location = /circle2 {{ return 301 /circle; }}
  location ~ ^/many(?<n>x*)$ {{ return 307 /manyx$n; }}
  location = /down {{ return 302 http://page.test:{plain}/xa/; }}
  location = /up {{ return 308 https://page.test:{good}/xa/; }}
  location = /nowhere {{ return 302 ftp://page.test/; }}
  location = /elsewhere {{ return 302 http://absent.test/; }}
  location = /fail {{ return 503; }}
  location = /empty {{ return 204; }}
"""


@pytest.fixture(scope="module")
def front(made: papers.Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "xa").mkdir()
    (folder / "xa" / "index.html").write_text("xã Đồng Đăng\n" * 1000, encoding="utf-8")
    (folder / "large").write_bytes(b"x" * 300_000)
    ports = Front(*(free_port() for _ in range(6)))
    locations = LOCATIONS.format(folder=folder, plain=ports.plain, good=ports.good)
    blocks = [f"server {{ listen 127.0.0.1:{ports.plain}; listen [::1]:{ports.plain}; {locations} }}"]
    for port, certificate, version in (
        (ports.good, made.good, "TLSv1.3"),
        (ports.expired, made.expired, "TLSv1.3"),
        (ports.wrong_name, made.wrong_name, "TLSv1.3"),
        (ports.self_signed, made.self_signed, "TLSv1.3"),
        (ports.tls12, made.good, "TLSv1.2"),
    ):
        blocks.append(
            f"server {{ listen 127.0.0.1:{port} ssl; listen [::1]:{port} ssl; ssl_certificate {certificate};"
            f" ssl_certificate_key {made.key}; ssl_protocols {version}; {locations} }}"
        )
    servers = "\n".join(blocks)
    (folder / "conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr crit; worker_processes 1; user root;\n"
        f"events {{ worker_connections 256; }}\nhttp {{ access_log off; index index.html; {servers} }}\n"
    )
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([nginx, "-c", str(folder / "conf"), "-p", str(folder)])
    try:
        for _ in range(200):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", ports.tls12), 1).close()
                break
            time.sleep(0.05)
        yield ports
    finally:
        process.terminate()
        process.wait(10)


def test_the_registry_takes_it_and_a_run_is_never_longer_than_it_says() -> None:
    assert meters.load("web").method == "web/1"
    assert web.seconds(options(), 3) == 2 * 3 * 10 + 1


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            {"path": "xa"},
            "path: the value 'xa' is not valid; write a path that begins with /, in ASCII, such as /home?lang=vi",
        ),
        (
            {"path": "/a#b"},
            "path: what follows a # is never sent; a path that begins with /, in ASCII, such as /home?lang=vi",
        ),
        ({"expect": "x"}, "expect: this key does not exist; did you mean 'expect_text'?"),
    ],
)
def test_a_bad_option_is_refused_with_its_place_and_its_cure(found: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        options(**found)
    assert error.value.text.en == f"plan.toml: task.t.options.{sentence}"


@pytest.mark.server
def test_a_page_is_measured_by_phase_in_both_families_apart(front: Front, made: papers.Papers) -> None:
    over4, over6 = measure(
        front.good, host=papers.NAME, tls=True, ca=made.ca, path="/xa/", expect_text="Đồng Đăng", expect_status=[200]
    )
    for reading, family, source in ((over4, 4, "127.0.0.1"), (over6, 6, "::1")):
        assert (reading.outcome, reading.family, reading.reasons, reading.findings) == (Outcome.OK, family, (), ())
        assert set(reading.values) == SECURE
        phases = sum(reading.values[f"{name}_ms"] for name in fetch.PHASES)
        assert 0 < phases <= reading.values["total_ms"]
        assert reading.values["body_bytes"] == 1000 * len("xã Đồng Đăng\n".encode())
        assert reading.values["certificate_left_s"] == pytest.approx(papers.DAYS * DAY, abs=DAY / 2)
        assert (reading.values["expected_flag"], reading.values["certificate_valid_flag"]) == (1, 1)
        (page,) = reading.detail["pages"]
        assert (page["status"], page["tls"]) == (200, "TLSv1.3")
        assert reading.proof is not None
        assert reading.proof.source == source


@pytest.mark.server
def test_a_family_that_the_page_has_not_is_told_and_never_replaced(front: Front, made: papers.Papers) -> None:
    over4, over6 = measure(front.plain, host="four.test")
    assert over4.values["answered_flag"] == 1
    assert (over6.outcome, over6.family, over6.reasons) == (Outcome.FAILED, 6, ("no_address_in_family",))
    assert over6.values == {}
    (only,) = measure(front.tls12, host="::1", tls=True, ca=made.ca, path="/empty")
    assert (only.outcome, only.family, only.detail["pages"][0]["tls"]) == (Outcome.OK, 6, "TLSv1.2")
    assert "dns_ms" not in only.values, "an address is looked up by nobody"


@pytest.mark.server
@pytest.mark.parametrize(
    ("certificate", "reasons", "findings", "left"),
    [
        ("expired", ("tls_certificate_time",), {"certificate_expired"}, 0),
        ("wrong_name", ("tls_certificate_name",), {"certificate_wrong_name"}, papers.DAYS * DAY),
        ("self_signed", ("tls_certificate",), {"certificate_self_signed"}, papers.DAYS * DAY),
        (
            "good",
            ("tls_certificate",),
            {"certificate_unknown_issuer"},
            papers.DAYS * DAY,
        ),  # asked without its authority
    ],
)
def test_what_is_wrong_with_a_certificate_is_told_apart_with_its_days(
    front: Front, made: papers.Papers, certificate: str, reasons: tuple[str, ...], findings: set[str], left: int
) -> None:
    ca = None if certificate == "good" else made.ca
    (reading,) = measure(getattr(front, certificate), host=papers.NAME, tls=True, ca=ca, family=4)
    assert (reading.outcome, reading.reasons, set(reading.findings)) == (Outcome.FAILED, reasons, findings)
    assert reading.values["certificate_left_s"] == pytest.approx(left, abs=DAY / 2)
    flags = [reading.values[name] for name in ("certificate_valid_flag", "answered_flag", "expected_flag")]
    assert flags == [0, 0, 0]
    assert {"dns_ms", "tcp_ms"} <= set(reading.values)
    assert not {"tls_ms", "total_ms"} & set(reading.values)


@pytest.mark.server
@pytest.mark.parametrize(
    ("path", "outcome", "reasons", "redirects"),
    [
        ("/to", Outcome.OK, (), 1),
        ("/circle", Outcome.FAILED, ("redirect_loop",), None),
        ("/many", Outcome.FAILED, ("redirects_too_many",), None),
        ("/nowhere", Outcome.FAILED, ("redirect_invalid",), None),
        ("/elsewhere", Outcome.FAILED, ("name_not_found",), None),
        ("/up", Outcome.OK, (), 1),
        ("/absent", Outcome.FAILED, ("http_status_404",), 0),
        ("/fail", Outcome.FAILED, ("http_status_503",), 0),
        ("/empty", Outcome.OK, (), 0),
    ],
)
def test_redirects_are_followed_and_counted_and_each_end_has_its_name(
    front: Front, made: papers.Papers, path: str, outcome: Outcome, reasons: tuple[str, ...], redirects: int | None
) -> None:
    (reading,) = measure(front.plain, path=path, ca=made.ca)
    assert (reading.outcome, reading.reasons) == (outcome, reasons)
    assert reading.values.get("redirects_count") == redirects
    assert ("total_ms" in reading.values) == (redirects is not None)
    if path == "/elsewhere":  # the first page was whole, but each sum would lack its part of the second one
        assert not any(name.endswith("_ms") for name in reading.values)
    if path == "/up":
        assert reading.values["certificate_valid_flag"] == 1
        assert [page["status"] for page in reading.detail["pages"]] == [308, 200]


@pytest.mark.server
def test_a_redirect_from_https_to_http_is_a_finding_and_an_expected_status_ends_the_walk(
    front: Front, made: papers.Papers
) -> None:
    (down,) = measure(front.good, host=papers.NAME, tls=True, ca=made.ca, path="/down", family=6)
    assert (down.outcome, down.findings) == (Outcome.OK, ("redirect_to_plain_http",))
    (moved,) = measure(front.plain, path="/to", expect_status=[301, 302])
    assert (moved.outcome, moved.values["redirects_count"]) == (Outcome.OK, 0)


@pytest.mark.server
def test_a_page_without_its_text_fails_and_one_that_is_too_long_is_broken_off(front: Front) -> None:
    (missing,) = measure(front.plain, path="/xa/", expect_text="Lạng Sơn")
    assert (missing.outcome, missing.reasons) == (Outcome.FAILED, ("text_missing",))
    assert missing.values["answered_flag"] == 1
    assert missing.values["expected_flag"] == 0
    (large,) = measure(front.plain, path="/large", body_limit_bytes=2048)
    assert (large.outcome, large.findings) == (Outcome.OK, ("body_cut",))
    assert not {"body_bytes", "transfer_ms", "total_ms"} & set(large.values)


@contextmanager
def saying(*pieces: bytes | float | Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that says these pieces to each client, after its request; a number is a pause in seconds, no longer than
    the test itself.
    """
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.recv(4096)
                    for piece in pieces:
                        if isinstance(piece, bytes):
                            connection.sendall(piece)
                        elif callable(piece):
                            piece(connection)
                        else:
                            over.wait(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def for_ever(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"A: b\r\n" * 1000)


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.02)


def one_octet_chunks(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1;" + b"e" * 200 + b"\r\nx\r\n" * 1)


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("pieces", "reason", "answered"),
    [
        ((), "broke_off", 0),
        ((b"SSH-2.0-hello\r\n",), "http_protocol", 0),
        ((HEAD,), "broke_off", 0),
        ((for_ever,), "http_head_endless", 0),
        ((b"HTTP/1.1 100 Continue\r\n\r\n" * 20,), "http_protocol", 0),
        ((HEAD + b"Content-Length: 10\r\n\r\nabc",), "body_short", 1),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",), "body_short", 1),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",), "http_protocol", 1),
        ((one_octet_chunks,), "http_protocol", 1),
        ((HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",), "http_protocol", 0),
        ((5.0,), "first_byte_timeout", 0),
        ((drip,), "transfer_timeout", 1),
    ],
)
def test_a_server_that_answers_wrongly_or_slowly_has_a_reason(
    pieces: tuple[Any, ...], reason: str, answered: int
) -> None:
    with saying(*pieces) as port:
        (reading,) = measure(port, timeout_s=0.5 if "timeout" in reason else 5.0, body_limit_bytes=1024 * 16)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, (reason,))
    assert (reading.values["answered_flag"], reading.values["expected_flag"]) == (answered, 0)
    assert "total_ms" not in reading.values
    assert "tcp_ms" in reading.values


def test_more_octets_than_told_are_a_finding_and_raw_utf8_in_a_location_is_understood() -> None:
    with saying(HEAD + b"Content-Length: 2\r\n\r\nabcd") as port:
        (longer,) = measure(port)
    assert (longer.outcome, longer.findings, longer.values["body_bytes"]) == (Outcome.OK, ("body_longer_than_told",), 2)
    with saying(b"HTTP/1.1 302 \r\nLocation: /" + "đ".encode() + b"\r\nContent-Length: 0\r\n\r\n") as port:
        (moved,) = measure(port, redirects=1)
    assert moved.reasons == ("redirect_loop",)
    assert moved.detail["pages"][1]["url"].endswith("/%C4%91")


def test_a_port_that_speaks_no_tls_or_nothing_fails_in_the_handshake(made: papers.Papers) -> None:
    with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        (wrong,) = measure(port, tls=True, ca=made.ca)
    with saying(5.0) as port:
        (silent,) = measure(port, tls=True, ca=made.ca, timeout_s=0.5)
    assert (wrong.reasons, silent.reasons) == (("tls_failed",), ("tls_timeout",))
    assert wrong.detail["pages"][0]["failed_in"] == "tls"


def test_a_closed_port_a_missing_authority_and_a_cancelled_run_have_their_reasons(tmp_path: Path) -> None:
    (closed,) = measure(free_port())
    assert (closed.reasons, closed.values) == (("connect_refused",), {"answered_flag": 0, "expected_flag": 0})
    with saying(5.0) as port:
        (stopped,) = measure(port, seconds=0.2)
        (file,) = measure(port, tls=True, ca=tmp_path / "absent.pem")
    assert (stopped.outcome, stopped.reasons, stopped.values) == (Outcome.SKIPPED, ("cut_short",), {})
    assert (file.reasons, set(file.values)) == (("tls_ca_file",), {"tcp_ms"})


@pytest.mark.root
def test_a_page_behind_the_line_is_fetched_over_it_and_a_cut_cable_does_not_blame_the_page(line: Line) -> None:
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    command = ["ip", "netns", "exec", line.server, "python3", "-c", _SERVER]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        with inside(line.client):
            (over,) = measure(8000, host=line.there4, link=link)
            subprocess.run(["ip", "link", "set", line.interface, "down"], check=True)
            (cut,) = measure(8000, host=line.there4, link=link)
    finally:
        server.kill()
        server.wait(10)
        if server.stdout is not None:
            server.stdout.close()
    assert (over.outcome, over.reasons) == (Outcome.OK, ())
    assert set(over.values) == PLAIN
    assert over.proof is not None
    assert (over.proof.interface, over.proof.source) == (line.interface, line.here4)
    assert (cut.outcome, cut.reasons, cut.values) == (Outcome.FAILED, ("interface_down",), {})


_SERVER = """
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"page")
server = http.server.HTTPServer(("0.0.0.0", 8000), Page)
print("ready", flush=True)
server.serve_forever()
"""

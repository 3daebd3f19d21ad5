"""Speed over HTTPS: nginx with a real certificate, verified, and a download that is never decrypted."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.agent.conftest import far_end
from tests.agent.meters.speedtests import answering, failed, wait_for

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import speed
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome
from doxa_lab.ports import free_port

pytestmark = pytest.mark.server


@dataclass(frozen=True, slots=True)
class Papers:
    """A certificate for 127.0.0.1 only, and the authority that vouches for it."""

    ca: Path
    key: Path
    certificate: Path
    expired: Path


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    found = Papers(folder / "ca.pem", folder / "key.pem", folder / "cert.pem", folder / "old.pem")
    authority = ("-addext", "basicConstraints=critical,CA:TRUE")
    _openssl(*new, "-x509", "-days", 2, "-subj", "/CN=ca", "-keyout", folder / "ca.key", "-out", found.ca, *authority)
    _openssl(*new, "-subj", "/CN=far", "-keyout", found.key, "-out", folder / "req.pem")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1")
    sign = ("x509", "-req", "-in", folder / "req.pem", "-CA", found.ca, "-CAkey", folder / "ca.key", "-CAcreateserial")
    _openssl(*sign, "-days", 2, "-extfile", folder / "ext", "-out", found.certificate)
    _openssl(*sign, "-days", -1, "-extfile", folder / "ext", "-out", found.expired)
    return found


@dataclass(frozen=True, slots=True)
class Front:
    """nginx that speaks TLS: alone on one port, before our responder on another, and with an old certificate."""

    alone: int
    before: int
    expired: int


@pytest.fixture(scope="module")
def front(papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    (folder / "garbage.php").write_bytes(b"\0" * 2**20 * 24)
    ports = Front(free_port(), free_port(), free_port())
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    with far_end("--host", "127.0.0.1", "--rate-mbps", "200") as behind:
        proxied = (
            f"location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_request_buffering off; proxy_buffering off;"
            " proxy_http_version 1.1; client_max_body_size 0; }"
        )
        files = f"root {folder}; default_type application/octet-stream; location = /empty.php {{ return 200; }}"
        servers = "\n".join(
            f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {papers.key};"
            f" ssl_protocols TLSv1.3; {what} }}"
            for port, certificate, what in (
                (ports.alone, papers.certificate, files),
                (ports.before, papers.certificate, proxied),
                (ports.expired, papers.expired, files),
            )
        )
        (folder / "conf").write_text(
            f"daemon off; pid {folder}/pid; error_log stderr crit; worker_processes 1; user root;\n"
            "events { worker_connections 256; }\n"
            f"http {{ access_log off; client_max_body_size 64m; client_body_temp_path {folder}/body;\n{servers} }}\n"
        )
        process = subprocess.Popen([nginx, "-c", str(folder / "conf"), "-p", str(folder)])
        try:
            for port in (ports.alone, ports.before, ports.expired):
                wait_for(port)
            yield ports
        finally:
            process.terminate()
            process.wait(10)


def measure(port: int, ca: Path | None, *, host: str = "127.0.0.1", **options: object) -> Reading:
    request = Request(
        link=Link(name="x", kind=LinkKind.FIXED),
        far_ends=(FarEnd(name="far", host=host, port=port, tls=True, ca_file=ca),),
        options=speed.Options(**{"limit_s": 2, "streams": 4, **options}),  # type: ignore[arg-type]
        deadline=Deadline(60),
    )
    (reading,) = speed.measure(request)
    assert set(reading.values) <= set(speed.VALUES)
    return reading


@pytest.mark.alone
def test_both_directions_and_the_pings_go_through_a_verified_tunnel(front: Front, papers: Papers) -> None:
    """Our responder behind nginx at 200 Mbit/s of payload: the figure is the payload, not the ciphertext."""
    reading = measure(front.before, papers.ca, early_stop=False, limit_s=2)
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED), (reading.reasons, reading.findings)
    assert reading.values["download_mean_mbps"] == pytest.approx(200, rel=0.05)
    assert reading.values["upload_mean_mbps"] == pytest.approx(200, rel=0.1)
    assert reading.detail["upload"]["counted"].startswith("receiver/")
    assert 0.99 < reading.detail["download"]["tls_payload_ratio"] < 1
    assert len(reading.detail["http_ping_ms"]) == 10


def test_any_web_server_with_tls_is_a_far_end_and_its_answers_may_end(front: Front, papers: Papers) -> None:
    reading = measure(front.alone, papers.ca, streams=2, limit_s=1.5, early_stop=False)
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED), (reading.reasons, reading.findings)
    assert reading.detail["download"]["reopened"] > 2, "24 MiB an answer: handshakes in the middle of the transfer"
    assert reading.values["download_mean_mbps"] > 50
    assert "counted_at_sender" in reading.findings


def test_a_certificate_that_nobody_vouches_for_is_never_accepted(front: Front) -> None:
    failed(measure(front.alone, None), "tls_certificate")


def test_a_certificate_of_another_host_is_never_accepted(front: Front, papers: Papers) -> None:
    failed(measure(front.alone, papers.ca, host="localhost"), "tls_certificate_name")


def test_an_expired_certificate_says_that_it_is_a_matter_of_time(front: Front, papers: Papers) -> None:
    failed(measure(front.expired, papers.ca), "tls_certificate_time")


def test_a_far_end_without_tls_is_named(tmp_path: Path, papers: Papers) -> None:
    with answering(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        failed(measure(port, papers.ca), "tls_failed")
    broken = tmp_path / "ca.pem"
    broken.write_text(json.dumps({"no": "certificate"}))
    failed(measure(1, broken), "connect_refused")


def test_a_file_of_authorities_that_cannot_be_read_is_named(front: Front, tmp_path: Path) -> None:
    failed(measure(front.alone, tmp_path / "absent.pem"), "tls_ca_file")

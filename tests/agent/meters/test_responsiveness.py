"""The responsiveness meter on a shaped line with a queue of 40 ms: plain HTTP, HTTP/2 over TLS, and what can fail."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.agent.conftest import Line, far_end, inside, shape

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import responsiveness
from doxa_agent.responsiveness import exchange
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome
from doxa_core.strict import Table
from doxa_lab.process import Process

_FRONT = """\
daemon off; master_process off; pid {folder}/pid; error_log stderr error;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen [::]:8443 ssl http2 ipv6only=off;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        client_max_body_size 0; proxy_request_buffering off; proxy_buffering off; keepalive_requests 100000;
        location / {{ proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; }}
    }}
}}
"""


@contextmanager
def https(line: Line, port: int, folder: Path) -> Iterator[Path]:
    """An nginx with HTTP/2 over TLS in front of our responder at 127.0.0.1:`port` of the far end; its certificate."""
    folder.mkdir()
    name = f"subjectAltName=IP:{line.there4}"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=far"
    subprocess.run(
        [*command.split(), "-addext", name, "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    config = folder / "nginx.conf"
    config.write_text(_FRONT.format(folder=folder, port=port))
    command_line = ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)]
    server = Process("nginx", command_line, log=folder / "log", namespace=line.server)
    server.start()
    try:
        server.wait_ready(lambda: "8443" in _listening(line))
        yield folder / "cert.pem"
    finally:
        server.kill()


def _listening(line: Line) -> str:
    return subprocess.run(
        ["ip", "netns", "exec", line.server, "ss", "-ltn"], capture_output=True, text=True, check=True, timeout=20
    ).stdout


def measure(line: Line, far: FarEnd, **options: object) -> Reading:
    request = Request(
        link=Link(name="x", kind=LinkKind.FIXED, interface=line.interface),
        far_ends=(far,),
        options=responsiveness.Options(**options),  # type: ignore[arg-type]
        deadline=Deadline(120),
    )
    with inside(line.client):
        (reading,) = responsiveness.measure(request)
    assert set(reading.values) <= set(responsiveness.VALUES), "a value that the meter does not declare"
    json.dumps(dict(reading.detail), allow_nan=False)
    return reading


def test_the_registry_takes_the_meter() -> None:
    found = meters.load("responsiveness")
    assert found.heavy
    assert all(is_value_name(name) for name in found.values)


@pytest.mark.root
@pytest.mark.alone
@pytest.mark.calm
def test_a_full_queue_of_40_ms_is_heard_in_both_directions_over_plain_http(line: Line) -> None:
    """Idle, a round trip takes well below 10 ms; behind a full queue of 40 ms about 40: 60 / 0.04 = 1500 a minute."""
    shape(line, 50)
    with far_end(namespace=line.server) as port:
        reading = measure(line, FarEnd(name="far", host=line.there4, port=port), limit_s=6, congestion="cubic")
    values = reading.values
    assert reading.outcome is Outcome.OK, (reading.reasons, reading.detail)
    assert values["idle_rpm"] > 6000
    for direction in ("download", "upload"):
        assert 900 < values[f"{direction}_foreign_rpm"] < 3000, reading.detail
        assert 900 < values[f"{direction}_loaded_rpm"] < 3500, reading.detail
        assert values[f"{direction}_goodput_mbps"] == pytest.approx(50 * 1448 / 1514, rel=0.1)
        assert reading.detail[direction]["connections"] > 2
    assert "loaded_by_tcp_estimate" in reading.findings
    assert reading.proof is not None
    assert reading.proof.interface == line.interface


@pytest.mark.root
@pytest.mark.alone
@pytest.mark.server
def test_over_http2_requests_on_the_loaded_connections_themselves_are_timed(line: Line, tmp_path: Path) -> None:
    shape(line, 50)
    with far_end(namespace=line.server) as port, https(line, port, tmp_path / "front") as certificate:
        far = FarEnd(name="far", host=line.there4, port=8443, tls=True, ca_file=certificate)
        reading = measure(line, far, limit_s=6)
        stranger = measure(line, FarEnd(name="far", host=line.there4, port=8443, tls=True), limit_s=8)
        other = FarEnd(name="far", host=line.there6, port=8443, tls=True, ca_file=certificate)
        misnamed = measure(line, other, limit_s=8)
    assert reading.outcome is Outcome.OK, (reading.reasons, reading.detail)
    for direction in ("download", "upload"):
        assert reading.detail[direction]["probes"]["own"] > 20
        assert reading.detail[direction]["foreign_ms"]["tls"] > 0
        assert 100 < reading.values[f"{direction}_responsiveness_rpm"] < reading.values["idle_rpm"], reading.detail
        assert reading.values[f"{direction}_goodput_mbps"] == pytest.approx(47.5, rel=0.12)
    assert "loaded_by_tcp_estimate" not in reading.findings
    assert stranger.outcome is Outcome.FAILED, "a certificate that nobody vouches for was accepted"
    assert stranger.reasons == ("tls_certificate",)
    assert misnamed.reasons == ("tls_certificate_name",)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_of_certificates_that_cannot_be_used_is_a_reason(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    request = Request(
        link=Link(name="x", kind=LinkKind.FIXED),
        far_ends=(FarEnd(name="far", host="127.0.0.1", port=9, tls=True, ca_file=file),),
        options=responsiveness.Options(limit_s=8),
        deadline=Deadline(60),
    )
    (reading,) = responsiveness.measure(request)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("tls_ca_file",))
    assert not reading.values


@pytest.mark.root
def test_a_far_end_that_is_not_there_is_a_failure_with_its_reason(line: Line) -> None:
    reading = measure(line, FarEnd(name="far", host=line.there4, port=9))
    assert reading.outcome is Outcome.FAILED
    assert reading.reasons == ("connect_refused",)
    assert not reading.values


def test_without_the_package_https_is_skipped_and_the_line_that_installs_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise OperationError(Text(vi="x", en="run: pip install 'doxa[responsiveness]'"))

    monkeypatch.setattr("doxa_agent.responsiveness.run.need_http2", missing)
    request = Request(
        link=Link(name="x", kind=LinkKind.FIXED),
        far_ends=(FarEnd(name="far", host="127.0.0.1", tls=True),),
        options=responsiveness.Options(),
        deadline=Deadline(10),
    )
    (reading,) = responsiveness.measure(request)
    assert reading.outcome is Outcome.SKIPPED
    assert reading.reasons == ("extra_missing",)
    assert "doxa[responsiveness]" in reading.detail["text"]
    assert "pip install" in exchange.MISSING.en


@pytest.mark.parametrize(
    ("options", "named"),
    [({"directions": ["sideways"]}, "directions"), ({"limit_s": 1}, "limit_s"), ({"connections": 0}, "connections")],
)
def test_bad_options_are_refused_by_name(options: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named):
        responsiveness.read_options(Table(options, "plan.toml", ""))

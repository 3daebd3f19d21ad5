"""The speed meter beside iperf3 (and OpenSSL's own reads): CPU, memory, error, time and volume of a whole test.

Each row is a ratio against the peer over the same line in the same run, with as many streams for as many seconds. CPU
is the client's: ours is a process of its own, as iperf3 is; what it spends on starting Python and on reading modules is
taken off, because on a probe the engine is part of an agent that runs anyway. Over HTTPS both read `ssl` before the
clock starts, and both shake hands on eight connections after it. Bytecode is cached, as in an installed wheel: compiling
would be most of the memory. The memory is the peak of that process by VmHWM: ru_maxrss would begin with that of the
benchmark, which it was forked from. A peer that fails or hangs costs its rows and a sentence, nothing else.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from doxa_lab.bench import Row
from doxa_lab.net.lab import Lab
from doxa_lab.net.line import Laid, Line
from doxa_lab.net.namespaces import entered

_REPEAT: Final = 3
_UPLOADS: Final = 5
"""Pairs of uploads: their ratio moves most from run to run."""
_SECONDS: Final = 4
_RTT_MS: Final = 20.0
_PATIENCE_S: Final = _SECONDS + 25.0
_UNSHAPED_MBPS: Final = 100_000.0
"""What is asked of our responder where no line holds the rate: a slot's volume ends with it."""
_CONGESTION: Final = "cubic"
_LIKE_IPERF3: Final[dict[str, Any]] = {
    "early_stop": False, "limit_s": _SECONDS, "streams": 8, "ping_count": 0, "congestion": _CONGESTION,
}  # fmt: skip
"""Our options for a run that does what `iperf3 -P 8` does."""
_MAIN: Final = "import sys; from doxa_core.command import main; sys.exit(main(sys.argv[1:]))"
_CLIENT: Final = """
import json, sys, time
from pathlib import Path
from doxa_agent.meter import Deadline, FarEnd, Link, Request
from doxa_agent.meters import speed
from doxa_core.linkkind import LinkKind
asked = json.loads(sys.argv[1])
asked["options"]["directions"] = tuple(asked["options"].get("directions", speed.Options().directions))
ca = asked.get("ca")
if ca is not None:
    from doxa_agent.speed import tls
request = Request(
    link=Link(name="bench", kind=LinkKind.FIXED, interface=asked["interface"]),
    far_ends=(FarEnd(name="far", host=asked["host"], port=asked["port"], tls=ca is not None,
                     ca_file=None if ca is None else Path(ca)),),
    options=speed.Options(**asked["options"]), deadline=Deadline(120),
)
cpu, began = time.process_time(), time.monotonic()
(reading,) = speed.measure(request)
took = time.monotonic() - began
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps({"cpu_s": time.process_time() - cpu, "took_s": took, "values": dict(reading.values),
                  "findings": reading.findings, "outcome": reading.outcome.value, "reasons": reading.reasons,
                  "rss_mib": int(status["VmHWM"].split()[0]) / 1024}))
"""
_PEER_TLS: Final = """
import json, select, socket, ssl, sys, time
asked = json.loads(sys.argv[1])
buffer, octets, socks = bytearray(262144), 0, {}
cpu, began = time.process_time(), time.monotonic()
context = ssl.create_default_context(cafile=asked["ca"])
poller = select.epoll()
for _ in range(8):
    plain = socket.create_connection((asked["host"], asked["port"]))
    sock = context.wrap_socket(plain, server_hostname=asked["host"])
    sock.sendall(b"GET /garbage.php HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    sock.setblocking(False)
    socks[sock.fileno()] = sock
    poller.register(sock, select.EPOLLIN)
until = time.monotonic() + asked["seconds"]
while time.monotonic() < until:
    for fd, _event in poller.poll(0.1):
        try:
            while True:
                octets += socks[fd].recv_into(buffer)
        except ssl.SSLWantReadError:
            pass
print(json.dumps({"cpu_s": time.process_time() - cpu, "octets": octets}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU seconds of the client, octets, and the rate that it found (payload, Mbit/s)."""

    cpu_s: float
    octets: float
    mbps: float
    took_s: float = 0.0
    rss_mib: float = 0.0
    met: str = ""

    @property
    def per_gb(self) -> float:
        """CPU seconds a gigabyte."""
        return self.cpu_s / self.octets * 1e9


class _FailedError(Exception):
    """A peer or our own client brought nothing: one sentence that says which and why."""


def run() -> list[Row]:
    """Downloads at 100, 300 and 940 Mbit/s and unshaped, uploads, a whole test, HTTPS."""
    parts: list[Callable[[], list[Row]]] = [
        *(partial(_download, mbit, goal) for mbit, goal in ((100, 0.12), (300, 0.12), (940, 0.25))),
        partial(_upload, 100),
        partial(_whole, 100),
        _unshaped,
        _https,
    ]
    return [row for part in parts for row in _rows_of(part)]


def _rows_of(part: Callable[[], list[Row]]) -> list[Row]:
    """The rows of one part; where it failed none, and a sentence says why."""
    try:
        return part()
    except _FailedError as failed:
        sys.stderr.write(f"bench.speed: {failed}; its rows are left out\n")
        return []


def _download(mbit: int, goal: float) -> list[Row]:
    peers: list[Cost] = []
    ours: list[Cost] = []
    whole: list[Cost] = []
    with _line(mbit) as (laid, port):
        for _ in range(_REPEAT):
            peers.append(_iperf3(laid, "-R"))
            ours.append(_doxa(laid, port, directions=("download",), **_LIKE_IPERF3))
            whole.append(_doxa(laid, port, directions=("download",)))
    truth = mbit * 1448 / 1514
    cost, peer = median(c.per_gb for c in ours), median(c.per_gb for c in peers)
    error, peer_error = (median(abs(c.mbps / truth - 1) for c in found) for found in (whole, peers))
    test, peer_test = median(c.cpu_s for c in whole), median(c.cpu_s for c in peers) * 10 / _SECONDS
    return [
        Row(what=f"download {mbit} Mbit/s, client CPU s/GB", ours=f"{cost:.2f}", peer=f"{peer:.2f} (iperf3 -R -P8)",
            ratio=cost / peer, goal=goal),
        Row(what=f"download {mbit} Mbit/s, CPU s of one test", ours=f"{test:.3f}", peer=f"{peer_test:.3f} (iperf3 10 s)",
            ratio=test / peer_test, goal=0.05),
        Row(what=f"download {mbit} Mbit/s, median error %", ours=f"{error * 100:.2f}",
            peer=f"{peer_error * 100:.2f} (iperf3, {_SECONDS} s)", ratio=error * 100, goal=0.5),
    ]  # fmt: skip


def _upload(mbit: int) -> list[Row]:
    with _line(mbit) as (laid, port):
        pairs = [(_iperf3(laid), _doxa(laid, port, directions=("upload",), **_LIKE_IPERF3)) for _ in range(_UPLOADS)]
    cost, peer = median(o.per_gb for _, o in pairs), median(p.per_gb for p, _ in pairs)
    return [
        Row(what=f"upload {mbit} Mbit/s, client CPU s/GB", ours=f"{cost:.2f}", peer=f"{peer:.2f} (iperf3 -P8)",
            ratio=cost / peer, goal=0.4)
    ]  # fmt: skip


def _whole(mbit: int) -> list[Row]:
    """Pings, download and upload as a plan's task runs them, in a process of its own."""
    with _line(mbit) as (laid, port):
        found = [_doxa(laid, port) for _ in range(_REPEAT)]
    took, volume, rss = (median(getattr(c, name) for c in found) for name in ("took_s", "octets", "rss_mib"))
    return [
        Row(what=f"whole test {mbit} Mbit/s, s", ours=f"{took:.2f}", peer="6 s", ratio=took, goal=6.0),
        Row(
            what=f"whole test {mbit} Mbit/s, MB", ours=f"{volume / 1e6:.1f}", peer="40 MB", ratio=volume / 1e6, goal=40
        ),
        Row(what=f"whole test {mbit} Mbit/s, RSS MiB", ours=f"{rss:.1f}", peer="16 MiB", ratio=rss, goal=16),
    ]


def _unshaped() -> list[Row]:
    """Two namespaces and a cable, no shaper and no delay: what the client can take at all."""
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), name="bare") as lab:
        here, there = lab.make_namespaces(["here", "there"])
        addresses = lab.join(there, [here])
        laid = _Bare(office=here, far=there, far_v4=addresses[there], interface="noc0")
        with _far_ends(laid) as port:
            pairs = [
                (
                    _iperf3(laid, "-R"),
                    _doxa(laid, port, directions=("download",), slot_mbps=_UNSHAPED_MBPS, **_LIKE_IPERF3),
                )
                for _ in range(_REPEAT)
            ]
    cost, peer = median(o.per_gb for _, o in pairs), median(p.per_gb for p, _ in pairs)
    peer_rate, rate = (median(8e-6 * c.octets / _SECONDS for c in found) for found in zip(*pairs, strict=True))
    return [
        Row(what="download unshaped, client CPU s/GB", ours=f"{cost:.3f}", peer=f"{peer:.3f} (iperf3 -R -P8)",
            ratio=cost / peer, goal=0.6),
        Row(what="download unshaped, iperf3's rate over ours", ours=f"{rate:.0f} Mbit/s",
            peer=f"{peer_rate:.0f} Mbit/s (iperf3)", ratio=peer_rate / rate, goal=1.0),
    ]  # fmt: skip


def _https() -> list[Row]:
    """A web server with a certificate at the far end of 100 Mbit/s; the peer decrypts one stream with OpenSSL."""
    with _line(100) as (laid, _port), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, ca = _nginx(laid, folder)
        try:
            ours, peers = [], []
            for _ in range(_REPEAT):
                asked = {"host": laid.far_v4, "port": 8443, "ca": str(ca), "seconds": _SECONDS}
                found = _run(
                    "the TLS peer", [sys.executable, "-c", _PEER_TLS, json.dumps(asked)], laid.office, _compiled()
                )
                peers.append(Cost(cpu_s=found["cpu_s"], octets=found["octets"], mbps=0.0))
                ours.append(_doxa(laid, 8443, ca=ca, directions=("download",), **_LIKE_IPERF3))
        finally:
            process.terminate()
            process.wait(10)
    cost, peer = median(c.per_gb for c in ours), median(c.per_gb for c in peers)
    return [
        Row(what="HTTPS download 100 Mbit/s, client CPU s/GB", ours=f"{cost:.2f}", peer=f"{peer:.2f} (8 × ssl.recv_into)",
            ratio=cost / peer, goal=0.12)
    ]  # fmt: skip


def _nginx(laid: Laid, folder: Path) -> tuple["subprocess.Popen[bytes]", Path]:
    """A web server that serves random bytes over TLS 1.3, and the certificate that vouches for it (its own)."""
    with Path("/dev/urandom").open("rb") as source:
        (folder / "garbage.php").write_bytes(source.read(256 * 2**20))
    certificate, key = folder / "cert.pem", folder / "key.pem"
    words = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=far",
    ]
    subprocess.run(
        ["openssl", *words, "-addext", f"subjectAltName=IP:{laid.far_v4}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    (folder / "conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr crit; worker_processes 1; user root;\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; sendfile on;\n"
        f"server {{ listen {laid.far_v4}:8443 ssl; ssl_certificate {certificate}; ssl_certificate_key {key};\n"
        f"ssl_protocols TLSv1.3; root {folder}; default_type application/octet-stream; }} }}\n"
    )
    command = ["ip", "netns", "exec", laid.far, "nginx", "-c", str(folder / "conf"), "-p", str(folder)]
    process = subprocess.Popen(command)
    time.sleep(0.5)
    return process, certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bare:
    """What a measurement needs to know of a line."""

    office: str
    far: str
    far_v4: str
    interface: str


@contextmanager
def _line(mbit: int) -> Iterator[tuple[Laid, int]]:
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), name="bench") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, Line(down_bps=mbit * 10**6, up_bps=mbit * 10**6, rtt_ms=_RTT_MS))
        lab.start()
        with _far_ends(laid) as port:
            yield laid, port


@contextmanager
def _far_ends(laid: Laid | _Bare) -> Iterator[int]:
    """Our responder and an iperf3 server at the far end; our responder's port."""
    within = ["ip", "netns", "exec", laid.far]
    ours = subprocess.Popen(
        [*within, sys.executable, "-c", _MAIN, "responder", "run", "--json", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    peer = subprocess.Popen([*within, "iperf3", "-s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert ours.stdout is not None
        port = int(json.loads(ours.stdout.readline())["listening"][0]["port"])
        time.sleep(0.3)
        yield port
    finally:
        for process in (ours, peer):
            process.terminate()
            process.wait(10)


def _iperf3(laid: Laid | _Bare, *more: str) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["iperf3", "-c", laid.far_v4, *more, "-P", "8", "-t", str(_SECONDS), "-C", _CONGESTION, "-J"]
    found = _run("iperf3", command, laid.office)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    received = found.get("end", {}).get("sum_received", {})
    if not received.get("bytes"):
        raise _FailedError(f"iperf3 received nothing ({found.get('error', 'it does not say why')})")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu_s=cpu, octets=received["bytes"], mbps=received["bits_per_second"] / 1e6)


def _doxa(laid: Laid | _Bare, port: int, *, ca: Path | None = None, **options: Any) -> Cost:
    asked = {
        "host": laid.far_v4, "port": port, "interface": laid.interface, "options": options,
        "ca": None if ca is None else str(ca),
    }  # fmt: skip
    found = _run("our client", [sys.executable, "-c", _CLIENT, json.dumps(asked)], laid.office, _compiled())
    values = found["values"]
    octets = sum(values.get(f"{direction}_bytes", 0.0) for direction in ("download", "upload"))
    if not octets:
        raise _FailedError(f"our client moved nothing ({found['outcome']}: {', '.join(found['reasons'])})")
    return Cost(
        cpu_s=found["cpu_s"],
        octets=octets,
        mbps=values.get("download_mbps", values.get("download_mean_mbps", 0.0)),
        took_s=found["took_s"],
        rss_mib=found["rss_mib"],
        met=found["outcome"],
    )


def _run(who: str, command: list[str], namespace: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """What a client prints, JSON; `_FailedError` where it hangs or prints none."""
    try:
        with entered(namespace):
            done = subprocess.run(command, capture_output=True, timeout=_PATIENCE_S, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise _FailedError(f"{who} was not done after {_PATIENCE_S:.0f} s") from None
    except OSError as error:
        raise _FailedError(f"{who} could not be started ({error.strerror})") from None
    try:
        found = json.loads(done.stdout)
    except ValueError:
        raise _FailedError(f"{who} ended with {done.returncode} and no figures: {_last_line(done.stderr)}") from None
    if not isinstance(found, dict):
        raise _FailedError(f"{who} printed something else than figures")
    return found


def _last_line(text: bytes) -> str:
    return (text.decode(errors="replace").strip().splitlines() or ["nothing was said"])[-1][:200]


@cache
def _bytecode() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="doxa-bench-")


@cache
def _compiled() -> dict[str, str]:
    """An environment in which our modules are compiled already."""
    found = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found["PYTHONPYCACHEPREFIX"] = _bytecode().name
    once = "from doxa_agent.meters import speed\nfrom doxa_agent.speed import tls"
    subprocess.run([sys.executable, "-c", once], env=found, check=True, timeout=60)
    return found


if __name__ == "__main__":
    for _row in run():
        sys.stdout.write(json.dumps(asdict(_row)) + "\n")

"""What Wireshark makes of our packets. Debian's 4.0 has no STAMP dissector; TWAMP-Test's has the same open layout."""

import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.agent.stamp.conftest import KEY, reflecting

from doxa_agent.meter import Deadline, Link
from doxa_agent.stamp.reflector import Settings
from doxa_agent.stamp.sender import Cadence, Run, Target, probe
from doxa_core.linkkind import LinkKind

pytestmark = pytest.mark.server

LINK = Link(name="loopback", kind=LinkKind.FIXED)
Frame = tuple[int, int, bytes]


@contextmanager
def recording(port: int, frames: list[Frame]) -> Iterator[int]:
    """A relay to `port` that keeps what passes: ports and octets, as if the sender had had port 50000."""
    here, there = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    here.bind(("127.0.0.1", 0))
    there.connect(("127.0.0.1", port))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                octets, source = here.recvfrom(4096)
                there.send(octets)
                answer = there.recv(4096)
            except TimeoutError:
                continue
            here.sendto(answer, source)
            frames.extend([(50000, 862, octets), (862, 50000, answer)])

    here.settimeout(0.05)
    there.settimeout(1)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(here.getsockname()[1])
    finally:
        over.set()
        thread.join(10)
        here.close()
        there.close()


def record(key: bytes | None, padding: int) -> tuple[list[Frame], Run]:
    frames: list[Frame] = []
    settings = Settings(hosts=("127.0.0.1",), port=0, key=key)
    with reflecting(settings) as reflector, recording(reflector.addresses[0][1], frames) as port:
        target = Target(family=4, address="127.0.0.1", port=port, key=key)
        run = probe([target], LINK, Cadence(interval_s=0.05, count=3, padding=padding), Deadline(30))
    return frames, run


def capture(frames: list[Frame]) -> bytes:
    """A capture file of those UDP payloads over IPv4 over Ethernet."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for source, destination, octets in frames:
        udp = struct.pack("!HHHH", source, destination, 8 + len(octets), 0) + octets
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 255, 17, 0) + bytes([192, 0, 2, 1, 192, 0, 2, 2])
        frame = b"\x02" * 12 + b"\x08\x00" + ip + udp
        out += struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
    return out


def dissect(file: Path, *fields: str) -> list[list[str]]:
    words = [word for field in fields for word in ("-e", field)]
    command = ["tshark", "-r", str(file), "-d", "udp.port==862,twamp.test", "-T", "fields", "-E", "separator=|", *words]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return [line.split("|") for line in found.stdout.splitlines()]


def test_open_packets_are_decoded_field_by_field_without_complaint(tmp_path: Path) -> None:
    frames, run = record(None, 20)
    (file := tmp_path / "open.pcap").write_bytes(capture(frames))
    names = ("seq_number", "sender_seq_number", "error_estimate.z", "sender_ttl", "receive_timestamp", "timestamp")
    rows = dissect(file, "_ws.expert", "_ws.malformed", *(f"twamp.test.{name}" for name in names))
    assert len(rows) == 6
    for place, (expert, malformed, number, asked, z, ttl, reached, sent) in enumerate(rows):
        assert (expert, malformed, z, int(number)) == ("", "", "0,0", place // 2)  # of both error estimates
        if place % 2:
            assert (int(asked), int(ttl)) == (place // 2, 64)  # the relay's
            assert reached[:12] == sent[:12] != "Jan  1, 1970"  # the same day
    assert len(run.tracks[0].book.answers) == 3


def test_sealed_packets_raise_no_complaint(tmp_path: Path) -> None:
    """The dissector does not know the authenticated layout: only the first field is where it looks for it."""
    frames, run = record(KEY, 0)
    (file := tmp_path / "sealed.pcap").write_bytes(capture(frames))
    rows = dissect(file, "_ws.expert", "_ws.malformed", "twamp.test.seq_number")
    assert rows == [["", "", str(place // 2)] for place in range(6)]
    assert len(run.tracks[0].book.answers) == 3

"""A far end whose echoes are answered as a test tells it, instead of by its kernel."""

import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
from tests.agent.conftest import Line, inside
from tests.agent.net.pinging import Reflection

from doxa_agent.net import echo


@pytest.fixture
def reflect(line: Line) -> Iterator[Callable[[Reflection], None]]:
    """The far end answers echoes itself, as it is told, instead of its kernel."""
    with inside(line.server):
        setting = "net.ipv4.icmp_echo_ignore_all=1"
        subprocess.run(["ip", "netns", "exec", line.server, "sysctl", "-qw", setting], check=True, timeout=20)
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.settimeout(0.1)
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def send(packet: bytes, sender: tuple[str, int]) -> None:
        if not stop.is_set():
            sock.sendto(packet, sender)

    def serve(reflection: Reflection) -> None:
        seen = 0
        while not stop.is_set():
            try:
                packet, sender = sock.recvfrom(2048)
            except TimeoutError:
                continue
            icmp = echo.strip_ip_header(packet)
            if icmp[:1] == b"\x08":
                for wait, answer in reflection(b"\0\0\0\0" + icmp[4:], seen):
                    whole = answer[:2] + struct.pack("!H", echo.internet_checksum(answer)) + answer[4:]
                    later = threading.Timer(wait, send, (whole, sender))
                    threads.append(later)
                    later.start()
                seen += 1

    def begin(reflection: Reflection) -> None:
        threads.append(threading.Thread(target=serve, args=(reflection,)))
        threads[-1].start()

    yield begin
    stop.set()
    for thread in threads:
        thread.join()
    sock.close()


@pytest.fixture
def delayed(reflect: Callable[[Reflection], None]) -> Callable[[float], None]:
    return lambda seconds: reflect(lambda reply, _: [(seconds, reply)])

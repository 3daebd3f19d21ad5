"""Reflectors of our own for the tests: the real one as a process or a thread, and one that lies as it is told."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from doxa_agent.net.clock import read_clock
from doxa_agent.stamp.packet import Reply, Request, encode_reply, parse_request
from doxa_agent.stamp.reflector import Reflector, Settings, open_sockets
from doxa_agent.stamp.timestamp import ErrorEstimate, to_ntp
from doxa_core.measurement import Clock

KEY = bytes(range(32))

_ROLE = """
import argparse, sys
from doxa_agent.responder.roles import stamp
parser = argparse.ArgumentParser()
stamp.add_options(parser)
sys.exit(stamp.run(parser.parse_args(sys.argv[1:])))
"""


@contextmanager
def reflector_process(*options: str, namespace: str | None = None) -> Iterator[int]:
    """The role as a process of its own; its port."""
    within = ["ip", "netns", "exec", namespace] if namespace else []
    command = [*within, sys.executable, "-c", _ROLE, "--json", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["listening"][0]["port"])
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def reflecting(settings: Settings, clock: Callable[[], Clock] = read_clock) -> Iterator[Reflector]:
    """The real reflector in a thread."""
    reflector = Reflector(settings, open_sockets(settings), clock)
    thread = threading.Thread(target=reflector.serve)
    thread.start()
    try:
        yield reflector
    finally:
        reflector.stop()
        thread.join(10)


Twist = Callable[[int, Reply], list[Reply]]
"""What a lying reflector makes of its n-th honest reply: none, one or several."""


@contextmanager
def lying(twist: Twist, *, key: bytes | None = None, sign_with: bytes | None = None) -> Iterator[int]:
    """A stateful reflector without extensions, whose replies `twist` changes; its port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(0.05)
    over = threading.Event()

    def serve() -> None:
        number = 0
        while not over.is_set():
            try:
                octets, source = sock.recvfrom(4096)
            except TimeoutError:
                continue
            for reply in twist(number, honest(parse_request(octets, key), number)):
                sock.sendto(encode_reply(reply, sign_with or key), source)
            number += 1

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(sock.getsockname()[1])
    finally:
        over.set()
        thread.join(10)
        sock.close()


def honest(request: Request, number: int) -> Reply:
    now = to_ntp(time.time_ns())
    return Reply(
        sequence=number,
        timestamp=now,
        error=ErrorEstimate.of(None),
        ssid=request.ssid,
        received=now,
        asked_sequence=request.sequence,
        asked_timestamp=request.timestamp,
        asked_error=request.error.to_wire(),
        ttl=64,
        tail=request.tail,
    )


def shifted(reply: Reply, seconds: float, error: ErrorEstimate | None = None) -> Reply:
    """The reply of a reflector whose clock is ahead."""
    more = round(seconds * 2**32)
    return replace(
        reply,
        received=(reply.received + more) % 2**64,
        timestamp=(reply.timestamp + more) % 2**64,
        error=error or reply.error,
    )

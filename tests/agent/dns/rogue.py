"""A DNS server that answers as a test wants it to, over UDP and TCP at the same port of the loopback interface."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from doxa_agent.dns import name
from doxa_agent.dns.name import Name
from doxa_lab.ports import free_port

Says = Callable[[bytes, int], Sequence[bytes]]
"""From a question and its number (from 0) to the packets, or over TCP the octets, that go back."""


@dataclass
class Rogue:
    port: int
    asked: list[bytes] = field(default_factory=list)
    over_tcp: list[bytes] = field(default_factory=list)


@contextmanager
def rogue(says: Says, tcp: Says | None = None, elsewhere: Says | None = None) -> Iterator[Rogue]:
    udp, listener = _one_port_of_both(tcp is not None)
    found = Rogue(udp.getsockname()[1])
    threads = [threading.Thread(target=_serve_udp, args=(udp, says, elsewhere, found), daemon=True)]
    if tcp is not None and listener is not None:
        threads.append(threading.Thread(target=_serve_tcp, args=(listener, tcp, found), daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for sock in (udp, listener):
            if sock is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        for thread in threads:
            thread.join(5)


def _one_port_of_both(tcp: bool) -> tuple[socket.socket, socket.socket | None]:
    """Sockets of UDP and, if asked for, TCP at one port: what is free for one may be taken for the other."""
    for _ in range(20):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(("127.0.0.1", free_port()))
            return udp, socket.create_server(udp.getsockname()) if tcp else None
        except OSError:
            udp.close()
    raise OSError("no port of the loopback interface is free for both UDP and TCP")


def _serve_udp(sock: socket.socket, says: Says, elsewhere: Says | None, found: Rogue) -> None:
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        while True:
            asked, client = sock.recvfrom(4096)
            if not asked:
                return
            number = len(found.asked)
            found.asked.append(asked)
            for packet in says(asked, number):
                sock.sendto(packet, client)
            for packet in elsewhere(asked, number) if elsewhere is not None else ():
                stranger.sendto(packet, client)


def _serve_tcp(listener: socket.socket, says: Says, found: Rogue) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                asked = connection.recv(4096)
                found.over_tcp.append(asked[2:])
                for piece in says(asked[2:], len(found.over_tcp) - 1):
                    connection.sendall(piece)


def question_of(asked: bytes) -> bytes:
    """The question section of a query of ours."""
    _, at = name.decode(asked, 12)
    return asked[12 : at + 4]


def reply(
    asked: bytes,
    *records: bytes,
    number: int | None = None,
    flags: int = 0x8180,
    question: bytes | None = None,
    edns: bool = True,
) -> bytes:
    """An answer to a query of ours."""
    told = question_of(asked) if question is None else question
    number = int.from_bytes(asked[:2], "big") if number is None else number
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0) if edns else b""
    head = struct.pack("!HHHHHH", number, flags, bool(told), len(records), 0, edns)
    return head + told + b"".join(records) + opt


def address(owner: Name | bytes = b"\xc0\x0c", octets: bytes = b"\xcb\x00\x71\x0a", ttl: int = 60) -> bytes:
    """An A record; its owner is the question's name by default."""
    kind = 1 if len(octets) == 4 else 28
    return (
        (owner if isinstance(owner, bytes) else name.encode(owner))
        + struct.pack("!HHIH", kind, 1, ttl, len(octets))
        + octets
    )


def framed(octets: bytes) -> bytes:
    """As TCP carries it."""
    return struct.pack("!H", len(octets)) + octets

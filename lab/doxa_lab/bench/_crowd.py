"""Many clients in one process: `python -m doxa_lab.bench._crowd KIND HOST PORT COUNT SECONDS` prints JSON.

KIND is `download`, `upload` or `slow` (asks for a download and reads 256 octets a second). The answer: octets that each
client moved in TCP payload after a second's start-up (uploads: what the far end's TCP acknowledged), and how many were
turned away.
"""

import contextlib
import json
import os
import select
import socket
import sys
import time
from dataclasses import dataclass
from typing import Final

from doxa_agent.net.tcpinfo import read_tcp_info

_PIECE: Final = 128 * 1024
_SETTLE_S: Final = 1.0
_GET: Final = b"GET /garbage.php?ckSize=1024 HTTP/1.1\r\nHost: crowd\r\n\r\n"
_POST: Final = b"POST /empty.php HTTP/1.1\r\nHost: crowd\r\nContent-Length: 1073741824\r\n\r\n"


@dataclass(slots=True)
class Client:
    """One connection and what it moved."""

    sock: socket.socket
    octets: int = 0
    alive: bool = True


def main(words: list[str]) -> int:
    """Run the crowd."""
    kind, host, port, count, seconds = words[0], words[1], int(words[2]), int(words[3]), float(words[4])
    clients = [_connect(kind, host, port) for _ in range(count)]
    if kind == "slow":
        _trickle(clients, seconds)
    else:
        _move(clients, _SETTLE_S, sending=kind == "upload")
        for client in clients:
            client.octets = -_acknowledged(client) if kind == "upload" else 0
        _move(clients, seconds, sending=kind == "upload")
        for client in clients if kind == "upload" else ():
            client.octets += _acknowledged(client)
    found = {"octets": [client.octets for client in clients], "refused": sum(not client.alive for client in clients)}
    print(json.dumps(found))  # noqa: T201 - the answer to the benchmark
    return 0


def _connect(kind: str, host: str, port: int) -> Client:
    sock = socket.create_connection((host, port), 20)
    if kind == "slow":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.sendall(_POST if kind == "upload" else _GET)
    sock.setblocking(False)  # noqa: FBT003 - the only form that it has
    return Client(sock)


def _acknowledged(client: Client) -> int:
    """What left its queue is not yet what arrived."""
    return read_tcp_info(client.sock).bytes_acked or 0


def _move(clients: list[Client], seconds: float, *, sending: bool) -> None:
    by_fd = {client.sock.fileno(): client for client in clients if client.alive}
    piece, void = os.urandom(_PIECE), bytearray(_PIECE)
    with select.epoll() as poller:
        for fd in by_fd:
            poller.register(fd, select.EPOLLOUT if sending else select.EPOLLIN)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for fd, _event in poller.poll(0.1):
                client = by_fd[fd]
                try:
                    moved = client.sock.send(piece) if sending else client.sock.recv_into(void, 0, socket.MSG_TRUNC)
                except BlockingIOError:
                    continue
                except OSError:
                    moved = 0
                client.octets += 0 if sending else moved
                if not moved:
                    client.alive = False
                    poller.unregister(fd)


def _trickle(clients: list[Client], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for client in clients:
            with contextlib.suppress(BlockingIOError):
                try:
                    client.octets += len(client.sock.recv(256))
                except ConnectionError:
                    client.alive = False
        time.sleep(1.0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

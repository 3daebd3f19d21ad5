"""Clients of versions before the RFC: served in their own packets, signed by their own rules."""

import socket
import time

from tests.agent.udpstp.farends import DOWN, KEYS, UP, client, serving, until

from doxa_agent.udpstp.auth import derive, signed
from doxa_agent.udpstp.legacy import activation_from, activation_to, status_from, status_to
from doxa_agent.udpstp.pdu import (
    Activation,
    ActivationResult,
    Direction,
    Load,
    Setup,
    SetupResult,
    Status,
)
from doxa_agent.udpstp.rates import table
from doxa_agent.udpstp.server import Server


def old_client(server: Server, direction: Direction, setup: bytes) -> tuple[socket.socket, bytes]:
    """A client of version 19 whose test is active, and the answer to its activation."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    sock.sendto(setup, server.addresses[0])
    answer = Setup.decode(sock.recv(300))
    assert (answer.result, answer.version) == (SetupResult.OK, 19)
    sock.connect(("127.0.0.1", answer.test_port))
    sock.send(activation_to(Activation(direction=direction, seconds=2, sub_interval_ms=2000).encode(), 19))
    return sock, sock.recv(60, socket.MSG_TRUNC)


def test_a_client_of_an_older_version_is_served_in_its_own_packets() -> None:
    with serving() as server:
        sock, response = old_client(server, UP, Setup(version=19).encode())
        holds = Activation.decode(activation_from(response, 19))
        assert (holds.result, holds.seconds, holds.sub_interval_ms) == (ActivationResult.OK, 2, 2000)
        sock.send(Load(sequence=1, payload=52, sent_ns=time.time_ns()).encode() + bytes(20))
        status = Status.decode(status_from(sock.recv(300)))
        assert (status.sequence, status.datagrams, status.payload_bytes, status.rate) == (1, 1, 52, table()[0])
        sock.close()
        sock, response = old_client(server, DOWN, Setup(version=19, connection_set=2).encode())
        assert Load.decode(sock.recv(2000)).sequence == 1
        told = Status(sequence=1, sent_ns=time.time_ns(), rtt_variation_ms=0)
        sock.send(status_to(told.encode()))
        assert until(lambda: Load.decode(sock.recv(2000)).status_sent_ns == told.sent_ns)
        sock.close()


def test_an_older_version_signs_with_the_shared_key_and_is_refused_where_signatures_are_required() -> None:
    now = int(time.time())
    setup = signed(Setup(version=19), KEYS[3], key_id=3, unix_time=now)
    with serving(keys=KEYS) as server:
        old_client(server, UP, setup)[0].close()
        with client(server, keys=derive(KEYS[3], now), unix_time=now) as one:
            assert one.setup(Setup(version=19)).result is SetupResult.AUTHENTICATION_FAILED
    with serving(keys=KEYS, require_auth=True) as server, client(server) as one:
        one.sock.sendto(setup, (one.host, one.port))
        assert Setup.decode(one.sock.recv(300)).result is SetupResult.BAD_VERSION

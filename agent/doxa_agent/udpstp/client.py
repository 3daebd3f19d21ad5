"""The client's half of the agreement: Setup and Test Activation, each repeated until answered (RFC 9946 §5).

What comes of it is an `Agreement`: a socket connected to the far end's test port (so the kernel keeps strangers out) and the
parameters as the far end accepted them. Signed requests get their answers checked; an answer that does not fit is not one.
"""

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from doxa_agent.meter import Deadline, Link
from doxa_agent.net.binding import FAMILIES, LinkUnusable, Unreachable, bind_socket
from doxa_agent.udpstp.activation import (
    RANDOM_PAYLOAD,
    ROW_IS_START,
    SEARCH_ROW,
    Activation,
    ActivationResult,
    Algorithm,
    Direction,
)
from doxa_agent.udpstp.auth import DerivedKeys, Keys, derive, fits, in_window, signed
from doxa_agent.udpstp.load import LOAD_ID
from doxa_agent.udpstp.options import ASK_S, FAST, Options
from doxa_agent.udpstp.rates import row_for, table
from doxa_agent.udpstp.setup import JUMBO, TRADITIONAL_MTU, Setup, SetupCommand, SetupResult
from doxa_agent.udpstp.status import STATUS_ID, STATUS_SIZE
from doxa_agent.udpstp.wire import PduError

FIRST_WAIT_S: Final = 0.25
"""Until a request is repeated for the first time; each later wait is twice as long, up to a second."""
RETRY_AFTER_S: Final = 60.0
"""When a far end that is busy is worth asking again; the protocol has no field for it."""
_LONGEST_WAIT_S: Final = 1.0
_SLICE_S: Final = 0.1
_ROOM: Final = 2048
_RECVERR: Final = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}  # IP_RECVERR, IPV6_RECVERR
_REASONS: Final = {
    errno.ECONNREFUSED: "port_unreachable",
    errno.ENETUNREACH: "no_route",
    errno.EHOSTUNREACH: "no_route",
    errno.ENETDOWN: "interface_down",
    errno.ENODEV: "interface_absent",
    errno.EADDRNOTAVAIL: "no_address",
    errno.EACCES: "blocked_here",
    errno.EPERM: "blocked_here",
    errno.EMSGSIZE: "packet_too_big",
}
_REFUSALS: Final = {
    SetupResult.BAD_VERSION: "far_end_version",
    SetupResult.JUMBO_MISMATCH: "far_end_jumbo_mismatch",
    SetupResult.AUTHENTICATION_NOT_CONFIGURED: "far_end_knows_no_keys",
    SetupResult.AUTHENTICATION_REQUIRED: "far_end_wants_keys",
    SetupResult.AUTHENTICATION_MODE_INVALID: "far_end_auth_mode",
    SetupResult.AUTHENTICATION_FAILED: "far_end_auth_failed",
    SetupResult.AUTHENTICATION_TIME: "clock_outside_window",
    SetupResult.BANDWIDTH_REQUIRED: "bandwidth_required",
    SetupResult.CAPACITY_EXCEEDED: "far_end_busy",
    SetupResult.MTU_MISMATCH: "far_end_mtu_mismatch",
    SetupResult.BAD_CONNECTIONS: "far_end_connections",
    SetupResult.NO_CONNECTION_FREE: "far_end_busy",
}
BUSY: Final = "far_end_busy"

Answer = TypeVar("Answer")


class Refused(Exception):  # noqa: N818 - the far end said no: a result
    """The far end answered, and refused; `reason` is the code for the reading."""

    def __init__(self, reason: str, result: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.result = result


class Stopped(Exception):  # noqa: N818 - the run was told to end; nobody failed
    """The request's deadline is over or it was cancelled."""


def reason_of(error: OSError) -> str:
    """The code for an error of the kernel."""
    return _REASONS.get(error.errno or 0, "broke_off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One far end at one address, by one line."""

    link: Link
    family: int
    address: str
    port: int
    keys: Keys = field(default_factory=dict, repr=False)


@dataclass(slots=True, kw_only=True)
class Agreement:
    """What both sides go by from now on."""

    sock: socket.socket
    accepted: Activation
    answered: bool
    """False: the far end began before its answer came, so its parameters are those that were asked."""
    early: list[bytes]
    """What came at the test port before the answer."""
    rtts_s: list[float]
    """Of requests that were answered at the first try."""
    asked: Activation


def agree(target: Target, direction: str, options: Options, deadline: Deadline, algorithm: Algorithm) -> Agreement:
    """Set up and activate one test. Raises `Refused`, `Unreachable` or `Stopped`; then the socket is closed."""
    sock = _open(target)
    try:
        return _Dialogue(target, sock, deadline).agree(direction, options, algorithm)
    except OSError as error:
        sock.close()
        raise Unreachable(reason_of(error)) from None
    except BaseException:
        sock.close()
        raise


def _open(target: Target) -> socket.socket:
    try:
        sock = socket.socket(FAMILIES[target.family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    except OSError:
        raise LinkUnusable("no_address") from None
    try:
        bind_socket(sock, target.link, target.family)
        # So that a port unreachable is heard although the socket is not connected yet.
        sock.setsockopt(*_RECVERR[target.family], 1)
    except OSError as error:
        sock.close()
        raise Unreachable(reason_of(error)) from None
    except Unreachable:
        sock.close()
        raise
    return sock


def algorithm_of(options: Options) -> Algorithm:
    """The search that these options ask the far end for."""
    return {FAST: Algorithm.FAST, "b": Algorithm.B, "c": Algorithm.C}[options.search]


class _Dialogue:
    """One agreement on its way."""

    def __init__(self, target: Target, sock: socket.socket, deadline: Deadline) -> None:
        self._target, self._sock, self._deadline = target, sock, deadline
        self._keys: DerivedKeys | None = None
        self._key_id = min(target.keys, default=0)
        self._rtts: list[float] = []
        self._early: list[bytes] = []

    def agree(self, direction: str, options: Options, algorithm: Algorithm) -> Agreement:
        setup = self._set_up(direction, options)
        self._sock.connect((self._target.address, setup.test_port))
        self._sock.setsockopt(*_RECVERR[self._target.family], 0)
        asked = _activation(direction, options, algorithm)
        accepted = self._activate(asked)
        return Agreement(
            sock=self._sock,
            accepted=accepted or asked,
            answered=accepted is not None,
            early=self._early,
            rtts_s=self._rtts,
            asked=asked,
        )

    def _set_up(self, direction: str, options: Options) -> Setup:
        wanted = Setup(
            connection_set=int.from_bytes(os.urandom(2), "big") or 1,
            bandwidth_mbps=_bandwidth(options),
            upstream=direction == "upload",
            modifiers=JUMBO | (TRADITIONAL_MTU if options.traditional else 0),
        )
        now = int(time.time())
        if self._target.keys:
            self._keys = derive(self._target.keys[self._key_id], now)
        data = self._encode(wanted, now)
        control = (self._target.address, self._target.port)

        def read(packet: bytes, sender: tuple[str, int]) -> Setup | None:
            if sender[0].partition("%")[0] != control[0] or sender[1] != control[1]:
                return None  # the Null request from the test port, or a stranger
            found = Setup.decode(packet)
            if found.command is not SetupCommand.RESPONSE or found.connection_set != wanted.connection_set:
                return None
            if found.result is SetupResult.OK and not self._signed(packet, found.authentication.unix_time):
                return None
            return found

        found = self._ask(lambda: self._sock.sendto(data, control), read, "no_answer")
        assert found is not None
        if found.result is not SetupResult.OK:
            raise Refused(_REFUSALS.get(found.result, "far_end_refused"), int(found.result))
        if not found.test_port:
            raise Unreachable("far_end_nonsense")
        return found

    def _activate(self, asked: Activation) -> Activation | None:
        data = self._encode(asked, int(time.time()))

        def read(packet: bytes, _sender: tuple[str, int]) -> Activation | None:
            if _of_the_test(packet, asked.direction):
                self._early.append(packet[:STATUS_SIZE])
                return asked if len(self._early) >= _MANY_EARLY else None
            found = Activation.decode(packet)
            if found.result is ActivationResult.NONE or not self._signed(packet, found.authentication.unix_time):
                return None
            return found

        found = self._ask(lambda: self._sock.send(data), read, "no_activation")
        if found is asked:
            return None
        if found.direction is not asked.direction or found.result is not ActivationResult.OK:
            raise Refused("far_end_parameters", int(found.result))
        if not (1 <= found.trial_ms <= 1000 and 1 <= found.seconds <= 3600 and found.sub_interval_ms >= 10):
            raise Unreachable("far_end_nonsense")
        return found

    def _encode(self, packet: Setup | Activation, now: int) -> bytes:
        if self._keys is None:
            return packet.encode()
        return signed(packet, self._keys.client, key_id=self._key_id, unix_time=now)

    def _signed(self, packet: bytes, unix_time: int) -> bool:
        return self._keys is None or (fits(packet, self._keys.server) and in_window(unix_time))

    def _ask(
        self, send: Callable[[], object], read: Callable[[bytes, tuple[str, int]], Answer | None], silence: str
    ) -> Answer:
        """Repeat until `read` finds the answer; `Unreachable(silence)` where none comes."""
        until, wait, tries = time.monotonic() + ASK_S, FIRST_WAIT_S, 0
        refused = False
        while time.monotonic() < until:
            began, tries = time.monotonic(), tries + 1
            try:
                send()
                answer = self._listen(read, min(until, began + wait))
            except ConnectionRefusedError:
                if refused:
                    raise
                refused = True  # perhaps it only starts: once more
                self._deadline.wait(wait)
                continue
            if answer is not None:
                if tries == 1:
                    self._rtts.append(time.monotonic() - began)
                return answer
            wait = min(_LONGEST_WAIT_S, 2 * wait)
        raise Unreachable(silence)

    def _listen(self, read: Callable[[bytes, tuple[str, int]], Answer | None], until: float) -> Answer | None:
        while (left := until - time.monotonic()) > 0:
            if self._deadline.over:
                raise Stopped
            if not select.select([self._sock], [], [], min(left, _SLICE_S))[0]:
                continue
            try:
                packet, sender = self._sock.recvfrom(_ROOM)
                answer = read(packet, (str(sender[0]), int(sender[1])))
            except (BlockingIOError, PduError, struct.error):
                continue
            if answer is not None:
                return answer
        return None


_MANY_EARLY: Final = 5
"""So much of the test without an answer to the activation, and its parameters are taken as asked."""


def _of_the_test(packet: bytes, direction: Direction) -> bool:
    number = int.from_bytes(packet[:2], "big")
    return number == (STATUS_ID if direction is Direction.UPSTREAM else LOAD_ID)


def _bandwidth(options: Options) -> int:
    if options.bandwidth_mbps:
        return options.bandwidth_mbps
    return 0 if options.rate_mbps is None else -int(-options.rate_mbps // 1)


def _activation(direction: str, options: Options, algorithm: Algorithm) -> Activation:
    rows = table(traditional=options.traditional, jumbo=True)
    row, modifiers = SEARCH_ROW, RANDOM_PAYLOAD * options.random_payload
    if options.rate_mbps is not None:
        row = row_for(options.rate_mbps, rows)
    elif options.start_mbps is not None:
        row, modifiers = row_for(options.start_mbps, rows), modifiers | ROW_IS_START
    return Activation(
        direction=Direction.UPSTREAM if direction == "upload" else Direction.DOWNSTREAM,
        seconds=options.seconds,
        sub_interval_ms=round(options.sub_interval_s * 1000),
        row=row,
        modifiers=modifiers,
        algorithm=algorithm,
    )

"""One SNMP session with one terminal over pysnmp: GET and GETBULK by number, with every fault made into a code.

Imported in the child process alone: pysnmp with its engine costs 25 MiB and half a second of a fast processor.
Of pysnmp only the engine and the command generators (RFC 3413) are used, not its high-level interface, which would bring
MIB files and name look-ups that this needs none of.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Final

from pysnmp.carrier.asyncio.dgram import udp, udp6  # type: ignore[import-untyped,import-not-found,unused-ignore]
from pysnmp.entity import config, engine  # type: ignore[import-untyped,import-not-found,unused-ignore]
from pysnmp.entity.rfc3413 import cmdgen  # type: ignore[import-untyped,import-not-found,unused-ignore]
from pysnmp.proto import rfc1902, rfc1905  # type: ignore[import-untyped,import-not-found,unused-ignore]

from doxa_agent.meter import Link
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket
from doxa_agent.snmp.objects import Oid
from doxa_agent.snmp.order import Order, Secrets, Target

ROWS: Final = 20
"""Rows asked for in one GETBULK: they fit a datagram also with long names."""

_AUTHENTICATIONS: Final = {
    "sha1": config.USM_AUTH_HMAC96_SHA,
    "sha224": config.USM_AUTH_HMAC128_SHA224,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
    "sha384": config.USM_AUTH_HMAC256_SHA384,
    "sha512": config.USM_AUTH_HMAC384_SHA512,
}
_PRIVACIES: Final = {
    "none": config.USM_PRIV_NONE,
    "aes128": config.USM_PRIV_CFB128_AES,
    "aes192": config.USM_PRIV_CFB192_AES,
    "aes256": config.USM_PRIV_CFB256_AES,
}
_REASONS: Final = {
    "WrongDigest": "snmp_wrong_key",
    "AuthenticationFailure": "snmp_wrong_key",
    "AuthenticationError": "snmp_wrong_key",
    "DecryptionError": "snmp_wrong_privacy_key",
    "EncryptionError": "snmp_privacy_unsupported",
    "UnsupportedPrivProtocol": "snmp_privacy_unsupported",
    "UnsupportedAuthProtocol": "snmp_wrong_key",
    "UnknownUserName": "snmp_unknown_user",
    "UnknownSecurityName": "snmp_unknown_user",
    "UnsupportedSecurityLevel": "snmp_security_level",
    "NotInTimeWindow": "snmp_time_window",
    "UnknownEngineID": "snmp_engine_unknown",
    "TooBig": "snmp_too_big",
}
"""pysnmp's error indications (RFC 3414 §3.2 and its own), as our reason codes."""
_STATUS: Final = {1: "snmp_too_big", 6: "snmp_not_allowed", 16: "snmp_not_allowed"}
"""error-status of a response (RFC 3416 §3): tooBig, noAccess, authorizationError."""
_NOTHING: Final = (rfc1905.NoSuchObject, rfc1905.NoSuchInstance, rfc1905.EndOfMibView)


class Refused(Exception):  # noqa: N818 - what it says is a result about the terminal, not an error
    """The terminal did not give what was asked; `reason` is the code, `why` the library's own word for it."""

    def __init__(self, reason: str, why: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.why = reason, why


class _Ear:
    """Remembers what a silence consisted of: without it a closed port and a wrong key look like a dead terminal."""

    refused = False
    heard = 0

    def error_received(self, exc: Exception) -> None:
        """An ICMP message about our datagrams, which a connected socket is told."""
        self.refused = self.refused or isinstance(exc, ConnectionRefusedError)

    def datagram_received(self, datagram: bytes, transportAddress: Any) -> None:  # noqa: N803 - pysnmp's own name
        """Anything that the terminal sent."""
        self.heard += 1
        super().datagram_received(datagram, transportAddress)  # type: ignore[misc]


class _Udp(_Ear, udp.UdpAsyncioTransport):  # type: ignore[misc]
    """Over IPv4."""


class _Udp6(_Ear, udp6.Udp6AsyncioTransport):  # type: ignore[misc]
    """Over IPv6."""


class Session:
    """An open session; made and used inside a running event loop."""

    def __init__(self, order: Order, target: Target) -> None:
        self._engine: Any = engine.SnmpEngine()
        self._answered = False
        self._transport = _open(self._engine, order.link, target)
        _authorise(self._engine, order.secrets)
        domain = udp.DOMAIN_NAME if target.family == 4 else udp6.DOMAIN_NAME
        address = (target.address, target.port) if target.family == 4 else (target.address, target.port, 0, 0)
        centiseconds = max(1, round(order.timeout_s * 100))
        config.add_target_address(self._engine, "terminal", domain, address, "access", centiseconds, order.retries)

    async def get(self, oids: Sequence[Oid]) -> list[Any]:
        """The value of each object in one request, in the order asked; None for one that the terminal does not have."""
        rows = await self._ask(cmdgen.GetCommandGenerator().send_varbinds, oids)
        if [tuple(name) for name, _ in rows] != list(oids):
            raise Refused("snmp_bad_answer")
        return [None if isinstance(value, _NOTHING) else value for _, value in rows]

    async def next(self, oid: Oid) -> list[tuple[Oid, Any]]:
        """Up to `ROWS` objects that follow `oid`; shorter at the end of what the terminal shows."""
        rows = await self._ask(cmdgen.BulkCommandGenerator().send_varbinds, [oid], 0, ROWS)
        return [(tuple(name), value) for name, value in rows if not isinstance(value, _NOTHING)]

    async def _ask(self, send: Any, oids: Sequence[Oid], *bulk: int) -> list[Any]:
        waiting: asyncio.Future[tuple[Any, Any, Any]] = asyncio.get_running_loop().create_future()

        def answered(
            _engine: Any, _handle: Any, fault: Any, status: Any, _index: Any, rows: Any, _context: Any
        ) -> None:
            if not waiting.done():
                waiting.set_result((fault, status, rows))

        asked = [(rfc1902.ObjectName(oid), rfc1902.Null("")) for oid in oids]
        send(self._engine, "terminal", None, "", *bulk, asked, answered, None)
        fault, status, rows = await waiting
        if fault:
            name = type(fault).__name__
            raise Refused(self._silence() if name == "RequestTimedOut" else _REASONS.get(name, "snmp_bad_answer"), name)
        if int(status or 0):
            raise Refused(_STATUS.get(int(status), "snmp_bad_answer"), f"error-status {int(status)}")
        self._answered = True
        return list(rows)

    def _silence(self) -> str:
        """What a request without an answer means. A v3 terminal tells its engine to anybody, and then drops in silence
        what it cannot decipher; a v2c one drops everything with the wrong community.
        """
        if self._transport.refused:
            return "port_unreachable"
        return "snmp_request_ignored" if self._transport.heard and not self._answered else "no_reply"

    def close(self) -> None:
        """End it."""
        self._engine.close_dispatcher()


def _open(snmp: Any, link: Link, target: Target) -> _Udp | _Udp6:
    """A datagram socket that leaves by the line and hears nobody but the terminal."""
    sock = socket.socket(FAMILIES[target.family], socket.SOCK_DGRAM)
    try:
        sock.settimeout(0)
        bind_socket(sock, link, target.family)
        sock.connect((target.address, target.port))
    except Unreachable as unreachable:
        sock.close()
        raise Refused(unreachable.reason) from None
    except OSError as error:
        sock.close()
        raise Refused("no_route", type(error).__name__) from None
    transport = _Udp() if target.family == 4 else _Udp6()
    domain = udp.DOMAIN_NAME if target.family == 4 else udp6.DOMAIN_NAME
    config.add_transport(snmp, domain, transport.open_server_mode(sock=sock))
    return transport


def _authorise(snmp: Any, secrets: Secrets) -> None:
    if secrets.user is None:
        config.add_v1_system(snmp, "community", secrets.community or "")
        config.add_target_parameters(snmp, "access", "community", "noAuthNoPriv", 1)
        return
    config.add_v3_user(
        snmp,
        secrets.user,
        _AUTHENTICATIONS[secrets.auth],
        secrets.auth_key,
        _PRIVACIES[secrets.priv],
        secrets.priv_key,
    )
    level = "authNoPriv" if secrets.priv == "none" else "authPriv"
    config.add_target_parameters(snmp, "access", secrets.user, level, 3)

"""The answers of the far end: heads that no cache keeps and any page may read, the client's address, our load."""

import ipaddress
import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from doxa_agent.responder.requests import HttpRequest

_COMMON: Final = (
    "Server: doxa\r\n"
    "Cache-Control: no-store, no-cache, must-revalidate, max-age=0\r\n"
    "Pragma: no-cache\r\n"
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Allow-Methods: GET, POST, OPTIONS, DELETE\r\n"
    "Access-Control-Allow-Headers: Content-Encoding, Content-Type\r\n"
    "Access-Control-Max-Age: 86400\r\n"
    "Timing-Allow-Origin: *\r\n"
)
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def head(status: int, length: int, *, keep: bool, kind: str = "text/plain; charset=utf-8", extra: str = "") -> bytes:
    """The head of an answer with `length` octets of body."""
    reason = HTTPStatus(status).phrase
    size = "" if status == HTTPStatus.NO_CONTENT else f"Content-Type: {kind}\r\nContent-Length: {length}\r\n"
    connection = "keep-alive" if keep else "close"
    return f"HTTP/1.1 {status} {reason}\r\n{_COMMON}{size}{extra}Connection: {connection}\r\n\r\n".encode()


def text(status: int, body: str, *, keep: bool) -> bytes:
    """A short answer in plain text."""
    packed = body.encode()
    return head(status, len(packed), keep=keep) + packed


def json_answer(found: Mapping[str, Any], *, keep: bool, status: int = HTTPStatus.OK, extra: str = "") -> bytes:
    """A short answer in JSON; `extra` are further fields, each with its line's end."""
    packed = json.dumps(found, separators=(",", ":")).encode()
    return head(status, len(packed), keep=keep, kind="application/json", extra=extra) + packed


def come_back(seconds: float, why: str, *, keep: bool) -> bytes:
    """503 with the time after which there should be room (RFC 9110 §10.2.3), for machines of any family."""
    return json_answer(
        {"doxa": 1, "come_back_s": seconds, "why": why},
        keep=keep,
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        extra=f"Retry-After: {math.ceil(seconds)}\r\n",
    )


def garbage_head(length: int, *, keep: bool, congestion: str) -> bytes:
    """The head before the bytes of a download; it names the congestion control that sends them."""
    extra = 'Content-Disposition: attachment; filename="random.dat"\r\n'
    if congestion:
        extra += f"X-Doxa-Congestion: {congestion}\r\n"
    return head(HTTPStatus.OK, length, keep=keep, kind="application/octet-stream", extra=extra)


def address_answer(request: HttpRequest, peer: str) -> bytes:
    """The client's address: the JSON of LibreSpeed's web client when it asks for the provider, else plain text."""
    found = plain_address(peer)
    if "isp" in request.query:
        return json_answer({"processedString": found, "rawIspInfo": ""}, keep=request.keep_alive)
    return text(HTTPStatus.OK, found, keep=request.keep_alive)


def plain_address(peer: str) -> str:
    """An address without zone, and an IPv4 one in its own form also where it came through an IPv6 socket."""
    found = ipaddress.ip_address(peer.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)

"""Around every answer: the headers that keep a browser safe, the Host check, and one friendly page for our own faults."""

import ipaddress
import logging
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doxa_collector.ledger.engine import LedgerError

_log = logging.getLogger("doxa.web")

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

ErrorPage = Callable[[Request, int], Response]


class Shield:
    """Adds the headers; while no token is asked, refuses a Host that is not this machine (DNS rebinding)."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str] | None, error_page: ErrorPage) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if self._hosts is not None and not is_ours(Headers(scope=scope).get("host", ""), self._hosts):
            await self._error_page(Request(scope), 421)(scope, receive, send_shielded)
            return
        await self._app(scope, receive, send_shielded)


def is_ours(host: str, allowed: frozenset[str]) -> bool:
    """Whether a Host header names the loopback or one of `allowed`."""
    name = host.lower()
    name = name[: name.find("]") + 1] if name.startswith("[") else name.rpartition(":")[0] or name
    if name == "localhost" or name in allowed or host.lower() in allowed:
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


class Failsafe:
    """No traceback reaches a reader: a ledger that refuses is 503, our own fault 500, both logged."""

    def __init__(self, app: ASGIApp, *, error_page: ErrorPage) -> None:
        self._app = app
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except (SQLAlchemyError, LedgerError) as error:
            _log.error("the ledger refuses: %s", error)
            await self._answer(scope, receive, send, 503, started)
        except Exception:  # noqa: BLE001 - the last fence before the reader: logged, and the page says sorry
            _log.exception("a page failed: %s", scope.get("path"))
            await self._answer(scope, receive, send, 500, started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, status: int, started: bool) -> None:  # noqa: FBT001
        if scope["type"] == "http" and not started:
            await self._error_page(Request(scope), status)(scope, receive, send)

"""Who may read: a token in an Authorization header, or a session cookie that /login gives for it."""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from doxa_collector.web.shield import ErrorPage

COOKIE: Final = "doxa_session"
SESSION_S: Final = 12 * 3600
OPEN_PATHS: Final = ("/login", "/health")
API: Final = "/api/v1"
"""Below it the API asks for a token itself (`api.door`): its own ones open no page, and it answers in its own form."""
_FAILURES: Final = 8
_WINDOW_S: Final = 300.0
_MOST_CLIENTS: Final = 4096


class FailureLimit:
    """Counts wrong tokens by client: after eight within five minutes the client waits until the oldest is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """Seconds that `client` must wait before it may try again, 0 where it may now."""
        recent = self._recent(client)
        return 0.0 if len(recent) < _FAILURES else max(0.0, recent[-_FAILURES] + _WINDOW_S - self._clock())

    def failed(self, client: str) -> None:
        """Note one wrong token; the memory is bounded, the client unseen for longest is forgotten first."""
        self._failures[client] = [*self._recent(client), self._clock()][-_FAILURES:]
        self._failures.move_to_end(client)
        if len(self._failures) > _MOST_CLIENTS:
            self._failures.popitem(last=False)

    def _recent(self, client: str) -> list[float]:
        oldest = self._clock() - _WINDOW_S
        return [at for at in self._failures.get(client, []) if at > oldest]


class Guard:
    """Decides about a token and makes and checks the session cookies, which are signed with it: a new token ends all."""

    def __init__(
        self, token: str, *, now: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._token = token.encode()
        self._now = now
        self.limit = FailureLimit(clock)

    def __repr__(self) -> str:
        return "Guard(token=•••)"

    def accepts(self, offered: str) -> bool:
        """Whether `offered` is the token, in constant time."""
        return hmac.compare_digest(_digest(offered.encode()), _digest(self._token))

    def new_session(self) -> str:
        """A cookie value: the moment of its end and our signature of it."""
        end = str(int(self._now()) + SESSION_S)
        return f"{end}.{self._sign(end)}"

    def knows_session(self, cookie: str) -> bool:
        """Whether we signed `cookie` and it has not ended."""
        end, _, signature = cookie.partition(".")
        signed = hmac.compare_digest(signature.encode(), self._sign(end).encode())
        return signed and end.isdigit() and int(end) > self._now()

    def _sign(self, text: str) -> str:
        return hmac.new(self._token, b"doxa-session:" + text.encode(), hashlib.sha256).hexdigest()


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def client_of(connection: HTTPConnection) -> str:
    """The address that failures are counted for."""
    return connection.client.host if connection.client else "unknown"


class Access:
    """Lets a request through that has the token or a session; sends browsers to /login and refuses machines with 401."""

    def __init__(self, app: ASGIApp, *, guard: Guard | None, error_page: ErrorPage) -> None:
        self._app = app
        self._guard = guard
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._guard is None:
            scope.setdefault("state", {})["may_read"] = True
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if scope["path"].startswith(f"{API}/"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(request, self._guard)
        scope.setdefault("state", {})["may_read"] = refusal is None
        if refusal is None or _is_open(request.url.path):
            await self._app(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, request: Request, guard: Guard) -> Response | None:
        """None where the request may pass."""
        scheme, _, offered = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            client = client_of(request)
            if (wait := guard.limit.wait_s(client)) > 0:
                return self._refuse(request, 429, {"Retry-After": str(int(wait) + 1)})
            if guard.accepts(offered.strip()):
                return None
            guard.limit.failed(client)
        elif guard.knows_session(request.cookies.get(COOKIE, "")):
            return None
        elif _wants_page(request):
            return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
        return self._refuse(request, 401, {"WWW-Authenticate": "Bearer"})

    def _refuse(self, request: Request, status: int, headers: dict[str, str]) -> Response:
        answer = self._error_page(request, status)
        answer.headers.update(headers)
        return answer


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith("/static/")


def _wants_page(request: Request) -> bool:
    """A person's browser asks for HTML; our own script says X-Doxa-Live and wants to know."""
    return "text/html" in request.headers.get("accept", "") and "x-doxa-live" not in request.headers

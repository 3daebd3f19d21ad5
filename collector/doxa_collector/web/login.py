"""The login form: the token for a session cookie."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from doxa_collector.web.access import COOKIE, SESSION_S, Guard, client_of
from doxa_collector.web.pages import Pages

_MOST_BYTES: Final = 4096


def login_routes(pages: Pages, guard: Guard | None) -> list[Route]:
    """`/login` and `/logout`; none where no token is configured."""
    if guard is None:
        return []

    def form(request: Request) -> Response:
        return pages.page(request, "login.html", {"wrong": False, "next": safe_path(request.query_params.get("next"))})

    async def offer(request: Request) -> Response:
        if not _from_here(request):
            return pages.error(request, 403)
        client = client_of(request)
        if (wait := guard.limit.wait_s(client)) > 0:
            answer = pages.error(request, 429)
            answer.headers["Retry-After"] = str(int(wait) + 1)
            return answer
        fields = await _fields(request)
        where = safe_path(fields.get("next"))
        if not guard.accepts(fields.get("token", "").strip()):
            guard.limit.failed(client)
            return pages.page(request, "login.html", {"wrong": True, "next": where}, 401)
        welcome = RedirectResponse(where, 303)
        secure = request.url.scheme == "https"
        welcome.set_cookie(COOKIE, guard.new_session(), SESSION_S, httponly=True, samesite="strict", secure=secure)
        return welcome

    def leave(request: Request) -> Response:
        if not _from_here(request):
            return pages.error(request, 403)
        goodbye = RedirectResponse("/login", 303)
        goodbye.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return goodbye

    return [
        Route("/login", form, methods=["GET"]),
        Route("/login", offer, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
    ]


def safe_path(text: str | None) -> str:
    """A path of this site to go on to, `/` for anything else: a link must not lead away after the login."""
    if text and text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable():
        return text
    return "/"


def _from_here(request: Request) -> bool:
    """Whether a form was sent by our own page; browsers say so in Origin, else in Sec-Fetch-Site, machines in neither."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is None or origin == "null":
        return site in ("same-origin", "none") or (site is None and origin is None)
    return urlsplit(origin).netloc == request.headers.get("host")


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a small urlencoded form; a longer one counts as empty."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            return {}
    found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return {name: values[0] for name, values in found.items()}

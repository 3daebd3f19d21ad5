"""The page as one ASGI application: routes, then access, then the shield around everything."""

from collections.abc import Callable, Sequence

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from doxa_collector.api.mounting import create_api
from doxa_collector.nodes.tree import Tree
from doxa_collector.plans.model import Plan
from doxa_collector.web.access import API, Access, FailureLimit, Guard
from doxa_collector.web.login import login_routes
from doxa_collector.web.masking import mask_text
from doxa_collector.web.pages import HERE, Pages
from doxa_collector.web.routes import Routes
from doxa_collector.web.settings import Settings
from doxa_collector.web.shield import Failsafe, Shield


def create_app(
    engine: Engine,
    plans: Sequence[Plan],
    *,
    token: str | None = None,
    settings: Settings | None = None,
    tree: Callable[[], Tree] = Tree,
) -> Starlette:
    """The page over the ledger `engine` and the plans in force.

    With a `token` every page but /login asks for it and any Host is served. Without one only requests to the loopback
    (or to `settings.allowed_hosts`) are served. `tree` gives the nodes in force; that the socket is bound to the loopback is the caller's part.
    """
    chosen = settings or Settings()
    guard = None if token is None else Guard(token)
    pages = Pages(chosen, with_login=guard is not None)
    routes = Routes(engine, plans, pages, chosen, tree)
    api = create_api(
        engine, plans, chosen.api, tree=tree, now=chosen.now, page=None if guard is None else guard.accepts,
        limit=FailureLimit() if guard is None else guard.limit, reveal=chosen.reveal_tslcd, hide=mask_text,
    )  # fmt: skip

    def on_http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        answer = pages.error(request, status)
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer

    return Starlette(
        routes=[
            *routes.routes(),
            *login_routes(pages, guard),
            Mount("/static", _Static(directory=HERE / "static")),
            Mount(API, api),
        ],
        middleware=[
            Middleware(Shield, hosts=chosen.allowed_hosts if guard is None else None, error_page=pages.error),
            Middleware(Failsafe, error_page=pages.error),
            Middleware(Access, guard=guard, error_page=pages.error),
            Middleware(GZipMiddleware, minimum_size=2000),  # a page is 10 to 250 KiB, and a phone may be far away
        ],
        exception_handlers={HTTPException: on_http_error},
    )


class _Static(StaticFiles):
    """Static files carry a stamp in their address, so a browser may keep them."""

    async def get_response(self, path: str, scope: object) -> Response:
        answer = await super().get_response(path, scope)  # type: ignore[arg-type]
        answer.headers["Cache-Control"] = "public, max-age=86400"
        return answer

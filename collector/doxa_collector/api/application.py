"""The API as one ASGI application: who asks, what is asked, what the ledger says, and the answer's headers."""

import asyncio
import gzip
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, urlencode
from weakref import WeakKeyDictionary

import anyio
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from doxa_collector.api import csvform
from doxa_collector.api.asking import language_of, packs, read_params, read_query, shown, wants
from doxa_collector.api.audience import View
from doxa_collector.api.cursor import Key, decode, encode, fingerprint
from doxa_collector.api.door import Door
from doxa_collector.api.openapi import describe
from doxa_collector.api.problem import Problem, Refusal, refused
from doxa_collector.api.resource import Asked, File, Page, Resource, Single, Store
from doxa_collector.ledger.engine import LedgerError, reading
from doxa_core.language import VIETNAM_TIME, Text

PREFIX: Final = "/api/v1"
METHODS: Final = "GET, HEAD, OPTIONS"
_AT_ONCE: Final = 4
"""Requests that read at the same time: the page keeps its threads."""
_PACKED_FROM: Final = 1000
_OF_THE_FORM: Final = ("cursor", "limit", "format", "decimal", "lines", "after")
"""Parameters that may change from page to page: they do not say which rows there are, or only where to begin."""
_OPEN: Final = "private, no-cache"
_KEPT: Final = "private, max-age=86400, immutable"
_VARY: Final = "Accept, Accept-Encoding, Authorization"
_log = logging.getLogger("doxa.api")


class Api:
    """Everything below /api/v1. `today` and the ledger are asked anew for each request."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        resources: Sequence[Resource],
        door: Door,
        *,
        hide: Callable[[str], str],
        now: Callable[[], datetime],
    ) -> None:
        self._engine, self._store, self._door = engine, store, door
        self._hide, self._now = hide, now
        self._resources = [(_pattern(one.path), one) for one in resources]
        self._description = json.dumps(describe(resources), ensure_ascii=False).encode()
        self._limits: WeakKeyDictionary[Any, anyio.CapacityLimiter] = WeakKeyDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; whatever happens is answered."""
        request = Request(scope, receive)
        answer = await anyio.to_thread.run_sync(partial(self.answer, request), limiter=self._limiter())
        await answer(scope, receive, send)

    def answer(self, request: Request) -> Response:
        """The answer, a problem where there is none."""
        lang = language_of(request.headers.get("accept-language", ""))
        try:
            found = self._answer(request)
        except Refusal as refusal:
            found = refused(refusal, lang)
        except (SQLAlchemyError, LedgerError) as error:
            _log.error("the ledger refuses: %s", error)
            found = refused(Refusal(Problem.BUSY, _LEDGER, {"Retry-After": "5"}), lang)
        except Exception:  # noqa: BLE001 - the last fence before the caller: logged, and the answer says sorry
            _log.exception("the API failed: %s", request.scope["path"])
            found = refused(Refusal(Problem.OUR_FAULT, _SORRY), lang)
        return _without_body(found) if request.method == "HEAD" else found

    def _limiter(self) -> anyio.CapacityLimiter:
        loop = asyncio.get_running_loop()
        if loop not in self._limits:
            self._limits[loop] = anyio.CapacityLimiter(_AT_ONCE)
        return self._limits[loop]

    def _answer(self, request: Request) -> Response:
        view = View(self._door.admit(request), self._hide)
        path = request.scope["path"].removeprefix(request.scope.get("root_path", "")) or "/"
        described = path == "/openapi.json"
        resource, given = (None, {}) if described else self._find(path)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": METHODS, "Cache-Control": "no-store"})
        if request.method not in ("GET", "HEAD"):
            raise Refusal(Problem.BAD_METHOD, _READ_ONLY, {"Allow": METHODS})
        if resource is None:
            read_params((), read_query(request.scope["query_string"]))
            return _Answer(request, "application/json").of(self._description)
        return self._of(resource, given, request, view)

    def _find(self, path: str) -> tuple[Resource, dict[str, Any]]:
        for pattern, resource in self._resources:
            if match := pattern.fullmatch(path):
                try:
                    return resource, {p.name: p.read(match[p.name]) for p in resource.in_path}
                except ValueError:
                    raise Refusal(Problem.NOT_FOUND, resource.missing) from None
        raise Refusal(Problem.NOT_FOUND, _NO_ADDRESS.fill(path=shown(path)))

    def _of(self, resource: Resource, in_path: Mapping[str, Any], request: Request, view: View) -> Response:
        given = read_query(request.scope["query_string"])
        values = {**read_params(resource.in_query, given), **in_path}
        media = _media(resource, values, request)
        question = fingerprint(request.scope["path"], {k: v for k, v in given.items() if k not in _OF_THE_FORM})
        with reading(self._engine) as conn:
            found = resource.read(
                Asked(
                    conn=conn, store=self._store, view=view, values=values,
                    today=self._now().astimezone(VIETNAM_TIME).date(),
                    after=_after(resource, values.get("cursor"), question), limit=values.get("limit") or 1,
                )
            )  # fmt: skip
        if found is None:
            raise Refusal(Problem.NOT_FOUND, resource.missing)
        if isinstance(found, File):  # made when the view of the ledger is closed: it may take minutes
            return _Answer(request, found.media, name=found.name, pinned=found.pinned).of_file(found)
        assert resource.record is not None
        if isinstance(found, Single):
            body = resource.record.shape(found.row, view)
            return _Answer(request, media, final=found.final, pinned=found.pinned).of(_json(body))
        return _list(resource, found, values, request, view, media, question)


def _list(
    resource: Resource, found: Page, values: Mapping[str, Any], request: Request, view: View, media: str, question: str
) -> Response:
    assert resource.record is not None
    rows = [resource.record.shape(row, view) for row in found.rows]
    more = None if found.next is None else encode(question, found.next)
    answer = _Answer(request, media, final=found.final, pinned=found.pinned, more=more)
    if media == csvform.MEDIA:
        return answer.of(csvform.render(resource.record, rows, view.audience, comma=values["decimal"] == "comma"))
    return answer.of(_json({"items": rows} if more is None else {"items": rows, "next": more}))


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _media(resource: Resource, values: Mapping[str, Any], request: Request) -> str:
    """The form of the answer: by `format` of the query, else by Accept."""
    accept = request.headers.get("accept", "")
    if resource.media:
        return resource.media[0]  # a file's own parameter says which
    offered = ("application/json", csvform.MEDIA) if resource.is_list else ("application/json",)
    asked = values.get("format") if resource.is_list else None
    if asked is not None:
        return offered[("json", "csv").index(asked)]
    found = wants(accept, offered)
    if found is None:
        raise Refusal(Problem.NOT_ACCEPTABLE, _NO_FORM.fill(offered=", ".join(offered)), known=offered)
    return found


def _after(resource: Resource, text: str | None, question: str) -> Key | None:
    if text is None or resource.key is None:
        return None
    try:
        return decode(text, question, resource.key)
    except ValueError:
        raise Refusal(Problem.BAD_CURSOR, _OTHER_CURSOR) from None


def _json(found: Any) -> bytes:
    return json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class _Answer:
    """The headers of one answer: its form, whether the caller has it already, how long it may be kept."""

    def __init__(
        self,
        request: Request,
        media: str,
        *,
        final: bool = False,
        pinned: bool = False,
        more: str | None = None,
        name: str | None = None,
    ) -> None:
        self._request = request
        self._media = f"{media}; charset=utf-8" if media.startswith("text/") else media
        self._strong = final or pinned or name is not None
        self._packs = packs(request.headers.get("accept-encoding", ""))
        self._headers = {"Vary": _VARY, "Cache-Control": _KEPT if pinned else _OPEN}
        if more is not None:
            asked = urlencode({**read_query(request.scope["query_string"]), "cursor": more})
            self._headers["Link"] = f'<{quote(request.scope["path"])}?{asked}>; rel="next"'
        if name is not None:
            self._headers["Content-Disposition"] = f'attachment; filename="{name}"'

    def of(self, body: bytes) -> Response:
        """The answer with this body, or 304 where the caller has it."""
        tag = self._tag(sha256(body).hexdigest()[:32], packed=self._packs and len(body) >= _PACKED_FROM)
        return self._has() if self._known(tag) else self._with(body)

    def of_file(self, found: File) -> Response:
        """A file; nothing is made for a caller who has it, or who asks for its headers only."""
        tag = self._tag(sha256(found.stamp.encode()).hexdigest()[:32], packed=self._packs)
        if self._known(tag):
            return self._has()
        if self._request.method == "HEAD":
            bare = Response(None, 200, self._headers, self._media)
            del bare.headers["content-length"]  # not known before it is made
            return bare
        return self._with(found.make(), least=0)

    def _tag(self, digest: str, *, packed: bool) -> str:
        """Packed bytes are another representation, so they get another strong tag (RFC 9110 §8.8.3)."""
        tag = f'"{digest}-gzip"' if packed else f'"{digest}"'
        self._headers["ETag"] = tag if self._strong else f"W/{tag}"
        return digest

    def _known(self, digest: str) -> bool:
        asked = self._request.headers.get("if-none-match", "")
        tags = {tag.strip().removeprefix("W/").strip('"').removesuffix("-gzip") for tag in asked.split(",")}
        return digest in tags or asked.strip() == "*"

    def _has(self) -> Response:
        return Response(status_code=304, headers=self._headers)

    def _with(self, body: bytes, least: int = _PACKED_FROM) -> Response:
        if self._packs and len(body) >= least:
            self._headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 6, mtime=0)  # the same bytes give the same bytes
        return Response(body, 200, self._headers, self._media)


def _without_body(found: Response) -> Response:
    """The same headers, the length that the body has."""
    found.body = b""
    return found


_LEDGER: Final = Text(
    vi="sổ cái tạm thời không trả lời; hãy thử lại sau vài giây",
    en="the ledger does not answer now; try again in seconds",
)
_SORRY: Final = Text(
    vi="hệ thống gặp lỗi và đã ghi vào nhật ký; hãy báo cho người quản trị",
    en="something failed here and was logged; tell the administrator",
)
_READ_ONLY: Final = Text(vi="API này chỉ để đọc: hãy dùng GET", en="this API is read only: use GET")
_NO_ADDRESS: Final = Text(
    vi="không có địa chỉ {path}; xem /api/v1/openapi.json", en="there is no address {path}; see /api/v1/openapi.json"
)
_NO_FORM: Final = Text(
    vi="tiêu đề Accept phải nhận một trong: {offered}", en="the header Accept must take one of: {offered}"
)
_OTHER_CURSOR: Final = Text(
    vi="con trỏ này thuộc câu hỏi khác hoặc đã hỏng; hãy bắt đầu lại từ trang đầu",
    en="this cursor belongs to another question or is broken; begin again with the first page",
)

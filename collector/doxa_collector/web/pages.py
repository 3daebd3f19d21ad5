"""Turns a template and its facts into an answer, in the language and theme of the request."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from zlib import crc32

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from doxa_collector.assess import explain, reason_text
from doxa_collector.assess.reasons import DECIDING
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.views import words as month_words
from doxa_collector.web import wording
from doxa_collector.web.charts import RATE_NAMES
from doxa_collector.web.language import COOKIE, Voice, known_language
from doxa_collector.web.linkstate import State
from doxa_collector.web.masking import MASK, mask_text
from doxa_collector.web.settings import Settings
from doxa_collector.words import codes
from doxa_core import __version__
from doxa_core.language import Text
from doxa_core.layers import HeaderModel, Layer, best_share
from doxa_core.linkkind import LinkKind
from doxa_core.moments import microseconds

HERE: Final = Path(__file__).parent
THEMES: Final = ("light", "dark")
FOLLOW_DEVICE: Final = "auto"
THEME_COOKIE: Final = "doxa_theme"
_YEAR_S: Final = 366 * 86_400
_HEADLINES: Final = ("rtt_p50_ms", "rtt_p95_ms", "loss_ratio")

_SAID_ELSEWHERE: Final = DECIDING | {"overdue", "not_due"}
"""Reasons that the sentence or the due date says already."""

_ERRORS: Final[Mapping[int, tuple[Text, Text]]] = {
    401: (
        Text(vi="Cần mã truy cập", en="An access token is needed"),
        Text(vi="Hãy gửi mã trong tiêu đề Authorization: Bearer …", en="Send it in the header Authorization: Bearer …"),
    ),
    403: (
        Text(vi="Yêu cầu bị từ chối", en="The request is refused"),
        Text(vi="Biểu mẫu này phải được gửi từ chính trang đăng nhập.", en="Send this form from the page itself."),
    ),
    404: (
        Text(vi="Không có trang này", en="There is no such page"),
        Text(
            vi="Địa chỉ có thể đã gõ sai, hoặc điểm đo, đường truyền này không còn trong danh mục.",
            en="The address may be mistyped, or the office or line is no longer in the registry.",
        ),
    ),
    405: (
        Text(vi="Cách gọi không được hỗ trợ", en="This method is not supported"),
        Text(vi="Trang này chỉ để đọc.", en="This page is only for reading."),
    ),
    421: (
        Text(vi="Tên máy chủ không được phép", en="This host name is not allowed"),
        Text(
            vi="Khi chưa đặt mã truy cập, trang chỉ mở qua http://localhost. Muốn mở qua tên khác, hãy đặt [web] token_file.",
            en="Without a token the page opens only as http://localhost. For another name set [web] token_file.",
        ),
    ),
    429: (
        Text(vi="Sai mã quá nhiều lần", en="Too many wrong tokens"),
        Text(vi="Hãy đợi vài phút rồi thử lại.", en="Wait a few minutes, then try again."),
    ),
    500: (
        Text(vi="Trang này gặp lỗi", en="This page failed"),
        Text(
            vi="Lỗi đã được ghi vào nhật ký. Việc thu thập số liệu vẫn tiếp tục.",
            en="The fault is in the log. Collecting goes on.",
        ),
    ),
    503: (
        Text(vi="Sổ cái tạm thời chưa đọc được", en="The ledger cannot be read for now"),
        Text(
            vi="Hãy thử lại sau ít phút; nhật ký của bộ thu thập ghi rõ nguyên nhân.",
            en="Try again in a few minutes; the collector's log says why.",
        ),
    ),
}


def voice_of(request: Request) -> Voice:
    """The reader's language: `?lang=`, else the cookie, else Vietnamese."""
    asked = known_language(request.query_params.get("lang"))
    return Voice(asked or known_language(request.cookies.get(COOKIE)) or "vi")


def theme_of(request: Request) -> str | None:
    """The theme that the reader chose; None follows the device."""
    asked = request.query_params.get("theme", request.cookies.get(THEME_COOKIE))
    return asked if asked in THEMES else None


class Pages:
    """The templates, and what all of them may say."""

    def __init__(self, settings: Settings, *, with_login: bool) -> None:
        self._settings = settings
        self._with_login = with_login
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {
            "MASK": MASK,
            "VERSION": __version__,
            "W": codes,
            "worded": codes.worded,
            "wording": wording,
            "MW": month_words,
            "keep": wording.keep,
            "Outcome": VerdictOutcome,
            "LinkState": State,
            "LinkKind": LinkKind,
            "mask_text": mask_text,
            "stamp": static_stamp(),
            "explain": lambda target, finding: explain(finding.as_verdict(), target),
            "notes": lambda finding: [reason_text(code) for code in finding.reasons if code not in _SAID_ELSEWHERE],
            "reason_text": reason_text,
            "shown_values": shown_values,
            "kinds_of": lambda curve: {mark.kind for mark in curve.marks},
            "layer_rates": layer_rates(),
        }

    def now_us(self) -> int:
        """This moment, as the ledger writes it."""
        return microseconds(self._settings.now())

    def page(self, request: Request, template: str, facts: Mapping[str, Any], status: int = 200) -> Response:
        """A whole page; the choice of a language or theme in the address is remembered in a cookie."""
        voice = voice_of(request)
        context = {
            "v": voice,
            "say": voice.say,
            "show": voice.show,
            "theme": theme_of(request),
            "path": request.url.path,
            "link_to": _linker(request),
            "now_us": self.now_us(),
            "refresh_s": self._settings.refresh_s,
            "with_login": self._with_login,
            "may_read": bool(request.scope.get("state", {}).get("may_read")),
            **facts,
        }
        answer = HTMLResponse(self._environment.get_template(template).render(context), status)
        answer.headers["Content-Language"] = voice.lang
        answer.headers["Vary"] = "Cookie"
        for name, asked, known in (
            (COOKIE, request.query_params.get("lang"), known_language(request.query_params.get("lang"))),
            (THEME_COOKIE, request.query_params.get("theme"), theme_of(request)),
        ):
            if asked is not None and asked == known:
                answer.set_cookie(name, asked, max_age=_YEAR_S, samesite="lax")
            elif asked == FOLLOW_DEVICE:
                answer.delete_cookie(name)
        return answer

    def error(self, request: Request, status: int) -> Response:
        """A friendly page, or a line of JSON for machines."""
        title, advice = _ERRORS.get(status, _ERRORS[500])
        voice = voice_of(request)
        if request.url.path.startswith("/api/") or request.url.path == "/health":
            return JSONResponse({"error": voice.show(title), "advice": voice.show(advice)}, status)
        return self.page(request, "error.html", {"title": title, "advice": advice, "status": status}, status)


def _linker(request: Request) -> Any:
    """Makes an address of this page with some of its questions changed; None removes one."""

    def link_to(**changes: object) -> str:
        asked = dict(request.query_params) | {k: None if v is None else str(v) for k, v in changes.items()}
        kept = {k: v for k, v in asked.items() if v not in (None, "")}
        return f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path

    return link_to


def shown_values(values: Mapping[str, float], layer: str) -> list[str]:
    """The few values that a row of a table has room for; a meter that we do not know shows its first ones."""
    known = [*RATE_NAMES.get(layer, ()), *_HEADLINES]
    chosen = [name for name in known if name in values]
    return chosen or sorted(values)[:3]


def layer_rates() -> list[tuple[str, float]]:
    """What a line of 100 Mbps on the wire carries at each layer, best case."""
    model = HeaderModel()
    wire = best_share(model, Layer.WIRE)
    return [(layer.value, 100 * wire / best_share(model, layer)) for layer in reversed(Layer)]


def static_stamp() -> str:
    """A word that changes when a static file changes, so that browsers may keep what they have."""
    total = 0
    for file in sorted((HERE / "static").iterdir()):
        total = crc32(file.read_bytes(), total)
    return f"{total:08x}"

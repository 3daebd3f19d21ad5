"""Refusals as RFC 9457 problem details: a kind for machines, one sentence for people in their language."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from starlette.responses import Response

from doxa_core.language import Language, Text

MEDIA: Final = "application/problem+json"


class Problem(Enum):
    """The kinds of refusals: status, word and title."""

    BAD_PARAMETER = (400, "bad-parameter", Text(vi="Tham số không hợp lệ", en="A parameter is not valid"))
    UNKNOWN_PARAMETER = (400, "unknown-parameter", Text(vi="Tham số không có", en="There is no such parameter"))
    BAD_CURSOR = (400, "bad-cursor", Text(vi="Con trỏ trang không hợp lệ", en="The cursor is not valid"))
    NO_SPAN = (400, "no-span", Text(vi="Khoảng thời gian trống", en="An empty span of time"))
    NO_TOKEN = (401, "no-token", Text(vi="Cần mã truy cập", en="A token is needed"))
    NOT_FOR_YOU = (403, "not-for-this-scope", Text(vi="Mã này không được xem", en="Not for this token"))
    NOT_FOUND = (404, "not-found", Text(vi="Không tìm thấy", en="Not found"))
    BAD_METHOD = (405, "read-only", Text(vi="Chỉ đọc", en="Read only"))
    NOT_ACCEPTABLE = (406, "not-acceptable", Text(vi="Không có định dạng này", en="There is no such format"))
    TOO_MANY = (429, "too-many-wrong-tokens", Text(vi="Sai mã quá nhiều lần", en="Too many wrong tokens"))
    OUR_FAULT = (500, "our-fault", Text(vi="Lỗi của hệ thống", en="Our own fault"))
    BUSY = (503, "busy", Text(vi="Đang bận", en="Busy"))
    DAMAGED = (503, "evidence-damaged", Text(vi="Không chứng minh được", en="It cannot be proved"))

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def word(self) -> str:
        """The last part of the type."""
        return self.value[1]

    @property
    def title(self) -> Text:
        """The kind in a few words."""
        return self.value[2]


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - an answer that is a problem, no fault of ours
    """A request that is not answered, and why."""

    problem: Problem
    detail: Text
    headers: Mapping[str, str] = field(default_factory=dict)
    known: Sequence[str] | None = None
    """What may be written instead."""


def problem_schema() -> dict[str, Any]:
    """As OpenAPI says it."""
    words = [f"urn:doxa:problem:{one.word}" for one in Problem]
    return {
        "type": "object",
        "description": "RFC 9457: why a request was refused. `detail` is one sentence in the language of Accept-Language.",
        "properties": {
            "type": {"type": "string", "enum": words},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "known": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What may be written instead: the parameters, or the values of one.",
            },
        },
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": False,
    }


def refused(refusal: Refusal, lang: Language) -> Response:
    """The answer to a request that is refused."""
    problem = refusal.problem
    body: dict[str, Any] = {
        "type": f"urn:doxa:problem:{problem.word}",
        "title": problem.title.in_language(lang),
        "status": problem.status,
        "detail": refusal.detail.in_language(lang),
    }
    if refusal.known is not None:
        body["known"] = list(refusal.known)
    headers = {"Content-Language": lang, "Cache-Control": "no-store", "Vary": "Accept-Language", **refusal.headers}
    return Response(json.dumps(body, ensure_ascii=False), problem.status, headers, MEDIA)

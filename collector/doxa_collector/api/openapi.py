"""The description of the API (OpenAPI 3.1), made of the declarations that serve it."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from doxa_collector.api import csvform
from doxa_collector.api.params import Param
from doxa_collector.api.problem import MEDIA, Problem, problem_schema
from doxa_collector.api.resource import Resource
from doxa_collector.api.types import TEXT_SCHEMA, Record
from doxa_core import __version__

API_VERSION: Final = "1.0.0"
_ALWAYS: Final = (401, 429, 500, 503)


def describe(resources: Sequence[Resource]) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {one.path: {"get": _operation(one)} for one in resources}
    paths["/openapi.json"] = {"get": _of_itself()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "doxa", "version": API_VERSION, "description": _ABOUT, "license": _LICENSE},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": _BEARER}},
            "schemas": {
                "Text": TEXT_SCHEMA,
                "Problem": problem_schema(),
                **{record.name: record.whole_schema() for record in _records(resources)},
            },
            "responses": {str(status): _refusal(status) for status in sorted({p.status for p in Problem})},
            "headers": _HEADERS,
        },
    }


def _records(resources: Sequence[Resource]) -> Iterator[Record]:
    for resource in resources:
        if resource.record is not None:
            yield from resource.record.records()


def _operation(one: Resource) -> dict[str, Any]:
    parameters = [_parameter(p, "path") for p in one.in_path] + [_parameter(p, "query") for p in one.in_query]
    answers: dict[str, Any] = {"200": _answer(one), "304": _NOT_MODIFIED}
    refusals = {*_ALWAYS, *one.refusals, 400}
    refusals |= {404} if one.in_path else set()
    refusals |= set() if one.media else {406}
    answers |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(refusals)}
    return {
        "operationId": one.name,
        "summary": f"{one.title.en} ({one.title.vi})",
        "description": one.about,
        "parameters": parameters,
        "responses": answers,
    }


def _parameter(param: Param, where: str) -> dict[str, Any]:
    return {
        "name": param.name, "in": where, "required": where == "path" or param.required, "description": param.about,
        "schema": dict(param.says),
    }  # fmt: skip


def _answer(one: Resource) -> dict[str, Any]:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in ("ETag", "Cache-Control", "Vary")}
    if one.is_list:
        headers["Link"] = {"$ref": "#/components/headers/Link"}
    return {"description": one.title.en, "headers": headers, "content": _content(one)}


def _content(one: Resource) -> dict[str, Any]:
    if one.media:
        return {media: {} for media in one.media}
    assert one.record is not None
    if not one.is_list:
        return {"application/json": {"schema": one.record.schema()}}
    schema = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": one.record.schema(), "maxItems": one.most},
            "next": {"type": "string", "description": "The cursor of the next page; absent on the last one."},
        },
        "required": ["items"],
        "additionalProperties": False,
    }
    return {"application/json": {"schema": schema}, csvform.MEDIA: {"schema": {"type": "string"}}}


def _refusal(status: int) -> dict[str, Any]:
    title = " / ".join(problem.title.en for problem in Problem if problem.status == status)
    found: dict[str, Any] = {
        "description": title,
        "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        found["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    if status == 401:
        found["headers"] = {"WWW-Authenticate": {"$ref": "#/components/headers/WWW-Authenticate"}}
    return found


def _of_itself() -> dict[str, Any]:
    answers: dict[str, Any] = {
        "200": {
            "description": "An OpenAPI 3.1 document",
            "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        "304": _NOT_MODIFIED,
    }
    answers |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted((400, *_ALWAYS))}
    return {
        "operationId": "description",
        "summary": "This description (mô tả API)",
        "parameters": [],
        "responses": answers,
    }


_LICENSE: Final = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_NOT_MODIFIED: Final = {"description": "You have it already (If-None-Match)."}
_BEARER: Final = (
    "A token of [web.api] tokens_file, of scope `public` or `internal`, or the page's own token (scope `office`: what the page "
    "shows). Without a token of the page the API is open to those to whom the page is: this machine."
)
_HEADERS: Final[dict[str, Any]] = {
    "ETag": {
        "description": "Send it back in If-None-Match. Strong for closed months and documents, weak for what may change.",
        "schema": {"type": "string"},
    },
    "Cache-Control": {"description": "`immutable` where a revision was named.", "schema": {"type": "string"}},
    "Vary": {"description": "What the answer depends on.", "schema": {"type": "string"}},
    "Link": {"description": 'The next page, rel="next" (RFC 8288); also for CSV.', "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}},
}
_ABOUT: Final = f"""What doxa {__version__} measured and judged, for other systems. Read only.

* Moments are RFC 3339 in Vietnamese time (+07:00). Months and days are Vietnamese calendar months and days; both ends of
  `valid_from` and `valid_to` are included.
* A number has its unit in its name (`contracted_down_mbps`) or beside it (`unit`), a rate its layer likewise. Rates are
  decimal megabits per second.
* What is not known is absent: never null, never 0.
* Lists have `limit` and `cursor`; the next page's cursor is `next`, and the header Link. Rows that arrive while you read
  never shift the pages.
* Lists come as JSON, or as CSV by `Accept: text/csv` or `format=csv`: UTF-8 with a byte order mark, `decimal=comma` for
  Excel in Vietnamese. Text that begins with = + - or @ has an apostrophe before it, so that no spreadsheet computes it.
* Refusals are RFC 9457 problem details with one sentence, in Vietnamese or, by Accept-Language, in English. A parameter
  that is not known, or given twice, is refused.
* HEAD and If-None-Match work everywhere. Four requests are read at the same time, the others wait; one document is made at
  a time, and who comes meanwhile gets 503 with Retry-After.
"""

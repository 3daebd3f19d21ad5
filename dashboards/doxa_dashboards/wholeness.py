"""What every built page must be, whoever wrote it: nothing overlaps, nothing is unnamed, nothing leads nowhere."""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Final

from doxa_core.language import LANGUAGES, Text
from doxa_dashboards import build, pages
from doxa_dashboards.catalogue import Tier
from doxa_dashboards.panel import MIXED
from doxa_dashboards.style import GRID

SOURCES: Final = frozenset({*Tier, MIXED})
"""The uids that a page may name."""
BUILT_IN: Final = frozenset({"__data", "__url_time_range", "__value", "__field", "__from", "__to"})
"""Variables of Grafana's own."""
_VARIABLE = re.compile(r"\$\{(\w+)(?:[.:][^}]*|\[[^}]*)?\}")
_CLICKED = re.compile(r'__data\.fields\["([^"]+)"\]')
_PAGE = re.compile(r"/d/([a-z0-9-]+)")


def faults_of_all() -> Iterator[Text]:
    """The faults of every page in every language."""
    for spoken in LANGUAGES:
        known = {build.built(name, spoken)["uid"] for name in pages.names()}
        for name in pages.names():
            yield from (_AT.fill(page=name, what=fault) for fault in faults(build.built(name, spoken), known))


def faults(page: Mapping[str, Any], known: set[str]) -> Iterator[Text]:
    """The faults of one built page; `known` are the uids that a link may lead to."""
    panels = page["panels"]
    for one, other in combinations(panels, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield _OVERLAP.fill(one=one["title"], other=other["title"])
    for panel in panels:
        if panel["type"] != "row":
            yield from _of_panel(panel)
    numbers = [panel["id"] for panel in panels]
    if len(set(numbers)) < len(numbers):
        yield _TWINS
    yield from _of_names(page, known)


def _overlap(a: Mapping[str, int], b: Mapping[str, int]) -> bool:
    return (
        a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
    )


def _of_panel(panel: Mapping[str, Any]) -> Iterator[Text]:
    title = panel.get("title", "?")
    shown = panel.get("fieldConfig", {}).get("defaults", {})
    needs = {
        "title": panel.get("title"),
        "description": panel.get("description"),
        "noValue": shown.get("noValue"),
        "unit": shown.get("unit"),
        "decimals": None if shown.get("decimals") is None else True,
        "targets": panel.get("targets"),
    }
    for what, there in needs.items():
        if not there:
            yield _LACKS.fill(title=title, what=what)
    if len(panel.get("description", "")) < len(title):
        yield _SHORT.fill(title=title)
    refs = [target["refId"] for target in panel.get("targets", ())]
    if len(set(refs)) < len(refs):
        yield _REFS.fill(title=title)
    if shown.get("thresholds"):
        yield _CONSTANT.fill(title=title)
    yield from _of_clicks(panel)
    for target in panel.get("targets", ()):
        grouped = target["query"].rpartition("GROUP BY")[2]
        for tag in re.findall(r"\$tag_(\w+)", target.get("alias", "")):
            if f'"{tag}"' not in grouped:
                yield _NO_TAG.fill(title=title, tag=tag)
    grid = panel["gridPos"]
    if grid["x"] + grid["w"] > GRID or grid["h"] < 1:
        yield _OUTSIDE.fill(title=title)


def _of_clicks(panel: Mapping[str, Any]) -> Iterator[Text]:
    """A click takes its variables from columns of the clicked row: they must be there."""
    steps = panel.get("transformations") or ()
    kept = {name for step in steps for name in step["options"].get("include", {}).get("names", ())}
    made = {name for step in steps for name in re.findall(r"\?<(\w+)>", step["options"].get("regExp", ""))}
    for text in _texts(panel.get("fieldConfig", {}).get("overrides", [])):
        for name in _CLICKED.findall(text):
            if name not in kept | made:
                yield _NO_COLUMN.fill(title=panel["title"], name=name)


def _of_names(page: Mapping[str, Any], known: set[str]) -> Iterator[Text]:
    """Data sources, variables and pages that are named anywhere in the document."""
    defined = {variable["name"] for variable in page["templating"]["list"]} | BUILT_IN
    for text in _texts(page):
        for name in _VARIABLE.findall(text):
            if name not in defined:
                yield _VARIABLE_UNKNOWN.fill(name=name, text=text[:80])
        for uid in _PAGE.findall(text):
            if uid not in known:
                yield _NOWHERE.fill(uid=uid)
    for uid in _sources(page):
        if uid not in SOURCES:
            yield _SOURCE.fill(uid=uid)
    used = {name for text in _texts(page["panels"]) for name in _VARIABLE.findall(text)}
    used |= {
        name for text in _texts([*page["templating"]["list"], page["annotations"]]) for name in _VARIABLE.findall(text)
    }
    for name in sorted(defined - BUILT_IN - used):
        yield _UNUSED.fill(name=name)


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _texts(child)


def _sources(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("datasource"), dict):
            yield node["datasource"].get("uid", "?")
        for child in node.values():
            yield from _sources(child)
    elif isinstance(node, list):
        for child in node:
            yield from _sources(child)


_AT = Text(vi="trang {page}: {what}", en="page {page}: {what}")
_OVERLAP = Text(vi="ô «{one}» đè lên «{other}»", en="the panels '{one}' and '{other}' overlap")
_TWINS = Text(vi="hai ô cùng số", en="two panels have one id")
_LACKS = Text(vi="ô «{title}» thiếu {what}", en="the panel '{title}' lacks {what}")
_SHORT = Text(vi="ô «{title}»: mô tả ngắn hơn tên", en="the panel '{title}': its description is shorter than its title")
_REFS = Text(vi="ô «{title}»: hai truy vấn cùng tên", en="the panel '{title}': two queries have one refId")
_CONSTANT = Text(
    vi="ô «{title}»: ngưỡng phải lấy từ chuỗi chỉ tiêu, không ghi cố định",
    en="the panel '{title}': thresholds come from the target series, not from a constant",
)
_OUTSIDE = Text(vi="ô «{title}» nằm ngoài lưới", en="the panel '{title}' leaves the grid")
_NO_TAG = Text(
    vi="ô «{title}»: tên chuỗi cần nhãn «{tag}» mà truy vấn không chia theo",
    en="the panel '{title}': a series' name needs the tag '{tag}', by which the query does not group",
)
_NO_COLUMN = Text(
    vi="ô «{title}»: liên kết cần cột «{name}»", en="the panel '{title}': a link needs the column '{name}'"
)
_VARIABLE_UNKNOWN = Text(vi="không có biến «{name}» ({text})", en="there is no variable '{name}' ({text})")
_UNUSED = Text(vi="biến «{name}» không dùng ở đâu", en="the variable '{name}' is used nowhere")
_NOWHERE = Text(vi="liên kết tới trang không có: {uid}", en="a link leads to no page: {uid}")
_SOURCE = Text(vi="không có nguồn dữ liệu {uid}", en="there is no data source {uid}")

"""What is published to an audience: folders, dashboards and alert rules, all from code."""

import copy
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from doxa_dashboards.alerting.model import GROUPS
from doxa_dashboards.alerting.registry import all_rules
from doxa_dashboards.alerting.render import rendered
from doxa_dashboards.publish.settings import Audience, Org

OPEN: Final = "doxa-chung"
CLOSED: Final = "doxa-noi-bo"
ALARMS: Final = "doxa-canh-bao"
TAG: Final = "doxa"
"""Every dashboard of ours carries it."""
_TITLES: Final = {OPEN: "Đo xã", CLOSED: "Đo xã – Nội bộ", ALARMS: "Đo xã – Cảnh báo"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One dashboard as the code builds it."""

    model: dict[str, Any]
    internal: bool
    """Whether it is *nội bộ*: TSLCD, the system's own health."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard as it is to be in a folder."""

    folder: str
    model: dict[str, Any]

    @property
    def uid(self) -> str:
        """Its uid."""
        return str(self.model["uid"])

    @property
    def message(self) -> str:
        """What Grafana's history says of the version that we save: it changes with the content."""
        text = json.dumps(self.model, sort_keys=True, ensure_ascii=False)
        return f"doxa {hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything for one organisation."""

    folders: dict[str, str]
    """Titles by uid."""
    boards: tuple[Board, ...]
    rules: tuple[dict[str, Any], ...]
    groups: dict[str, int]
    """Seconds between evaluations, by the name of the group."""


def content_for(org: Org, org_id: int, pages: Sequence[Page]) -> Content:
    """What `org` gets: a public one neither internal pages nor alert rules."""
    shown = [page for page in pages if org.audience is Audience.INTERNAL or not page.internal]
    hidden = _uids(pages) - _uids(shown)
    boards = [Board(folder=CLOSED if page.internal else OPEN, model=_prepared(page.model, hidden)) for page in shown]
    for province in org.provinces:
        boards += _of_province(province, [page for page in shown if not page.internal], _uids(pages))
    rules = [rendered(rule, folder=ALARMS, org_id=org_id) for rule in all_rules()] if org.alerts else []
    return Content(
        folders=_folders(org, internal=any(page.internal for page in shown)),
        boards=tuple(sorted(boards, key=lambda board: board.uid)),
        rules=tuple(rules),
        groups={name: every for name, every in GROUPS.items() if any(rule["ruleGroup"] == name for rule in rules)},
    )


def province_folder(province: str) -> str:
    """The folder of a province that has a team."""
    return f"doxa-p{province}"


def _folders(org: Org, *, internal: bool) -> dict[str, str]:
    wanted = [OPEN, *([CLOSED] if internal else []), *([ALARMS] if org.alerts else [])]
    own = {province_folder(province): f"Đo xã – Tỉnh {province}" for province in org.provinces}
    return {uid: _TITLES[uid] for uid in wanted} | own


def _uids(pages: Sequence[Page]) -> set[str]:
    return {str(page.model["uid"]) for page in pages}


def _prepared(model: dict[str, Any], hidden: set[str]) -> dict[str, Any]:
    """With our tag, and without links to pages that these viewers do not have."""
    tags = model.get("tags") or []
    known = {key: value for key, value in model.items() if key not in ("id", "version")}
    led: dict[str, Any] = _without_links(known, hidden)
    return led | {"tags": tags if TAG in tags else [*tags, TAG]}


def _without_links(value: Any, hidden: set[str]) -> Any:
    if isinstance(value, list):
        return [_without_links(one, hidden) for one in value if not _leads_to(one, hidden)]
    if isinstance(value, dict):
        return {key: _without_links(inner, hidden) for key, inner in value.items()}
    return value


def _leads_to(value: Any, hidden: set[str]) -> bool:
    found = _PAGE.match(str(value.get("url", ""))) if isinstance(value, dict) else None
    return found is not None and found[1] in hidden


_PAGE: Final = re.compile(r"/d/([^/?]+)")


def _of_province(province: str, pages: Sequence[Page], everything: set[str]) -> Iterator[Board]:
    """Copies of the pages that ask for a province, with the answer given: same panels, own uid, links among themselves."""
    copied = [page.model for page in pages if any(_asks_province(v) for v in _variables(page.model))]
    uids = {str(model["uid"]) for model in copied}
    for model in copied:
        text = json.dumps(_prepared(model, everything - uids), ensure_ascii=False)
        for uid in sorted(uids):
            for end in ('"', "?", "/"):
                text = text.replace(f"/d/{uid}{end}", f"/d/{uid}-p{province}{end}")
        own = json.loads(text)
        own["uid"] = f"{model['uid']}-p{province}"
        own["title"] = f"{model['title']} – {province}"
        own["templating"]["list"] = [
            _answered(variable, province) if _asks_province(variable) else variable for variable in _variables(own)
        ]
        yield Board(folder=province_folder(province), model=own)


def _variables(model: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = model.get("templating", {}).get("list", [])
    return found


def _asks_province(variable: dict[str, Any]) -> bool:
    return variable.get("name") == "province"


def _answered(variable: dict[str, Any], province: str) -> dict[str, Any]:
    """The variable as a constant, which people cannot change in the page."""
    kept = {key: copy.deepcopy(variable[key]) for key in ("name", "label", "description") if key in variable}
    value = {"text": province, "value": province}
    return kept | {"type": "constant", "hide": 2, "query": province, "current": value, "skipUrlSync": True}

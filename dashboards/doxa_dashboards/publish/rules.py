"""Alert rules and how often their groups are evaluated. A rule that somebody paused stays paused."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from doxa_dashboards.alerting.render import LABEL
from doxa_dashboards.publish.api import Api
from doxa_dashboards.publish.content import ALARMS
from doxa_dashboards.publish.differences import Difference, differences
from doxa_dashboards.publish.provenance import FROM_FILE, LOCKED, headers_for
from doxa_dashboards.publish.scene import PREFIX, Scene, part
from doxa_dashboards.publish.step import Action, Kind, Step

_PATH: Final = "/v1/provisioning/alert-rules"
_WHOLE: Final = ("labels", "annotations")
"""Fields in which an addition by hand counts as a change."""
_GRAFANAS: Final = ("id", "updated", "provenance")


def plan(scene: Scene) -> Iterator[Step]:
    """A step for each rule that is wanted, for each of ours that no longer is, and for each group."""
    found = {str(rule["uid"]): rule for rule in scene.api.get(_PATH)}
    wanted = {str(rule["uid"]): rule for rule in scene.content.rules}
    for uid, rule in wanted.items():
        yield _wanted(scene.api, rule, found.get(uid))
    for uid, rule in found.items():
        if uid.startswith(PREFIX) and LABEL in (rule.get("labels") or {}) and uid not in wanted:
            yield _unwanted(scene, rule)
    for group, every_s in scene.content.groups.items():
        yield _group(scene.api, group, every_s)


def _wanted(api: Api, rule: dict[str, Any], found: dict[str, Any] | None) -> Step:
    name = f"{rule['title']} ({rule['uid']})"
    if found is None:
        make = partial(api.post, _PATH, rule, headers_for(None))
        return Step(kind=Kind.RULE, name=name, action=Action.CREATE, do=make)
    changes = tuple(_changes(found, rule))
    if not changes:
        return Step(kind=Kind.RULE, name=name, action=Action.KEEP)
    if found.get("provenance") == FROM_FILE:
        return Step(kind=Kind.RULE, name=name, action=Action.BLOCKED, changes=changes, note=LOCKED)
    body = _sendable(found) | rule
    write = partial(api.put, f"{_PATH}/{part(rule['uid'])}", body, headers_for(found.get("provenance")))
    return Step(kind=Kind.RULE, name=name, action=Action.CHANGE, changes=changes, do=write)


def _sendable(found: dict[str, Any]) -> dict[str, Any]:
    """A rule as it came, less what only Grafana sets and what is not there (null in an answer, refused in a request)."""
    return {key: value for key, value in found.items() if key not in _GRAFANAS and value is not None}


def _changes(found: dict[str, Any], rule: dict[str, Any]) -> Iterator[Difference]:
    rest = {key: value for key, value in rule.items() if key not in _WHOLE}
    yield from differences(found, rest, whole=False)
    for key in _WHOLE:
        yield from differences(found.get(key), rule[key], whole=True, path=key)


def _unwanted(scene: Scene, rule: dict[str, Any]) -> Step:
    name = f"{rule['title']} ({rule['uid']})"
    if rule.get("provenance") == FROM_FILE:
        return Step(kind=Kind.RULE, name=name, action=Action.BLOCKED, note=LOCKED)
    remove = partial(scene.api.delete, f"{_PATH}/{part(str(rule['uid']))}", headers_for(rule.get("provenance")))
    return Step(kind=Kind.RULE, name=name, action=Action.DELETE if scene.prune else Action.LEFT, do=remove)


def _group_path(group: str) -> str:
    return f"/v1/provisioning/folder/{part(ALARMS)}/rule-groups/{part(group)}"


def _group(api: Api, group: str, every_s: int) -> Step:
    found = api.find(_group_path(group))
    write = partial(_write_interval, api, group, every_s)
    if found is None:
        return Step(kind=Kind.GROUP, name=group, action=Action.CREATE, do=write)
    if found.get("interval") == every_s:
        return Step(kind=Kind.GROUP, name=group, action=Action.KEEP)
    change = Difference("interval", found.get("interval"), every_s)
    return Step(kind=Kind.GROUP, name=group, action=Action.CHANGE, changes=(change,), do=write)


def _write_interval(api: Api, group: str, every_s: int) -> None:
    """A group is written with its rules: those that are in it now go back as they came, foreign ones too."""
    found = api.get(_group_path(group))
    if found.get("interval") == every_s:
        return
    owners = {rule.get("provenance") or "" for rule in found["rules"]}
    headers = headers_for("api" if "api" in owners else None)
    api.put(
        _group_path(group),
        found | {"interval": every_s, "rules": [_sendable(rule) for rule in found["rules"]]},
        headers,
    )

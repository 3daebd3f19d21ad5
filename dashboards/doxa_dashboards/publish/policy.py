"""Our branch of Grafana's one tree of notification policies; every other branch goes back exactly as it came.

The branch takes all alarms that carry our label and sends them to the contacts of the settings. The first contact also
gets what no other one wants.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_dashboards.alerting.render import LABEL
from doxa_dashboards.publish.api import Api
from doxa_dashboards.publish.contact_settings import Contact
from doxa_dashboards.publish.differences import Difference, differences
from doxa_dashboards.publish.provenance import FROM_FILE, LOCKED, headers_for
from doxa_dashboards.publish.scene import Scene
from doxa_dashboards.publish.step import Action, Kind, Step

_PATH: Final = "/v1/provisioning/policies"
_OURS: Final = [LABEL, "=~", ".+"]
_NAME: Final = f"{LABEL} =~ .+"


def plan(scene: Scene) -> Iterator[Step]:
    """One step, where there is something to do or to keep."""
    if not scene.org.contacts and not scene.org.alerts:
        return
    tree = scene.api.get(_PATH)
    found, wanted = _branch(tree), branch_for(scene.org.contacts)
    if found is None and wanted is None:
        return
    changes = tuple(_changes(found, wanted))
    if not changes:
        yield Step(kind=Kind.POLICY, name=_NAME, action=Action.KEEP)
        return
    if wanted is None and not scene.prune:
        yield Step(kind=Kind.POLICY, name=_NAME, action=Action.LEFT)
        return
    if tree.get("provenance") == FROM_FILE:
        yield Step(kind=Kind.POLICY, name=_NAME, action=Action.BLOCKED, changes=changes, note=LOCKED)
        return
    action = Action.CREATE if found is None else Action.DELETE if wanted is None else Action.CHANGE
    told = changes if action is Action.CHANGE else ()
    yield Step(kind=Kind.POLICY, name=_NAME, action=action, changes=told, do=partial(_write, scene.api, tree, wanted))


def branch_for(contacts: Sequence[Contact]) -> dict[str, Any] | None:
    """Our branch; None where nobody is to be told by it."""
    if not contacts:
        return None
    branch = {
        "receiver": contacts[0].title,
        "object_matchers": [_OURS],
        "group_by": ["alertname", "province"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "12h",
    }
    if len(contacts) == 1:
        return branch
    return branch | {"routes": [_route(contact) for contact in contacts]}


def _route(contact: Contact) -> dict[str, Any]:
    matchers = [
        [label, "=~", "|".join(values)]
        for label, values in (("province", contact.provinces), ("severity", contact.severities))
        if values
    ]
    return {"receiver": contact.title, "object_matchers": matchers or [_OURS], "continue": True}


def _is_ours(route: dict[str, Any]) -> bool:
    return _OURS in (route.get("object_matchers") or [])


def _branch(tree: dict[str, Any]) -> dict[str, Any] | None:
    return next((route for route in tree.get("routes") or [] if _is_ours(route)), None)


def _changes(found: dict[str, Any] | None, wanted: dict[str, Any] | None) -> Iterator[Difference]:
    """`routes` is named even where we want none, so a route that somebody put into our branch is seen."""
    if found is None or wanted is None:
        yield Difference(".", found, wanted)
    else:
        yield from differences(found, {"routes": [], **wanted}, whole=False)


def _write(api: Api, seen: dict[str, Any], wanted: dict[str, Any] | None) -> None:
    """Put the tree back with our branch in it. Grafana knows no version of it, so look once more just before."""
    tree = api.get(_PATH)
    if tree != seen:
        raise OperationError(_CHANGED)
    routes: list[dict[str, Any]] = list(tree.get("routes") or [])
    at = next((place for place, route in enumerate(routes) if _is_ours(route)), None)
    if at is not None:
        old = {key: value for key, value in routes[at].items() if key != "routes"}
        routes[at : at + 1] = [] if wanted is None else [old | wanted]
    elif wanted is not None:
        routes.insert(0, wanted)  # before a foreign branch that takes whatever is severe
    body = {key: value for key, value in tree.items() if key != "provenance"}
    api.put(_PATH, body | {"routes": routes}, headers_for(tree.get("provenance")))


_CHANGED = Text(
    vi="cây định tuyến cảnh báo vừa bị người khác sửa; hãy chạy lại",
    en="somebody has just changed the notification policies; run again",
)

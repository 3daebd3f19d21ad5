"""Who may see and change what is in our folders.

We rule over the roles Viewer and Editor and the teams of the settings; a permission that somebody gave to a person or to
another team stays as it is.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from doxa_dashboards.publish.api import Api
from doxa_dashboards.publish.content import ALARMS, CLOSED, OPEN, province_folder
from doxa_dashboards.publish.differences import NOTHING, Difference
from doxa_dashboards.publish.scene import Scene, part
from doxa_dashboards.publish.settings import Access, Audience, Org
from doxa_dashboards.publish.step import Action, Kind, Step
from doxa_dashboards.publish.teams import team_id

_LEVELS: Final = {Access.VIEW: 1, Access.EDIT: 2}
_ROLES: Final = ("Viewer", "Editor")

Subject = tuple[str, str]
"""`("role", "Viewer")` or `("team", "NOC")`."""


def plan(scene: Scene) -> Iterator[Step]:
    """A step for each folder."""
    for uid, title in scene.content.folders.items():
        wanted = wanted_for(scene.org, uid)
        exists = scene.api.find(f"/folders/{part(uid)}") is not None
        found = _ruled(scene.org, _entries(scene.api, uid)) if exists else {}
        changes = tuple(_differences(found, wanted))
        # Grafana lets all viewers and editors into a folder that is made anew, so there is always something to write.
        action = Action.CREATE if not exists else Action.CHANGE if changes else Action.KEEP
        write = partial(_write, scene.api, scene.org, uid)
        yield Step(kind=Kind.PERMISSIONS, name=f"{title} ({uid})", action=action, changes=changes, do=write)


def wanted_for(org: Org, folder: str) -> dict[Subject, int]:
    """Grafana's levels (1 view, 2 edit) by subject. Admins of the organisation need none."""
    if org.audience is Audience.PUBLIC:
        roles: dict[Subject, int] = {("role", "Viewer"): 1} if folder == OPEN else {}
    else:
        roles = {}
    teams = {
        ("team", team.name): _LEVELS[team.access] for team in org.teams if _sees(team.province, team.access, folder)
    }
    return roles | teams


def _sees(province: str | None, access: Access, folder: str) -> bool:
    """A team of a province sees its own folder; another sees all, and the internal ones only where it may edit."""
    if province is not None:
        return folder == province_folder(province)
    return access is Access.EDIT or folder not in (CLOSED, ALARMS)


def _entries(api: Api, uid: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/folders/{part(uid)}/permissions")
    return [entry for entry in found if not entry.get("inherited")]


def _subject(entry: Mapping[str, Any]) -> Subject | None:
    if entry.get("role"):
        return ("role", str(entry["role"]))
    return ("team", str(entry["team"])) if entry.get("team") else None


def _ruled(org: Org, entries: list[dict[str, Any]]) -> dict[Subject, int]:
    """The entries over which we rule."""
    ours = {("role", role) for role in _ROLES} | {("team", team.name) for team in org.teams}
    found = {}
    for entry in entries:
        subject = _subject(entry)
        if subject is not None and subject in ours:
            found[subject] = int(entry["permission"])
    return found


def _differences(found: Mapping[Subject, int], wanted: Mapping[Subject, int]) -> Iterator[Difference]:
    for subject in sorted(found.keys() | wanted.keys()):
        before, after = (_NAMES.get(levels.get(subject, 0), NOTHING) for levels in (found, wanted))
        if before != after:
            yield Difference(" ".join(subject), before, after)


def _write(api: Api, org: Org, uid: str) -> None:
    """Read again, since Grafana itself gives a new folder permissions; write ours and what we do not rule over."""
    entries = _entries(api, uid)
    ruled = _ruled(org, entries)
    kept = [_foreign(entry) for entry in entries if _subject(entry) not in ruled]
    wanted = wanted_for(org, uid)
    if ruled != wanted:
        api.post(
            f"/folders/{part(uid)}/permissions", {"items": [*kept, *(_item(api, s, n) for s, n in wanted.items())]}
        )


def _foreign(entry: dict[str, Any]) -> dict[str, Any]:
    subject = {key: entry[key] for key in ("role", "teamId", "userId") if entry.get(key)}
    return {**subject, "permission": entry["permission"]}


def _item(api: Api, subject: Subject, level: int) -> dict[str, Any]:
    kind, name = subject
    if kind == "role":
        return {"role": name, "permission": level}
    return {"teamId": team_id(api, name), "permission": level}


_NAMES: Final = {1: "View", 2: "Edit", 4: "Admin"}

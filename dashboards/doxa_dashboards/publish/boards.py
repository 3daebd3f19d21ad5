"""Dashboards. What somebody changed by hand is seen, shown field by field, and put right by publish only."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from doxa_core.language import Text
from doxa_dashboards.publish.api import Api
from doxa_dashboards.publish.content import TAG, Board
from doxa_dashboards.publish.differences import Difference, differences
from doxa_dashboards.publish.scene import PREFIX, Scene, part, search
from doxa_dashboards.publish.step import Action, Kind, Step


def plan(scene: Scene) -> Iterator[Step]:
    """A step for each dashboard that is wanted, and for each of ours that no longer is."""
    for board in scene.content.boards:
        yield _wanted(scene.api, board)
    wanted = {board.uid for board in scene.content.boards}
    for hit in search(scene.api, type="dash-db", tag=TAG):
        uid = str(hit["uid"])
        if uid.startswith(PREFIX) and uid not in wanted:
            remove = partial(scene.api.delete, f"/dashboards/uid/{part(uid)}")
            action = Action.DELETE if scene.prune else Action.LEFT
            yield Step(kind=Kind.DASHBOARD, name=f"{hit['title']} ({uid})", action=action, do=remove)


def _wanted(api: Api, board: Board) -> Step:
    name = f"{board.model['title']} ({board.uid})"
    answer = api.find(f"/dashboards/uid/{part(board.uid)}")
    if answer is None:
        return Step(kind=Kind.DASHBOARD, name=name, action=Action.CREATE, do=partial(_save, api, board, None))
    found, meta = answer["dashboard"], answer["meta"]
    changes = tuple(_changes(api, board, found, str(meta.get("folderUid") or "")))
    if not changes:
        return Step(kind=Kind.DASHBOARD, name=name, action=Action.KEEP)
    if meta.get("provisioned"):
        return Step(kind=Kind.DASHBOARD, name=name, action=Action.BLOCKED, changes=changes, note=_PROVISIONED)
    save = partial(_save, api, board, found.get("version"))
    return Step(kind=Kind.DASHBOARD, name=name, action=Action.CHANGE, changes=changes, do=save)


def _changes(api: Api, board: Board, found: dict[str, Any], folder: str) -> Iterator[Difference]:
    if folder != board.folder:
        yield Difference("folder", folder, board.folder)
    there = {key: value for key, value in found.items() if key not in ("id", "version")}
    changes = tuple(differences(there, board.model, whole=True))
    if changes and _newest_message(api, board.uid) != board.message:
        yield from changes


def _newest_message(api: Api, uid: str) -> str:
    """What the history says of the newest version.

    A Grafana that brings dashboards to its own newest form gives back other fields than we saved. If the newest version
    is the one that we saved from the same content, nobody changed it since.
    """
    found = api.get(f"/dashboards/uid/{part(uid)}/versions?limit=1")
    versions = found.get("versions", []) if isinstance(found, dict) else found  # a bare list before Grafana 11.3
    return str(versions[0].get("message", "")) if versions else ""


def _save(api: Api, board: Board, version: int | None) -> None:
    """With the version that we saw, so Grafana refuses if somebody saved it since."""
    model = {**board.model, "id": None, **({} if version is None else {"version": version})}
    api.post(
        "/dashboards/db",
        {"dashboard": model, "folderUid": board.folder, "message": board.message, "overwrite": False},
    )


_PROVISIONED = Text(
    vi="do tệp provisioning tạo ra; hãy sửa tệp đó, hoặc bỏ tệp rồi chạy lại",
    en="it comes from a provisioning file; change that file, or remove it and run again",
)

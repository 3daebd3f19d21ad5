"""Folders: ours are made, renamed back, and removed only with --prune and only when nothing is left in them."""

from collections.abc import Iterator
from functools import partial

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_dashboards.publish.api import Api
from doxa_dashboards.publish.differences import Difference
from doxa_dashboards.publish.scene import PREFIX, Scene, part, search
from doxa_dashboards.publish.step import Action, Kind, Step


def plan(scene: Scene) -> Iterator[Step]:
    """A step for each folder that is wanted, and for each of ours that no longer is."""
    for uid, title in scene.content.folders.items():
        yield _wanted(scene.api, uid, title)
    for hit in search(scene.api, type="dash-folder"):
        uid = str(hit["uid"])
        if uid.startswith(PREFIX) and uid not in scene.content.folders:
            remove = partial(_remove, scene.api, uid, str(hit["title"]))
            action = Action.DELETE if scene.prune else Action.LEFT
            yield Step(kind=Kind.FOLDER, name=f"{hit['title']} ({uid})", action=action, do=remove)


def _wanted(api: Api, uid: str, title: str) -> Step:
    name = f"{title} ({uid})"
    found = api.find(f"/folders/{part(uid)}")
    if found is None:
        make = partial(api.post, "/folders", {"uid": uid, "title": title})
        return Step(kind=Kind.FOLDER, name=name, action=Action.CREATE, do=make)
    if found["title"] == title:
        return Step(kind=Kind.FOLDER, name=name, action=Action.KEEP)
    body = {"title": title, "version": found.get("version", 0), "overwrite": False}
    rename = partial(api.put, f"/folders/{part(uid)}", body)
    change = Difference("title", found["title"], title)
    return Step(kind=Kind.FOLDER, name=name, action=Action.CHANGE, changes=(change,), do=rename)


def _remove(api: Api, uid: str, title: str) -> None:
    inside = {kind: count for kind, count in api.get(f"/folders/{part(uid)}/counts").items() if count}
    if inside:
        held = ", ".join(f"{kind}: {count}" for kind, count in sorted(inside.items()))
        raise OperationError(_NOT_EMPTY.fill(title=title, held=held))
    api.delete(f"/folders/{part(uid)}")


_NOT_EMPTY = Text(
    vi="thư mục «{title}» còn thứ không phải của doxa ({held}), nên được giữ lại; hãy chuyển chúng đi rồi chạy lại",
    en="the folder '{title}' holds what is not doxa's ({held}), so it stays; move that elsewhere and run again",
)

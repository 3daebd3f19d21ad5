"""The whole of an organisation: plan every step, do them in their order, and say what was done and what was not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_core.errors import OperationError
from doxa_core.language import Language, Text
from doxa_dashboards.publish import boards, contacts, folders, permissions, policy, rules, sources, teams
from doxa_dashboards.publish.api import Api
from doxa_dashboards.publish.content import Page, content_for
from doxa_dashboards.publish.scene import Scene
from doxa_dashboards.publish.settings import Audience, Org
from doxa_dashboards.publish.step import Action, Kind, Step

_ROOMS: Final = (teams, folders, permissions, sources, boards, contacts, policy, rules)
"""In the order in which things need each other."""
_REMOVING: Final = (Kind.RULE, Kind.DASHBOARD, Kind.POLICY, Kind.CONTACT, Kind.SOURCE, Kind.FOLDER)
"""Things go before what they stand on."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an organisation's steps."""

    done: tuple[Step, ...]
    failed: Step | None = None
    error: OperationError | None = None
    left: tuple[Step, ...] = ()
    """What was not tried any more."""


Library = Callable[[Sequence[Language]], Sequence[Page]]
"""Where the pages come from."""


def open_scene(org: Org, library: Library, *, prune: bool) -> Scene:
    """Connect; `OperationError` where Grafana is out of reach or does not take the token."""
    api = Api(org)
    org_id = int(api.get("/org")["id"])
    content = content_for(org, org_id, library(org.languages))
    return Scene(org=org, org_id=org_id, api=api, content=content, prune=prune)


def refuse_shared(scenes: Sequence[Scene]) -> None:
    """The public and the NOC in one organisation of Grafana: its viewers could ask every data source there."""
    seen: dict[tuple[str, int], Audience] = {}
    for scene in scenes:
        key = (scene.org.url.lower(), scene.org_id)
        if seen.setdefault(key, scene.org.audience) is not scene.org.audience:
            raise OperationError(_SHARED.fill(url=scene.org.url, number=scene.org_id))


def plan(scene: Scene) -> tuple[Step, ...]:
    """Every step, in the order of doing."""
    steps = [step for room in _ROOMS for step in room.plan(scene)]
    removing = [step for step in steps if step.action is Action.DELETE]
    removing.sort(key=lambda step: _REMOVING.index(step.kind))
    return (*(step for step in steps if step.action is not Action.DELETE), *removing)


def execute(steps: Sequence[Step]) -> Done:
    """Do what is to be done; the first refusal ends it, since later steps stand on earlier ones."""
    todo = [step for step in steps if step.action in (Action.CREATE, Action.CHANGE, Action.DELETE) and step.do]
    for number, step in enumerate(todo):
        try:
            if step.do is not None:
                step.do()
        except OperationError as error:
            return Done(tuple(todo[:number]), step, error, tuple(todo[number + 1 :]))
    return Done(tuple(todo))


_SHARED = Text(
    vi="{url}: hai token thuộc cùng một tổ chức (số {number}), mà một cho nội bộ, một cho công khai; "
    "hãy tạo tổ chức riêng cho công khai và token trong đó",
    en="{url}: two tokens belong to one organisation (number {number}), one for internal use and one for the public; "
    "make an organisation of its own for the public, and a token there",
)

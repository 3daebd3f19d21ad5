"""Teams: created where they are missing, never removed; who is in one is people's business (or the directory's)."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

from doxa_dashboards.publish.api import Api
from doxa_dashboards.publish.scene import Scene
from doxa_dashboards.publish.step import Action, Kind, Step


def plan(scene: Scene) -> Iterator[Step]:
    """A step for each team of the settings."""
    for team in scene.org.teams:
        there = team_id(scene.api, team.name) is not None
        make = None if there else partial(scene.api.post, "/teams", {"name": team.name})
        yield Step(kind=Kind.TEAM, name=team.name, action=Action.KEEP if there else Action.CREATE, do=make)


def team_id(api: Api, name: str) -> int | None:
    """The number of the team of exactly this name."""
    found = api.get("/teams/search?" + urlencode({"name": name, "perpage": 1000}))
    return next((int(team["id"]) for team in found["teams"] if team["name"] == name), None)

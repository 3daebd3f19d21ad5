"""What one organisation is to look like, and the way to it: what every kind of thing needs in order to plan its steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from doxa_dashboards.publish.api import Api
from doxa_dashboards.publish.content import Content
from doxa_dashboards.publish.settings import Org

PREFIX: Final = "doxa-"
"""Every uid of ours begins so; what does not is not ours."""
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One organisation, its Grafana, and what it is to show."""

    org: Org
    org_id: int
    api: Api
    content: Content
    prune: bool = False
    """Whether what is ours and no longer wanted is removed."""


def search(api: Api, **asked: str) -> Iterator[dict[str, Any]]:
    """Everything that Grafana's search finds, page by page."""
    number = 1
    while True:
        found: list[dict[str, Any]] = api.get("/search?" + urlencode(asked | {"limit": _PAGE, "page": number}))
        yield from found
        if len(found) < _PAGE:
            return
        number += 1


def part(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")

"""The API put together: what `web.app` mounts."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from doxa_collector.api.application import Api
from doxa_collector.api.door import Door, Limit
from doxa_collector.api.resource import Store
from doxa_collector.api.resources import all_resources
from doxa_collector.api.settings import Settings
from doxa_collector.api.tokens import Tokens
from doxa_collector.api.workshop import Workshop
from doxa_collector.nodes.tree import Tree
from doxa_collector.places.gazetteer import Gazetteer, load
from doxa_collector.places.overlay import FILE
from doxa_collector.plans.model import Plan


def create_api(
    engine: Engine,
    plans: Sequence[Plan],
    settings: Settings,
    *,
    tree: Callable[[], Tree],
    now: Callable[[], datetime],
    page: Callable[[str], bool] | None,
    limit: Limit,
    reveal: bool,
    hide: Callable[[str], str],
) -> Api:
    """The API over a ledger.

    `page` tells the page's token (None: it asks for none), `limit` counts wrong ones, `hide` masks addresses in words.
    """
    store = Store(
        plans=plans, tree=tree, gazetteer=_Places(settings.places_folder / FILE),
        workshop=Workshop(engine, settings.paper_file),
    )  # fmt: skip
    door = Door(tokens=Tokens(settings.tokens_file), limit=limit, page=page, reveal=reveal)
    return Api(engine, store, all_resources(), door, hide=hide, now=now)


class _Places:
    """The gazetteer, read when it is first asked for, and again after an import."""

    def __init__(self, overlay: Path) -> None:
        self._overlay = overlay
        self._stamp: tuple[int, int] | None = None
        self._found: Gazetteer | None = None

    def __call__(self) -> Gazetteer:
        stamp = self._now()
        if self._found is None or stamp != self._stamp:
            self._found, self._stamp = load(self._overlay), stamp
        return self._found

    def _now(self) -> tuple[int, int]:
        try:
            there = self._overlay.stat()
        except OSError:
            return 0, 0
        return there.st_mtime_ns, there.st_size

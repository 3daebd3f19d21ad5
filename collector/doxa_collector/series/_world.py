"""What streams may ask of the running service besides the ledger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from doxa_collector.alerts.model import Rule
from doxa_collector.alerts.rules import read_rules
from doxa_collector.ledger.reading import now_us
from doxa_collector.nodes.tree import Tree
from doxa_collector.plans.model import Plan
from doxa_collector.series._settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the intake does; asking for it never waits for the intake."""

    broker_connected: bool
    behind_s: float
    """How long the oldest message in hand waits for the ledger."""


def _no_plans() -> Sequence[Plan]:
    return ()


def _unknown() -> Health | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything is asked at the moment of writing, so a reload needs no new streams."""

    plans: Callable[[], Sequence[Plan]] = _no_plans
    """The plans in force."""
    tree: Callable[[], Tree] = field(default=Tree)
    """The nodes in force."""
    health: Callable[[], Health | None] = _unknown
    """None where there is no intake in this process."""
    rules: Callable[[], Sequence[Rule]] = read_rules
    """The alert rules in force; without a service the shipped ones."""
    now_us: Callable[[], int] = now_us
    places: Path | None = None
    """What `doxa places import` brought in."""
    settings: Settings = field(default_factory=Settings)
    """`[series]` of collector.toml."""

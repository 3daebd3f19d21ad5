"""What a deployment may decide about incidents; times in seconds. Every default is meant to be kept."""

from dataclasses import dataclass, replace
from typing import Any, Final

from doxa_core.language import Text
from doxa_core.strict import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How alarms become incidents."""

    settle_s: float = 10.0
    """From the first alarm of a fault to its announcement: so that what fails together is told together."""
    quiet_s: float = 3.0
    """While members still arrive, the announcement waits for a pause of this length …"""
    settle_most_s: float = 20.0
    """… but never longer than this after the first."""
    parent_s: float = 60.0
    """Single offices behind one node that fail within `window_s`, hardly by coincidence, wait so long for the node's own
    alarm before each of them is announced."""
    window_s: float = 120.0
    """Failures that begin no further apart can have one cause."""
    power_window_s: float = 900.0
    """The same for power: batteries do not end together."""
    quality_window_s: float = 3600.0
    """The same for speed, latency and loss, which are measured seldom."""
    join_s: float = 300.0
    """How long after its last member an incident whose root nothing watches still takes new ones."""
    group_least: int = 3
    """Fewer failures are never taken for a common one by statistics alone."""
    node_share: float = 0.6
    """A node that nothing watches is taken for down when this share of the watched lines behind it fails."""
    far_end_share: float = 0.9
    """A far end is taken for dead when this share of the lines that are measured against it alone finds nothing there."""
    contrast: float = 0.01
    """A provider is blamed only if so many of the failing lines are hardly (with this chance) its own by accident."""
    chance: float = 1e-6
    """A group is a coincidence if so many independent failures are at least this likely."""
    failures_per_day: float = 0.1
    """Independent failures of one line and day: what coincidence is reckoned with."""
    provinces_least: int = 3
    """A provider that fails in so many provinces at once has one incident for all of them."""
    fleet_least: int = 5
    """The same device trouble at so many probes is one incident (a release, an authority), not one each."""
    silent_share: float = 0.9
    """If this share of all probes falls silent at once and no node explains it, we ourselves are the likely cause."""
    silent_least: int = 10
    """… of at least so many probes."""
    hold_s: float = 60.0
    """All members must be well for so long before an incident is resolved; doubled by each reopening."""
    hold_most_s: float = 1800.0
    reopen_s: float = 900.0
    """What fails again so soon after its incident was resolved reopens it."""
    linger_s: float = 180.0
    """What still fails so long after its root came back has a cause of its own."""
    critical_sites: int = 5
    """So many offices without connection are critical, whatever the single alarms say."""
    growth: float = 3.0
    """An incident's growth is worth a message when it has this many times the offices of the last one; never that of
    what is behind a node which was told: who reads of the node knows."""


def read(table: Table | None) -> Settings:
    """`[incidents]` of collector.toml; strict, and every key may be left out."""
    plain = Settings()
    if table is None:
        return plain
    seconds: dict[str, Any] = {
        key: table.number(key, lowest, highest, getattr(plain, key)) for key, lowest, highest in _SECONDS
    }
    shares: dict[str, Any] = {
        key: table.number(key, lowest, highest, getattr(plain, key)) for key, lowest, highest in _SHARES
    }
    counts: dict[str, Any] = {
        key: table.integer(key, lowest, highest, getattr(plain, key)) for key, lowest, highest in _COUNTS
    }
    table.close()
    found = replace(plain, **seconds, **shares, **counts)
    for shorter, longer in _ORDERED:
        if getattr(found, shorter) > getattr(found, longer):
            key, other = (longer, shorter) if longer in table else (shorter, longer)
            word = _BELOW if key == longer else _ABOVE
            values = {"other": other, "value": f"{getattr(found, other):g}"}
            raise table.refuse(key, word.fill(**values), _MEND.fill(key=key, other=other))
    return found


_SECONDS: Final = (
    ("settle_s", 0, 300), ("quiet_s", 0, 300), ("settle_most_s", 0, 600), ("parent_s", 0, 600), ("window_s", 10, 3600),
    ("power_window_s", 10, 86_400), ("quality_window_s", 60, 86_400), ("join_s", 10, 86_400), ("hold_s", 0, 3600),
    ("hold_most_s", 0, 86_400), ("reopen_s", 0, 86_400), ("linger_s", 10, 3600),
)  # fmt: skip
_SHARES: Final = (
    ("node_share", 0.1, 1), ("far_end_share", 0.5, 1), ("silent_share", 0.5, 1), ("contrast", 1e-9, 0.5),
    ("chance", 1e-12, 0.1), ("failures_per_day", 0.0001, 100), ("growth", 1, 1000),
)  # fmt: skip
_COUNTS: Final = (
    ("group_least", 2, 1000), ("provinces_least", 2, 34), ("fleet_least", 2, 10_000), ("silent_least", 3, 10_000),
    ("critical_sites", 1, 10_000),
)  # fmt: skip
_ORDERED: Final = (("settle_s", "settle_most_s"), ("hold_s", "hold_most_s"))
"""The first is never longer than the second."""

_BELOW = Text(vi="ngắn hơn {other} ({value})", en="it is shorter than {other} ({value})")
_ABOVE = Text(vi="dài hơn {other} ({value})", en="it is longer than {other} ({value})")
_MEND = Text(vi="hãy sửa {key} hoặc {other}", en="mend {key} or {other}")

"""What a deployment may decide about incidents; times in seconds. Every default is meant to be kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How alarms become incidents."""

    settle_s: float = 10.0
    """From the first alarm of a fault to its announcement: so that what fails together is told together."""
    quiet_s: float = 3.0
    """While members still arrive, the announcement waits for a pause of this length …"""
    settle_most_s: float = 20.0
    """… but never longer than this after the first."""
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

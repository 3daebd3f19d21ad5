"""`[presence]` of collector.toml: how long is too long."""

from dataclasses import dataclass

from doxa_core.strict import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All in seconds."""

    silent_s: float = 200.0
    """Without any sign for so long a probe counts as silent, whatever the broker says: three heartbeats and a little."""
    settle_s: float = 2.0
    """Last wills of many at once wait so long before they are believed: when the broker itself goes, it takes all with it."""
    many: int = 3
    """So many are many."""
    grace_s: float = 330.0
    """After the broker is back, probes have so long to reconnect (they spread themselves over five minutes)."""
    blind_s: float = 10.0
    """When the broker is out of reach for so long, nobody is called online any more: it is not merely restarting."""
    behind_s: float = 10.0
    """When messages wait for us longer than this, nobody is blamed for being silent."""
    together_s: float = 20.0
    """Probes of one office that go within this time went together."""
    hush_s: float = 20.0
    """When nothing at all is heard for so long though probes are there, it is we who do not hear …"""
    hush_times: float = 4.0
    """… if that is so many times the longest pause between any two messages of the last half hour …"""
    hush_messages: int = 20
    """… and so many messages are missed at the usual rate …"""
    hush_probes: int = 5
    """… of at least so many probes …"""
    hush_learn_s: float = 600.0
    """… and we have listened for so long before."""


def read(table: Table | None) -> Settings:
    """The table's settings; strict."""
    plain = Settings()
    if table is None:
        return plain
    found = Settings(
        silent_s=table.number("silent_s", 10, 86_400, plain.silent_s),
        settle_s=table.number("settle_s", 0, 60, plain.settle_s),
        many=table.integer("many", 1, 1000, plain.many),
        grace_s=table.number("grace_s", 0, 3600, plain.grace_s),
        blind_s=table.number("blind_s", 1, 3600, plain.blind_s),
        behind_s=table.number("behind_s", 1, 3600, plain.behind_s),
        together_s=table.number("together_s", 1, 600, plain.together_s),
        hush_s=table.number("hush_s", 5, 3600, plain.hush_s),
        hush_times=table.number("hush_times", 1, 100, plain.hush_times),
        hush_messages=table.integer("hush_messages", 5, 10_000, plain.hush_messages),
        hush_probes=table.integer("hush_probes", 2, 10_000, plain.hush_probes),
        hush_learn_s=table.number("hush_learn_s", 30, 1800, plain.hush_learn_s),
    )
    table.close()
    return found

"""A fact: one figure about one subject at one moment. Rules read nothing else."""

from dataclasses import dataclass

from doxa_collector.watch.subject import Subject


@dataclass(frozen=True, slots=True)
class Fact:
    """`metric` is `<meter>.<value>` for what a meter declares (`latency.loss_ratio`), or one of those that the collector
    itself forms: `link.down_flag`, `node.down_flag`, `probe.offline_flag`, `speed.target_ratio` …
    """

    subject: Subject
    metric: str
    value: float
    at_us: int
    """When it was so: the measurement's start, or the moment of our own observation; microseconds since 1970 UTC."""
    far_end: str = ""
    """The other side that the figure is about, where it is about one of several; for the message only."""

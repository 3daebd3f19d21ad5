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
    """The other side that the figure is about: of several the one that spoke for the subject. Of a line that is down the
    far end that it is judged by, where it is a single one: then the far end may be what is dead. Empty where it says nothing.
    """

"""What an alarm is a symptom of, by its metric (or its rule's name), and what presence says about its cause."""

import re
from functools import lru_cache
from typing import Final

from doxa_collector.incidents.model import Family
from doxa_collector.watch.alarm import Alarm
from doxa_collector.watch.subject import Kind

_PATTERNS: Final = tuple(
    (family, re.compile(pattern))
    for family, pattern in (
        (Family.POWER, r"battery|mains"),
        (Family.CERTIFICATE, r"certificate|cert_"),
        (Family.IPV6, r"ipv6"),
        (Family.DEVICE, r"port_mbps|half_duplex|sink_|quarantine|disk|spool|forwarding|uptime|temperature"),
        (Family.OUTDATED, r"outdated"),
        (Family.CLOCK, r"clock"),
        (Family.CAPACITY, r"traffic_p95|capacity_used"),
        (Family.DOWN, r"(^|[._-])(down|offline|silence|unreachable|lost)([._-]|$)|port_down|(broker|uplink)"),
        (Family.SPEED, r"speed|download|upload|mbps|capacity|target_ratio|rpm|responsiveness"),
        (Family.LOSS, r"loss"),
        (Family.LATENCY, r"latency|rtt|jitter|delay|stamp"),
        (Family.SERVICE, r"^(dns|web)\b|portal"),
    )
)

POWER: Final = "power"
LINE: Final = "line"
BROKER: Final = "broker"
COLLECTOR: Final = "collector"
DEVICE: Final = "device"
_WORDS: Final = (
    (BROKER, ("broker",)),
    (COLLECTOR, ("collector", "behind")),
    (POWER, ("power", "battery")),
    (LINE, ("line", "link", "uplink")),
    (DEVICE, ("device", "stopped", "service", "agent")),
)


def family_of(alarm: Alarm) -> Family:
    """The family of the alarm's metric, which stands in its detail; of its rule's name where it does not."""
    return _family(str(alarm.detail.get("metric") or alarm.rule).lower())


@lru_cache(maxsize=4096)
def _family(name: str) -> Family:
    return next((family for family, pattern in _PATTERNS if pattern.search(name)), Family.OTHER)


def cause_of(alarm: Alarm) -> str:
    """What presence says: `power`, `line`, `broker`, `collector`, `device`; empty where it does not know."""
    if family_of(alarm) is Family.POWER:
        return POWER
    return word_of(str(alarm.detail.get("cause") or ""))


@lru_cache(maxsize=256)
def word_of(said: str) -> str:
    """Our word for a cause in the words of presence."""
    words = set(re.split(r"[^a-z0-9]+", said.lower()))
    return next((cause for cause, marks in _WORDS if words & set(marks)), "")


def is_own(alarm: Alarm) -> bool:
    """Whether the alarm says that we ourselves do not hear: then nothing that is silent says anything about an office."""
    if alarm.subject.kind is Kind.COLLECTOR:
        return family_of(alarm) is Family.DOWN
    return alarm.subject.kind is Kind.PROBE and cause_of(alarm) in (BROKER, COLLECTOR)

"""What a rule may read: every value that a meter of the agent declares, and what the collector itself forms.

`catalogue.json` is generated from the agent's meters by tools/catalogue.py, because the collector does not import the
agent and knows no meter by name; a test holds it against the meters.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from doxa_collector.alerts.own import NODE_METER, OWN
from doxa_collector.watch.subject import Kind
from doxa_core.language import Text

FILE: Final = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure that facts carry."""

    name: str
    """`<meter>.<value>`, or one of the collector's own."""
    unit: str
    """One of doxa_core.names.UNITS; the last word of the name."""
    text: Text
    """What it means."""
    kind: Kind
    """What it is a figure of."""
    lasting: bool = False
    """Whether it holds until the next fact says otherwise; a sample is true of its own moment only."""


@cache
def known_metrics() -> Mapping[str, Metric]:
    """Every metric by its name, in the order of the names."""
    found = {name: _of_meter(name, entry) for name, entry in json.loads(FILE.read_text(encoding="utf-8")).items()}
    for kind, metrics in OWN.items():
        for name, own in metrics.items():
            found[name] = Metric(name=name, unit=name.rpartition("_")[2], text=own.text, kind=kind, lasting=own.lasting)
    return dict(sorted(found.items()))


def _of_meter(name: str, entry: Mapping[str, str]) -> Metric:
    return Metric(
        name=name,
        unit=entry["unit"],
        text=Text(vi=entry["vi"], en=entry["en"]),
        kind=Kind.NODE if entry["meter"] == NODE_METER else Kind.LINK,
    )


@cache
def declared_values() -> Mapping[str, Text]:
    """Value name → what the first meter that declares it says of it: words for values that have no shorter ones."""
    found: dict[str, Text] = {}
    for name, entry in json.loads(FILE.read_text(encoding="utf-8")).items():
        vi, en = entry["vi"], entry["en"]
        found.setdefault(name.partition(".")[2], Text(vi=vi[:1].upper() + vi[1:], en=en[:1].upper() + en[1:]))
    return found

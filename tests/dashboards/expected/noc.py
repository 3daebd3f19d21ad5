"""*NOC*."""

from typing import Final

from tests.dashboards.expected.asked import Choices, Expected
from tests.dashboards.expected.facts import incidents_now, offices, open_incidents, silent
from tests.dashboards.month import FULL

EXPECTED: Final[Expected] = {
    "open_incidents": open_incidents,
    "silent": silent,
    "offices": offices,
    "incidents_now": incidents_now,
}

CHOICES: Final[Choices] = (
    ("everything", "all", {}),
    ("one province", "one", {"province": [FULL]}),
)

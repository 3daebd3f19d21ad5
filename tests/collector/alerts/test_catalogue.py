"""The catalogue says what the meters declare, and every number of an agent's status has a metric."""

import subprocess
import sys
from pathlib import Path

from doxa_collector.alerts.catalogue import known_metrics
from doxa_collector.alerts.facts import _of_status
from doxa_core.names import UNITS

ROOT = Path(__file__).parents[3]


def test_the_catalogue_is_what_the_meters_declare() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "catalogue.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_ends_in_its_unit_and_has_both_texts() -> None:
    for metric in known_metrics().values():
        assert metric.unit in UNITS, metric.name
        assert metric.name.endswith(f"_{metric.unit}"), metric.name
        assert metric.text.vi, metric.name
        assert metric.text.en, metric.name


def test_every_number_of_a_status_is_a_known_metric() -> None:
    assert dict(_of_status())["clock_synchronised"] == "probe.clock_synchronised_flag"
    assert {metric for _, metric in _of_status()} <= known_metrics().keys()

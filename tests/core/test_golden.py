"""Payloads of every schema ever issued are kept for ever: what was readable stays readable, byte for byte."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from doxa_core import ack, measurement, status

GOLDEN = Path(__file__).parent / "golden"
WIRE = Path(__file__).parents[2] / "docs" / "wire.md"
Reader = Callable[[bytes], measurement.Measurement | status.AgentStatus | ack.Ack]
READERS: dict[str, Reader] = {"measurement": measurement.decode, "status": status.decode, "ack": ack.decode}


def payloads() -> list[Path]:
    return sorted(GOLDEN.glob("v*/*.json"))


def test_the_golden_payloads_of_schema_1_are_all_there() -> None:
    names = {p.name for p in (GOLDEN / "v1").iterdir()}
    assert names >= {
        "measurement-speed.json", "measurement-total-loss.json", "measurement-skipped.json",
        "status-online.json", "status-last-will.json", "ack.json",
    }  # fmt: skip


@pytest.mark.parametrize("path", payloads(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_golden_payload_survives_decoding_and_encoding_byte_for_byte(path: Path) -> None:
    payload = path.read_bytes()
    assert READERS[path.stem.split("-")[0]](payload).encode() == payload


@pytest.mark.parametrize("path", payloads(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_golden_payload_with_fields_from_the_future_is_accepted(path: Path) -> None:
    payload = path.read_bytes()
    grown = json.loads(payload) | {"schema": 2, "hue": {"x": [1, None]}}
    read = READERS[path.stem.split("-")[0]]
    assert read(json.dumps(grown).encode()) == read(payload)


def test_the_example_of_the_wire_document_is_a_measurement_in_canonical_form() -> None:
    example = WIRE.read_text(encoding="utf-8").split("```json\n")[1].split("\n```")[0].encode()
    assert measurement.decode(example).encode() == example


def test_the_wire_document_names_every_unit_outcome_and_refusal() -> None:
    from doxa_core.names import UNITS
    from doxa_core.outcome import Outcome

    page = WIRE.read_text(encoding="utf-8")
    refusals = set[str]()
    for source in (WIRE.parents[1] / "core" / "doxa_core").glob("*.py"):
        refusals |= {
            part.split('"')[1]
            for part in source.read_text(encoding="utf-8").split("WireError(")[1:]
            if part.startswith('"')
        }
    assert {name for name in (*UNITS, *Outcome, *refusals) if f"`{name}`" not in page} == set()

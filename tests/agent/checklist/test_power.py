"""Power and heat in the installer's checklist."""

import pytest

from doxa_agent.check import State
from doxa_agent.checklist import power


@pytest.mark.parametrize(
    ("word", "celsius", "state", "value", "advice"),
    [
        (0, 48.3, State.GOOD, "48 °C, no warning", None),
        (None, 48.3, State.GOOD, "48 °C, no warning", None),
        (0, None, State.GOOD, "no warning", None),
        (0, 79.0, State.WARNING, "79 °C, no warning", power.COOL),
        (0x10000, 40.0, State.WARNING, "the supply's voltage is too low (at some time since boot)", power.SUPPLY),
        (0x50005, 40.0, State.BAD, "the supply's voltage is too low; the processor is throttled", power.SUPPLY),
        (0x80008, 82.0, State.BAD, "the temperature limit is reached", power.COOL),
    ],
)
def test_a_weak_supply_and_a_hot_case_come_with_what_to_do(
    word: int | None, celsius: float | None, state: State, value: str, advice: object
) -> None:
    item = power.judge(word, celsius)
    assert (item.state, item.value.en, item.advice) == (state, value, advice)


def test_a_machine_that_says_nothing_of_power_has_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "read_throttled", lambda: None)
    monkeypatch.setattr(power, "read_celsius", lambda: None)
    assert list(power.look(None)) == []  # type: ignore[arg-type]

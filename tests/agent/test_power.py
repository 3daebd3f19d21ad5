"""Whether the mains or a battery carries the machine, by what sysfs says."""

from pathlib import Path

import pytest

from doxa_agent.power import on_battery

MAINS_ON, MAINS_OFF = {"type": "Mains", "online": "1"}, {"type": "Mains", "online": "0"}
DRAINING, FULL = {"type": "Battery", "status": "Discharging"}, {"type": "Battery", "status": "Full"}
MOUSE = {"type": "Battery", "status": "Discharging", "scope": "Device"}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ([], None), ([MAINS_ON], False), ([MAINS_OFF], True), ([MAINS_ON, FULL], False), ([MAINS_ON, DRAINING], True),
        ([MOUSE], None), ([MAINS_ON, MOUSE], False), ([MAINS_ON, MAINS_OFF], False), ([FULL], False), ([{"type": "UPS", "online": "0"}], True),
        ([{"type": "Wireless"}], None), ([{}], None),
    ],
)  # fmt: skip
def test_the_supplies_tell_whether_the_mains_is_there(
    tmp_path: Path, supplies: list[dict[str, str]], expected: bool | None
) -> None:
    for number, found in enumerate(supplies):
        folder = tmp_path / f"supply{number}"
        folder.mkdir()
        for name, text in found.items():
            (folder / name).write_text(f"{text}\n")
    assert on_battery(tmp_path) is expected


def test_a_machine_without_the_folder_says_nothing(tmp_path: Path) -> None:
    assert on_battery(tmp_path / "none") is None

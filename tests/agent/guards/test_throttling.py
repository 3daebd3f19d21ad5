"""The Raspberry Pi's firmware: power and heat, now and since boot."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.guards import throttling as guard


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("0\n", []),
        ("1", ["under_voltage"]),
        ("50005\n", ["under_voltage", "throttled"]),
        ("throttled=0x50000\n", ["under_voltage_since_boot", "throttled_since_boot"]),
        ("0x80008", ["temperature_limited"]),
        ("20002", ["frequency_capped"]),
    ],
)
def test_each_bit_has_a_name_and_what_is_so_now_is_not_told_twice(text: str, codes: list[str]) -> None:
    word = guard.parse_throttled(text)
    assert word is not None
    assert guard.codes(word) == codes
    assert set(codes) <= set(guard.FINDINGS)


@given(st.text(max_size=20))
def test_what_is_no_such_word_is_nothing(text: str) -> None:
    word = guard.parse_throttled(text)
    assert word is None or 0 <= word < 2**32


def machine(folder: Path, word: str, **zones: str) -> guard.During:
    (folder / "get_throttled").write_text(word)
    for name, text in zones.items():
        (folder / f"thermal_{name}").mkdir()
        (folder / f"thermal_{name}/temp").write_text(text)
    return guard.During(folder / "get_throttled", folder)


def test_what_happens_during_a_run_is_found_at_its_end(tmp_path: Path) -> None:
    watch = machine(tmp_path, "0", zone0="48312\n", zone1="-274000", zone2="broken")
    (tmp_path / "thermal_zone0/temp").write_text("81500")
    for _ in range(4):
        watch.tick()
    (tmp_path / "thermal_zone0/temp").write_text("60000")
    (tmp_path / "get_throttled").write_text("80008")
    found = watch.end()
    assert found.findings == ("temperature_limited",)
    assert found.detail == {"celsius": 81.5, "throttled": "0x80008"}
    assert found.limits == (), "a flag: the processor's own guard says whether it was too slow"


def test_a_machine_without_such_firmware_has_no_findings(tmp_path: Path) -> None:
    found = guard.During(tmp_path / "absent", tmp_path).end()
    assert (found.findings, found.detail) == ((), {})
    assert guard.read_throttled(tmp_path / "absent") is None


def test_the_firmwares_program_is_asked_where_the_kernel_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text('#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x4\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(guard, "THROTTLED", tmp_path / "absent")
    assert guard.read_throttled() == 4
    program.write_text("#!/bin/sh\necho VCHI initialization failed; exit 255\n")
    assert guard.read_throttled() is None

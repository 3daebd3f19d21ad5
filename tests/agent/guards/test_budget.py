"""The data budget: counted where a power cut cannot lose it, shorter tests first, then none."""

import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent import guards
from doxa_agent.guard import GuardSettings, Turn
from doxa_agent.guards import budget as guard
from doxa_agent.meter import Link
from doxa_agent.volume import Volumes, file_beside
from doxa_core.linkkind import LinkKind

LINK = Link(name="sim", kind=LinkKind.MOBILE, monthly_bytes=1e9)


@pytest.mark.parametrize(
    ("moved", "code", "refused"),
    [(0.0, (), False), (7.9e8, (), False), (8e8, ("budget_frugal",), False), (1e9, (), True), (5e9, (), True)],
)
def test_a_budget_first_shortens_then_stops_heavy_runs(moved: float, code: tuple[str, ...], *, refused: bool) -> None:
    found = guard.look(Turn(link=LINK, heavy=True, moved_bytes=moved))
    assert guards.codes(found) == code
    assert guards.refusals(found) == (("data_budget",) if refused else ())
    assert guard.look(Turn(link=LINK, heavy=False, moved_bytes=moved)) == []


def test_the_threshold_is_a_setting_and_a_line_without_a_budget_has_none() -> None:
    half = GuardSettings(budget_frugal_ratio=0.5)
    assert guards.codes(guard.look(Turn(link=LINK, heavy=True, settings=half, moved_bytes=5e8))) == ("budget_frugal",)
    assert guard.look(Turn(link=Link(name="l", kind=LinkKind.FIXED), heavy=True, moved_bytes=1e15)) == []


def test_volumes_outlive_the_process_and_belong_to_their_month(tmp_path: Path) -> None:
    file, month = file_beside(tmp_path / "var/spool.db"), ["2026-11"]
    Volumes(file, lambda: month[0]).add("sim", 40.0)
    again = Volumes(file, lambda: month[0])
    again.add("sim", 2.0)
    again.add("office", 7.0)
    assert (again.moved("sim"), again.moved("office"), again.moved("new")) == (42.0, 7.0, 0.0)
    month[0] = "2026-12"
    assert again.moved("sim") == 0.0
    for number in range(1, 8):
        month[0] = f"2027-0{number}"
        again.add("sim", 1.0)
    assert json.loads(file.read_text())["sim"] == {"2027-05": 1.0, "2027-06": 1.0, "2027-07": 1.0}


def test_a_clock_that_nobody_vouches_for_gives_no_fresh_budget(tmp_path: Path) -> None:
    file = tmp_path / "volume"
    Volumes(file, lambda: "2026-11").add("sim", 40.0)
    unsure = Volumes(file, lambda: None)
    assert unsure.moved("sim") == 40.0
    unsure.add("sim", 2.0)
    assert Volumes(file, lambda: "2026-11").moved("sim") == 42.0


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.just("2026-11") | st.just("sim"), inner, max_size=3)
        ),
        max_leaves=6,
    ).map(lambda found: json.dumps(found).encode())
)
def test_a_damaged_file_counts_as_nothing_and_is_replaced(
    tmp_path_factory: pytest.TempPathFactory, octets: bytes
) -> None:
    file = tmp_path_factory.mktemp("volume") / "volume"
    file.write_bytes(octets)
    volumes = Volumes(file, lambda: "2026-11")
    before = volumes.moved("sim")
    assert before >= 0
    volumes.add("sim", 5.0)
    assert Volumes(file, lambda: "2026-11").moved("sim") == pytest.approx(before + 5.0)


def test_a_disk_that_cannot_be_written_is_said_once_and_counted_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "no-folder").write_text("a file where a folder should be")
    volumes = Volumes(tmp_path / "no-folder/volume", lambda: "2026-11")
    volumes.add("sim", 5.0)
    volumes.add("sim", 5.0)
    assert volumes.moved("sim") == 10.0
    assert len(caplog.records) == 1


def test_two_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    file = tmp_path / "volume"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_add_often, args=(file,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert Volumes(file, lambda: "2026-11").moved("sim") == 90.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["volume", "volume.lock"]


def _add_often(file: Path) -> None:
    volumes = Volumes(file, lambda: "2026-11")
    for _ in range(30):
        volumes.add("sim", 1.0)

"""`doxa collector rollups …`: it finds what is not as the evidence says, and mends it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, update
from tests.collector.rollups.conftest import BORDER_US, Add, Entry, assert_same

from doxa_collector.cli import main
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import audit, measurement, rollup_pack, site
from doxa_collector.rollups import checking, filling
from doxa_collector.rollups.checking import check, check_sample, rebuild
from doxa_collector.rollups.filling import cursor_of, fill
from doxa_collector.rollups.pack import Key, decode
from doxa_collector.rollups.series import SERIES
from doxa_core.errors import InputError

Ask = Callable[..., tuple[int, str]]
DAY = 86_400_000_000
SITES = ("dong-dang", "lai-chau")


@pytest.fixture
def ask(tmp_path: Path, sites_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("DOXA_LANG", "en")
    config = tmp_path / "collector.toml"
    config.write_text(
        '[broker]\nhost = "127.0.0.1"\nport = 1\n[ledger]\npath = "ledger.db"\n[registry]\nfile = "sites.toml"\n'
        '[web]\nlisten = "127.0.0.1:0"\n'
    )

    def command(*words: str) -> tuple[int, str]:
        code = main(["rollups", *words, "--config", str(config)])
        return code, capsys.readouterr().out

    return command


@pytest.fixture
def filled(engine: Engine, add: Add) -> Engine:
    """Two offices over the border of a month, rolled up."""
    add(
        Entry(BORDER_US + n * DAY // 4, {"download_ip_mbps": 90.0 + n}, site=name)
        for n in range(-8, 8)
        for name in SITES
    )
    fill(engine)
    with writing(engine) as conn:
        conn.execute(insert(site).values(site="dong-dang", name="Đồng Đăng", place_code="06184"))
    return engine


def tamper(engine: Engine) -> None:
    """A pack with a sound checksum that counts something else: the second of November, at Đồng Đăng."""
    key = Key("dong-dang", "fixed", "speed", "2026-11")
    p = rollup_pack.c
    here = (p.site == key.site) & (p.link == key.link) & (p.meter == key.meter) & (p.month == key.month)
    with writing(engine) as conn:
        pack = decode(conn.execute(select(p.content).where(here)).scalar_one(), key, len(SERIES["speed"]))
        pack.half_hours = pack.half_hours[:4] + bytes([pack.half_hours[4] + 1]) + pack.half_hours[5:]
        conn.execute(update(rollup_pack).where(here).values(content=pack.encode(key)))


def test_what_is_kept_well_is_said_to_be_so(ask: Ask, filled: Engine) -> None:
    assert ask("check") == (0, "8 packs, up to measurement 32: the same as the evidence\n")
    assert ask("check", "--period", "2026-11")[1].startswith("4 packs")
    assert ask("check", "--period", "2026-11", "--site", "dong-dang")[1].startswith("2 packs")
    assert json.loads(ask("check", "--sample", "3", "--json")[1])["differences"] == []
    assert ask("check", "--period", "2026-09")[1].startswith("nothing to compare")


def test_a_wrong_pack_is_found_named_and_mended(ask: Ask, filled: Engine) -> None:
    tamper(filled)
    code, text = ask("check")
    assert (code, text.splitlines()) == (
        1,
        [
            "2026-11 dong-dang/fixed (speed): differs from the evidence on 2026-11-02",
            "1 of 8 packs are not what the evidence says; run: doxa collector rollups rebuild --period 2026-11",
        ],
    )
    code, text = ask("check", "--site", "dong-dang", "--json")
    (found,) = json.loads(text)["differences"]
    assert (code, found["what"], found["days"], found["month"]) == (1, "differs", ["2026-11-02"], "2026-11")
    assert ask("check", "--period", "2026-10")[0] == 0
    assert ask("rebuild", "--period", "2026-10")[0] == 0
    assert ask("check")[0] == 1, "another month was mended"
    assert ask("rebuild", "--period", "2026-11") == (
        0,
        "4 packs made anew from 16 measurements, 0 without any measurement dropped\n",
    )
    assert ask("check")[0] == 0
    assert_same(filled, SITES)
    with reading(filled) as conn:
        assert list(conn.execute(select(audit.c.action)).scalars()) == ["rollups.rebuild"] * 2


def test_a_pack_that_is_missing_damaged_or_has_no_evidence_is_found(ask: Ask, filled: Engine) -> None:
    p = rollup_pack.c
    with writing(filled) as conn:
        conn.execute(delete(rollup_pack).where(p.site == "dong-dang", p.month == "2026-10"))
        conn.execute(update(rollup_pack).where(p.site == "dong-dang", p.month == "2026-11").values(content=b"?"))
        conn.execute(delete(measurement).where(measurement.c.site == "lai-chau", measurement.c.started_us < BORDER_US))
    code, text = ask("check", "--json")
    assert code == 1
    found = {(one["site"], one["month"]): one["what"] for one in json.loads(text)["differences"]}
    assert found == {
        ("dong-dang", "2026-10"): "missing",
        ("dong-dang", "2026-11"): "damaged",
        ("lai-chau", "2026-10"): "extra",
    }
    assert ask("check")[1].splitlines()[-1].endswith("run: doxa collector rollups rebuild")
    assert json.loads(ask("rebuild", "--json")[1]) == {"period": None, "packs": 6, "measurements": 24, "dropped": 2}
    assert ask("check") == (0, "6 packs, up to measurement 32: the same as the evidence\n")


def test_rebuilding_makes_the_first_packs_too(ask: Ask, engine: Engine, add: Add) -> None:
    add([Entry(BORDER_US, {"download_ip_mbps": 1.0})])
    assert ask("check")[1].startswith("nothing to compare")
    assert ask("rebuild")[1].startswith("2 packs made anew from 1 measurements")
    assert ask("check")[0] == 0


def test_a_rebuilt_pack_counts_only_what_the_cursor_has_passed(filled: Engine, add: Add) -> None:
    add([Entry(BORDER_US, {"download_ip_mbps": 1.0})])
    assert rebuild(filled).runs == 32
    assert fill(filled).counted == 1
    assert_same(filled, SITES)


def test_a_filling_beside_a_rebuilding_does_not_undo_it(
    filled: Engine, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that was read before the packs were made anew is read again."""
    tamper(filled)
    add([Entry(BORDER_US + 60 * DAY // 24, {"download_ip_mbps": 1.0})])
    honest, raced = filling._write, list[int]()

    def slow(engine: Engine, cursor: filling.Cursor, batch: filling.Batch) -> bool:
        if not raced:
            raced.append(1)
            rebuild(engine)
        return honest(engine, cursor, batch)

    monkeypatch.setattr(filling, "_write", slow)
    fill(filled)
    with reading(filled) as conn:
        assert check(conn).differences == ()
        assert cursor_of(conn).rebuilt == len(SITES)


def test_a_rebuilding_beside_a_filling_counts_what_was_filled(
    filled: Engine, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add([Entry(BORDER_US, {"download_ip_mbps": 1.0})])
    honest, raced = filling.packed, list[int]()

    def slow(*words: object) -> object:
        found = honest(*words)  # type: ignore[arg-type]
        if not raced:
            raced.append(1)
            fill(filled)
        return found

    monkeypatch.setattr(checking, "packed", slow)
    rebuild(filled)
    with reading(filled) as conn:
        assert check(conn).differences == ()
        assert check(conn).position == 33


def test_a_sample_is_drawn_from_packs_and_from_evidence(filled: Engine) -> None:
    with reading(filled) as conn:
        assert check_sample(conn, 50, seed=1).packs == 8
        assert 1 <= check_sample(conn, 1, seed=1).packs <= 2
    with writing(filled) as conn:
        conn.execute(delete(rollup_pack).where(rollup_pack.c.site == "dong-dang"))
    with reading(filled) as conn:
        assert {one.what for one in check_sample(conn, 50, seed=1).differences} == {"missing"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--period", "2026-13"], "--period 2026-13: this is no month; write it like 2026-10, not after this month"),
        (["--site", "dong-dan"], "--site dong-dan: the registry has no such office; did you mean dong-dang?"),
        (["--site", "zz"], "--site zz: the registry has no such office; see the names in sites.toml"),
        (
            ["--site", "dong-dang", "--sample", "3"],
            "--sample: does not go with --period or --site; leave out one of the two",
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_so(
    ask: Ask, filled: Engine, words: list[str], sentence: str
) -> None:
    with pytest.raises(InputError) as found:
        ask("check", *words)
    assert found.value.text.en == sentence


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "9" * 30, "٣"])
def test_a_sample_is_a_number(ask: Ask, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as found:
        ask("check", f"--sample={number}")
    assert found.value.code == 2
    assert "is no number from 1 to 1000000" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["check", "rebuild"])
def test_help_has_an_example(ask: Ask, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ask(verb, "--help")
    assert f"example: doxa collector rollups {verb}" in " ".join(capsys.readouterr().out.split())

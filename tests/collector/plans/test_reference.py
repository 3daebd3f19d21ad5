"""The national i-Speed figures: as the domain has them, all marked as excerpts, brought into the ledger once."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.ledger.schema import figure
from doxa_collector.plans.reference import Brought, Figure, Origin, load_references, read_reference, read_references
from doxa_core.errors import InputError

NOW = datetime(2026, 11, 21, tzinfo=UTC)

DOMAIN = {
    # domain.md §3: download / upload
    ("fixed", "2024-03"): (95.57, 95.45),
    ("fixed", "2025-05"): (187.43, 137.03),
    ("fixed", "2025-07"): (258.28, 195.34),
    ("fixed", "2025-08"): (271.2, 200.99),
    ("fixed", "2025-09"): (272.44, 202.05),
    ("mobile", "2024-03"): (38.69, None),
    ("mobile", "2025-07"): (83.52, 29.55),
    ("mobile", "2025-09"): (83.48, 28.05),
    ("mobile", "2026-01"): (90.05, 29.77),
    ("mobile-5g", "2025-07"): (447.03, 99.26),
    ("mobile-5g", "2026-01"): (594.81, 123.71),
}


def test_the_seed_is_what_the_domain_says() -> None:
    found = {(f.link_kind, f.month, f.direction): f.value_mbps for f in read_references()}
    wanted = {
        (*key, way): value
        for key, pair in DOMAIN.items()
        for way, value in zip(("download", "upload"), pair, strict=True)
        if value is not None
    }
    assert found == wanted


def test_every_figure_is_marked_as_an_excerpt_and_names_its_statistic() -> None:
    figures = read_references()
    assert {figure.mark for figure in figures} == {"S"}
    assert {f.month for f in figures if f.statistic == "median"} == {"2024-03"}
    assert {f.place_code for f in figures} == {"00"}


def test_figures_enter_the_ledger_once_and_an_older_version_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    engine = open_ledger(tmp_path / "ledger.sqlite")
    figures = read_references()
    first, second = (Origin(by="lan", file=name, digest=name[0] * 64) for name in ("a.toml", "b.toml"))
    changed = [replace(figures[0], value_mbps=1.5), *figures[1:]]
    assert load_references(engine, figures, first, NOW) == Brought(added=21, replaced=0, known=0)
    assert load_references(engine, figures, first, NOW) == Brought(added=0, replaced=0, known=21)
    assert load_references(engine, changed, second, NOW) == Brought(added=0, replaced=1, known=20)
    with reading(engine) as conn:
        rows = conn.execute(select(figure).order_by(figure.c.id)).all()
    engine.dispose()
    assert len(rows) == 22
    old, new = rows[0], rows[-1]
    assert (old.value_mbps, old.file, old.superseded_us is None) == (figures[0].value_mbps, "a.toml", False)
    assert (new.value_mbps, new.file, new.superseded_us) == (1.5, "b.toml", None)


GOOD = (
    'place = "42"\nsource = "s"\nmark = "V"\n[[figure]]\nmonth = "2026-01"\nlink_kind = "fixed"\nstatistic = "mean"\n'
)


def figures_of(tmp_path: Path, text: str) -> tuple[Figure, ...]:
    path = tmp_path / "r.toml"
    path.write_text(text)
    return read_reference(path)


def test_upload_alone_is_a_figure(tmp_path: Path) -> None:
    assert [f.direction for f in figures_of(tmp_path, GOOD + "upload_mbps = 2\n")] == ["upload"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GOOD, "figure[1].download_mbps: dòng này không có con số nào; hãy ghi download_mbps, upload_mbps hoặc cả hai"),
        (
            GOOD.replace("2026-01", "1/2026"),
            "figure[1].month: giá trị '1/2026' không hợp lệ; hãy ghi tháng dạng \"2025-09\"",
        ),
        (
            GOOD + "download_mbps = 0\n",
            "figure[1].download_mbps: giá trị 0 không hợp lệ; hãy ghi một số từ 0.001 đến 1e+06",
        ),
        (GOOD.replace('"V"', '"X"'), "mark: giá trị 'X' không hợp lệ; hãy ghi một trong: V, S, 2nd, I, NF"),
    ],
)
def test_a_bad_reference_is_refused_with_this_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        figures_of(tmp_path, text)
    assert caught.value.text.vi == f"{tmp_path / 'r.toml'}: {sentence}"

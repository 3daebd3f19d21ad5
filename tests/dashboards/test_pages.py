"""The pages as files: what the code builds is what is committed, whole, the same each time, and readable by the SDK."""

import json
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from doxa_core import language
from doxa_core.errors import InputError
from doxa_core.language import LANGUAGES
from doxa_dashboards import build, cli, pages, wholeness
from doxa_dashboards.panel import MIXED

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / build.FOLDER


@pytest.mark.parametrize("name", pages.names())
def test_the_committed_file_is_what_the_code_builds(name: str) -> None:
    path = FOLDER / build.file_of(name)
    assert path.read_text(encoding="utf-8") == build.text(build.built(name)), "run doxa dashboards build"


def test_no_file_is_of_no_page() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == {build.file_of(name) for name in pages.names()}


def test_every_page_is_whole_in_both_languages() -> None:
    assert [str(fault) for fault in wholeness.faults_of_all()] == []


@pytest.mark.parametrize("name", pages.names())
def test_a_page_is_the_same_whatever_language_is_in_force(name: str) -> None:
    before = build.text(build.built(name))
    language.choose_language("en")
    assert build.text(build.built(name)) == before
    assert build.text(build.built(name, "en")) != before


@pytest.mark.parametrize("name", pages.names())
def test_the_english_page_asks_what_the_vietnamese_one_asks(name: str) -> None:
    asked = [
        [target["query"] for panel in build.built(name, spoken)["panels"] for target in panel.get("targets", ())]
        for spoken in LANGUAGES
    ]
    assert asked[0] == asked[1]
    vi, en = (build.built(name, spoken) for spoken in LANGUAGES)
    assert [panel["id"] for panel in vi["panels"]] == [panel["id"] for panel in en["panels"]]


@pytest.mark.parametrize("name", pages.names())
def test_the_sdk_reads_a_page_and_loses_nothing(name: str) -> None:
    plugins.register_default_plugins()
    built = build.built(name)
    for panel in built["panels"]:  # of a mixed panel the SDK takes every query for one of Grafana's own
        if panel.get("datasource", {}).get("uid") == MIXED:
            panel["datasource"] = panel["targets"][0]["datasource"]
    read = json.loads(json.dumps(dashboard.Dashboard.from_json(built), cls=JSONEncoder))
    for annotation in [*built["annotations"]["list"], *read["annotations"]["list"]]:
        del annotation["target"]  # the SDK's own type of it has no query yet
        annotation.pop("builtIn", None)
    assert lost(built, read) == []


def lost(one: object, other: object, where: str = "") -> list[str]:
    """Where `other` has not got what `one` has; empty things and defaults that the SDK adds are no loss."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [w for key, value in one.items() for w in lost(value, other.get(key), f"{where}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [w for n, (a, b) in enumerate(zip(one, other, strict=True)) for w in lost(a, b, f"{where}[{n}]")]
    return [] if one == other or one in ({}, [], None, "") else [where]


def broken(change: str) -> list[str]:
    """The faults of the commune's page after a change to it."""
    page = build.built("commune")
    panel = next(panel for panel in page["panels"] if panel["type"] == "timeseries")
    exec(change, {"page": page, "panel": panel})
    return [fault.en for fault in wholeness.faults(page, {"doxa-commune", "doxa-province"})]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("panel['gridPos']['y'] -= 1", "overlap"),
        ("panel['gridPos']['x'] = 13", "leaves the grid"),
        ("panel['description'] = ''", "lacks description"),
        ("panel['description'] = 'x'", "shorter than its title"),
        ("del panel['fieldConfig']['defaults']['unit']", "lacks unit"),
        ("del panel['fieldConfig']['defaults']['noValue']", "lacks noValue"),
        ("del panel['fieldConfig']['defaults']['decimals']", "lacks decimals"),
        ("panel['fieldConfig']['defaults']['thresholds'] = {'steps': [{'value': 100}]}", "not from a constant"),
        ("panel['targets'][1]['refId'] = 'A'", "one refId"),
        ("panel['targets'][0]['query'] += '${nobody}'", "no variable 'nobody'"),
        ("panel['targets'][0]['datasource']['uid'] = 'grafana'", "no data source grafana"),
        ("page['links'][0]['url'] = '/d/doxa-moon?x'", "leads to no page: doxa-moon"),
        ("panel['id'] = page['panels'][1]['id']", "one id"),
        ("page['templating']['list'].append({'name': 'idle'})", "'idle' is used nowhere"),
    ],
)
def test_a_fault_is_told(change: str, said: str) -> None:
    assert any(said in fault for fault in broken(change)), broken(change)


def test_a_click_needs_the_column_it_takes_a_variable_from() -> None:
    page = build.built("nation")
    panel = next(panel for panel in page["panels"] if panel["title"] == "Đường truyền xa tốc độ hợp đồng nhất")
    panel["transformations"][0]["options"]["include"]["names"].remove("place")
    assert any("needs the column 'place'" in fault.en for fault in wholeness.faults(page, set()))


def test_check_finds_a_file_edited_by_hand_a_missing_one_and_a_foreign_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["build", "--out", str(tmp_path)]) == 0
    assert cli.main(["check", "--dir", str(tmp_path)]) == 0
    path = tmp_path / "commune.json"
    path.write_text(path.read_text(encoding="utf-8").replace("suffix: Mbps", "mbps"), encoding="utf-8")
    (tmp_path / "nation.json").unlink()
    (tmp_path / "moon.json").write_text("{}")
    capsys.readouterr()
    assert cli.main(["check", "--dir", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert told.count("✗") == 3
    assert "commune.json: không khớp" in told
    assert "nation.json: thiếu" in told
    assert "moon.json: không thuộc trang nào" in told


def test_english_files_stand_beside_and_are_checked_too(tmp_path: Path) -> None:
    cli.main(["build", "--out", str(tmp_path)])
    language.choose_language("en")
    cli.main(["build", "--out", str(tmp_path)])
    assert (tmp_path / "commune.en.json").exists()
    assert cli.main(["check", "--dir", str(tmp_path)]) == 0
    (tmp_path / "commune.en.json").write_text("{}")
    assert cli.main(["check", "--dir", str(tmp_path)]) == 1


def test_no_two_pages_have_one_title_in_any_languages() -> None:
    titles = [build.built(name, spoken)["title"] for name in pages.names() for spoken in language.LANGUAGES]
    assert len(set(titles)) == len(titles), "Grafana refuses two dashboards with one title in one folder"


def test_check_says_where_to_run_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        cli.main(["check", "--dir", str(tmp_path / "nowhere")])
    assert "checkout" in refused.value.text.en


def test_check_of_a_folder_that_is_closed_to_us_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_dir", refused)
    with pytest.raises(InputError) as found:
        cli.main(["check", "--dir", str(tmp_path)])
    assert "permission" in found.value.text.en


def test_list_is_for_people_and_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == pages.names()
    assert cli.main(["list"]) == 0
    assert "doxa-commune" in capsys.readouterr().out


def test_an_unknown_page_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError) as refused:
        pages.load("comune")
    assert "commune" in refused.value.text.en

"""sites.toml: contradictions are refused with the exact sentence; loading keeps history and audits each change."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from doxa_collector.ledger import reading as look
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.registration import Changes, register
from doxa_collector.ledger.schema import audit
from doxa_collector.registry import Registry, read_registry
from doxa_core.errors import InputError

PROVINCE = '[[place]]\ncode = "20"\nname = "Lạng Sơn"\nlevel = "province"\n'
COMMUNE = '[[place]]\ncode = "06001"\nname = "Đồng Đăng"\nlevel = "commune"\nprovince = "20"\n'
SITE = '[[site]]\nid = "dd"\nname = "UBND"\nplace = "06001"\nagents = ["dd-1"]\n'
LINK = '[[site.link]]\nid = "fixed"\nkind = "fixed"\n'
GOOD = PROVINCE + COMMUNE + SITE + LINK

BAD: list[tuple[str, str, str]] = [
    (
        PROVINCE + SITE,
        'site dd: chưa có địa bàn mã 06001; hãy thêm [[place]] có code = "06001"',
        'site dd: there is no place with the code 06001; add a [[place]] with code = "06001"',
    ),
    (
        COMMUNE,
        'place 06001: chưa có tỉnh mã 20; hãy thêm [[place]] có code = "20"',
        'place 06001: there is no province with the code 20; add a [[place]] with code = "20"',
    ),
    (
        GOOD + LINK,
        (
            "link dd/fixed: hai thời hạn chồng nhau: từ 1970-01-01 (không hết hạn) và từ 1970-01-01; "
            "hãy ghi valid_to của thời hạn trước, sớm hơn ngày bắt đầu thời hạn sau"
        ),
        (
            "link dd/fixed: two validity periods overlap: from 1970-01-01 (no end) and from 1970-01-01; "
            "write valid_to of the first period, earlier than the day on which the next begins"
        ),
    ),
    (
        GOOD + "valid_to = 2026-06-30\n" + LINK + "valid_from = 2026-06-30\n",
        (
            "link dd/fixed: hai thời hạn chồng nhau: từ 1970-01-01 (2026-06-30) và từ 2026-06-30; "
            "hãy ghi valid_to của thời hạn trước, sớm hơn ngày bắt đầu thời hạn sau"
        ),
        (
            "link dd/fixed: two validity periods overlap: from 1970-01-01 (2026-06-30) and from 2026-06-30; "
            "write valid_to of the first period, earlier than the day on which the next begins"
        ),
    ),
    (
        GOOD + PROVINCE,
        (
            "place 20: hai thời hạn chồng nhau: từ 1970-01-01 (không hết hạn) và từ 1970-01-01; "
            "hãy ghi valid_to của thời hạn trước, sớm hơn ngày bắt đầu thời hạn sau"
        ),
        (
            "place 20: two validity periods overlap: from 1970-01-01 (no end) and from 1970-01-01; "
            "write valid_to of the first period, earlier than the day on which the next begins"
        ),
    ),
    (
        GOOD + SITE,
        "site dd: điểm đo này được ghi hai lần; hãy bỏ một trong hai",
        "site dd: this site stands twice; remove one of the two",
    ),
    (
        GOOD + SITE.replace('"dd"', '"other"'),
        "site other: thiết bị dd-1 đã thuộc điểm đo dd; hãy để mỗi thiết bị ở đúng một điểm đo",
        "site other: the agent dd-1 already belongs to the site dd; let each agent belong to exactly one site",
    ),
    (
        GOOD + 'layer = "ip"\n',
        (
            "site[1].link[1].layer: có tầng tính cước mà không có tốc độ hợp đồng; "
            "hãy ghi contracted_down_mbps (và contracted_up_mbps), hoặc bỏ khóa này"
        ),
        (
            "site[1].link[1].layer: a layer is named without a contracted rate; "
            "write contracted_down_mbps (and contracted_up_mbps), or remove this key"
        ),
    ),
    (
        GOOD + "contracted_down = 100\n",
        "site[1].link[1].contracted_down: khóa này không tồn tại; có phải ý bạn là «contracted_down_mbps»?",
        "site[1].link[1].contracted_down: this key does not exist; did you mean 'contracted_down_mbps'?",
    ),
    (
        GOOD + 'contracted_down_mbps = "100 Mbps"\n',
        "site[1].link[1].contracted_down_mbps: giá trị '100 Mbps' không hợp lệ; hãy ghi một số từ 0.001 đến 1e+06",
        "site[1].link[1].contracted_down_mbps: the value '100 Mbps' is not valid; write a number from 0.001 to 1e+06",
    ),
    (
        GOOD + "valid_from = 2026-02-01\nvalid_to = 2026-01-01\n",
        "site[1].link[1].valid_to: ngày 2026-01-01 đứng trước valid_from 2026-02-01; hãy sửa một trong hai",
        "site[1].link[1].valid_to: the day 2026-01-01 is before valid_from 2026-02-01; mend one of the two",
    ),
    (
        GOOD.replace('kind = "fixed"', 'kind = "fibre"'),
        "site[1].link[1].kind: giá trị 'fibre' không hợp lệ; hãy ghi một trong: fixed, mobile, tslcd",
        "site[1].link[1].kind: the value 'fibre' is not valid; write one of: fixed, mobile, tslcd",
    ),
    (
        PROVINCE.replace('"20"', "20"),
        'place[1].code: giá trị 20 không hợp lệ; hãy ghi mã tỉnh gồm 2 chữ số trong dấu nháy, ví dụ "33"',
        'place[1].code: the value 20 is not valid; write a province\'s code of 2 digits in quotes, such as "33"',
    ),
    (
        COMMUNE.replace('province = "20"\n', ""),
        "place[1].province: thiếu khóa bắt buộc này; hãy ghi mã tỉnh, ví dụ 33",
        "place[1].province: this required key is missing; write the province's code, such as 33",
    ),
    (
        PROVINCE + 'province = "33"\n',
        "place[1].province: một tỉnh không thể thuộc tỉnh khác; hãy bỏ khóa này",
        "place[1].province: a province cannot be in another province; remove this key",
    ),
    (
        GOOD.replace('["dd-1"]', '["DD_1"]'),
        "site[1].agents: tên «DD_1» không hợp lệ; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự",
        "site[1].agents: the name 'DD_1' is not valid; write lower-case letters, digits and inner hyphens, at most 40",
    ),
    (
        GOOD + "[[sites]]\n",
        "sites: khóa này không tồn tại; có phải ý bạn là «site»?",
        "sites: this key does not exist; did you mean 'site'?",
    ),
]


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Registry]:
    def read(text: str) -> Registry:
        file = tmp_path / "sites.toml"
        file.write_text(text, encoding="utf-8")
        return read_registry(file)

    return read


@pytest.mark.parametrize(("text", "vi", "en"), BAD, ids=[row[2][:60] for row in BAD])
def test_a_contradiction_is_refused_with_its_place_and_cure(
    load: Callable[[str], Registry], tmp_path: Path, text: str, vi: str, en: str
) -> None:
    with pytest.raises(InputError) as found:
        load(text)
    assert found.value.text.vi == f"{tmp_path}/sites.toml: {vi}"
    assert found.value.text.en == f"{tmp_path}/sites.toml: {en}"


def test_who_may_speak_and_about_what(load: Callable[[str], Registry]) -> None:
    registry = load(GOOD + "valid_to = 2025-12-31\n" + LINK + "valid_from = 2026-01-01\n")
    assert registry.home_of() == {"dd-1": "dd"}
    assert registry.lines_of() == {("dd", "fixed")}


def bring(engine: Engine, registry: Registry, now_us: int = 1) -> Changes:
    with writing(engine) as conn:
        return register(conn, registry, now_us, "test")


def audited(engine: Engine) -> list[tuple[str, dict[str, object]]]:
    with reading(engine) as conn:
        return [(row.action, json.loads(row.detail)) for row in conn.execute(select(audit).order_by(audit.c.id))]


def test_loading_twice_changes_nothing(engine: Engine, load: Callable[[str], Registry]) -> None:
    assert bring(engine, load(GOOD)).counted == {"place.added": 2, "site.added": 1, "link.added": 1, "probe.added": 1}
    assert bring(engine, load(GOOD)).counted == {}
    assert len(audited(engine)) == 5


def test_a_changed_contract_is_audited_with_before_and_after(engine: Engine, load: Callable[[str], Registry]) -> None:
    bring(engine, load(GOOD + "contracted_down_mbps = 100\n"))
    changes = bring(engine, load(GOOD + "contracted_down_mbps = 150\n"))
    assert changes.counted == {"link.changed": 1}
    action, detail = audited(engine)[-1]
    before, after = detail["before"], detail["after"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert (action, before["contracted_down_mbps"], after["contracted_down_mbps"]) == ("link.changed", 100, 150)


def test_a_new_period_keeps_the_old_one(engine: Engine, load: Callable[[str], Registry]) -> None:
    bring(engine, load(GOOD))
    changes = bring(
        engine,
        load(GOOD + 'valid_to = 2026-06-30\nprovider = "A"\n' + LINK + 'valid_from = 2026-07-01\nprovider = "B"\n'),
    )
    assert changes.counted == {"link.changed": 1, "link.added": 1}
    with reading(engine) as conn:
        assert [row.provider for row in look.links(conn)] == ["A", "B"]
        assert [row.provider for row in look.links(conn, date(2026, 6, 30))] == ["A"]
        assert [row.provider for row in look.links(conn, date(2026, 7, 1), "dd")] == ["B"]


def test_a_mended_start_replaces_the_row_and_the_old_one_is_in_the_audit(
    engine: Engine, load: Callable[[str], Registry]
) -> None:
    bring(engine, load(GOOD + "valid_from = 2026-01-01\n"))
    bring(engine, load(GOOD + "valid_from = 2026-02-01\n"))
    with reading(engine) as conn:
        assert [row.valid_from for row in look.links(conn)] == ["2026-02-01"]
    assert ("link.replaced", "2026-01-01") in [(a, d.get("valid_from")) for a, d in audited(engine)]


def test_what_vanishes_from_the_file_stays_and_is_named(engine: Engine, load: Callable[[str], Registry]) -> None:
    bring(engine, load(GOOD))
    changes = bring(engine, load(PROVINCE))
    assert changes.counted == {}
    assert changes.missing == ("place 06001", "site dd", "link dd/fixed", "probe dd-1")
    with reading(engine) as conn:
        assert len(look.links(conn)) == 1


def test_an_agent_that_moves_is_at_its_new_home(engine: Engine, load: Callable[[str], Registry]) -> None:
    bring(engine, load(GOOD))
    moved = GOOD.replace('["dd-1"]', "[]") + SITE.replace('"dd"', '"other"')
    assert bring(engine, load(moved)).counted == {"site.added": 1, "probe.changed": 1}
    with reading(engine) as conn:
        assert [(row.agent, row.site) for row in look.agents(conn)] == [("dd-1", "other")]

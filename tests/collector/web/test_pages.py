"""What the pages say over five offices, over an empty ledger, and to a reader who asks for what is not there."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update
from tests.collector.web.conftest import NOW, OFFICES, keep, taken

from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import agent_status, figure, link, measurement, place, site, verdict
from doxa_collector.plans import Operator, Plan, Unit
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.web.board import findings_of, latest_period
from doxa_collector.web.language import Voice
from doxa_collector.web.wording import bounds

SERVED = Any
Ask = Callable[..., str]


def text_of(html: str) -> str:
    """The words of a page, without its markup."""
    plain = re.sub(r"<(script|style|head)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", plain)).replace("\u00a0", " ").split())


@pytest.fixture
def ask(site_page: SERVED) -> Ask:
    """The words of one page of the five offices."""

    def words(path: str) -> str:
        answer = site_page.get(path)
        assert answer.status_code == 200, path
        return text_of(answer.text)

    return words


def card(words: str, name: str) -> str:
    """What stands on the card of one place."""
    start = words.index(name)
    return words[start : words.index("chỉ tiêu nhập tay", start) + 200]


def test_a_missed_target_shows_its_numbers_and_the_words_of_the_plan(ask: Ask) -> None:
    found = card(ask("/"), "Xã Đồng Đăng 06184")
    for expected in (
        "không đạt", "≥ 102 Mbps", "84,98 Mbps", "trung vị · n = 41 · tầng ứng dụng",
        "hạn 31/12/2025 · đã quá hạn", "đạt tối thiểu 102Mbps.", "mục II.2.b", "A:57", "hiện trạng 85,07 Mbps",
    ):  # fmt: skip
        assert expected in found


def test_a_probe_figure_is_never_called_ispeed(site_page: SERVED) -> None:
    html = site_page.get("/").text
    columns = re.findall(r'data-label="i-Speed công bố">(.*?)</td>', html, re.DOTALL)
    assert columns
    assert {text_of(column) for column in columns} == {"chưa nhập", "không áp dụng"}


def test_a_published_figure_stands_apart_with_its_statistic_and_source(
    serve: Callable[..., SERVED], seeded: Engine, plans: tuple[Plan, ...]
) -> None:
    with writing(seeded) as conn:
        conn.execute(
            update(verdict)
            .where(verdict.c.plan == "a-hong-phong", verdict.c.target == "a2")
            .values(
                published=271.2,
                detail=json.dumps({"published": {"statistic": "median", "source": "i-Speed 10/2026", "mark": "S"}}),
            )
        )
    html = serve(seeded).get("/?plan=a-hong-phong").text
    columns = [text_of(c) for c in re.findall(r'data-label="i-Speed công bố">(.*?)</td>', html, re.DOTALL)]
    assert "271,20 Mbps trung vị · i-Speed 10/2026 [S]" in columns


def test_trouble_is_told_before_anything_else(ask: Ask) -> None:
    words = ask("/")
    for expected in (
        "1 máy đo mất liên lạc", "kho influx-so chậm 4.", "connection refused", "2 bản tin bị cách ly",
        "4 máy đo trực tuyến", "phép đo gần nhất 2 phút trước",
    ):  # fmt: skip
        assert expected in words
    assert words.index("máy đo mất liên lạc") < words.index("máy đo trực tuyến")


def test_totals_count_measured_targets_and_filter_the_page(site_page: SERVED, ask: Ask) -> None:
    html = site_page.get("/").text
    totals = dict(re.findall(r'data-total="(\w+)">(\d+)<', html))
    assert totals == {"fail": "5", "probe_limited": "1", "insufficient": "7", "pass": "4"}
    only = ask("/?outcome=probe_limited")
    assert "Phường Mỹ Hào 12103" in only
    assert "Xã Đồng Đăng 06184" not in only
    assert re.findall(r'<tbody class="target (\w+)"', site_page.get("/?outcome=fail").text) == ["fail"] * 5


def test_filters_combine_and_can_be_searched_without_marks(ask: Ask) -> None:
    assert "Xã Đồng Đăng 06184" in ask("/?q=dong+dang")
    assert "Tỉnh Hà Tĩnh 42" not in ask("/?q=dong+dang")
    assert "Phường Mỹ Hào 12103" in ask("/?province=33&plan=c-my-hao")
    assert "Không có địa bàn nào khớp" in ask("/?province=33&plan=a-hong-phong")


def test_an_unknown_filter_value_is_ignored(ask: Ask) -> None:
    assert "Xã Đồng Đăng 06184" in ask("/?plan=nothing&outcome=maybe&page=-3")
    assert "Xã Đồng Đăng 06184" in ask("/?page=99999999999999999999&q=")


def test_manual_indicators_are_folded_and_show_what_was_entered(site_page: SERVED) -> None:
    html = site_page.get("/?plan=a-hong-phong").text
    folded = re.search(r"<details data-key=\"a-hong-phong-06184-manual\">(.*?)</details>", html, re.DOTALL)
    assert folded is not None
    words = text_of(folded.group(1))
    assert "14 chỉ tiêu nhập tay đã nhập 1" in words
    assert "88,4 trên 100 dân 30/09/2026 · Báo cáo quý III/2026" in words
    assert "không có con số" in words


def test_a_share_can_be_read_office_by_office(ask: Ask) -> None:
    found = card(ask("/?plan=b-binh-duong"), "Vùng tỉnh Bình Dương cũ")
    assert "Từng trụ sở 36" in found
    assert "không đáp ứng UBND xã Dầu Tiếng 93,88 Mbps tầng IP, n = 44" in found


def test_english_says_the_same(ask: Ask) -> None:
    words = ask("/?lang=en")
    for expected in ("past due", "Measured at the office", "i-Speed published", "84.98 Mbps", "probe limited"):
        assert expected in words
    assert "Measured at the office" not in ask("/")


def test_a_line_that_is_down_says_since_when_and_why(ask: Ask) -> None:
    words = ask("/sites/khong-lao/links/fixed")
    assert "Mất kết nối từ 24/11/2026 07:5" in words
    assert "không có gói nào trả lời" in words
    assert "không đo được" in words


def test_a_line_stands_against_its_target_at_the_layer_that_is_judged(site_page: SERVED, ask: Ask) -> None:
    words = ask("/sites/dau-tieng/links/tslcd")
    assert "Riêng đường truyền này 93,88 Mbps" in words
    assert "B3: yêu cầu 100 Mbps · hợp đồng 100 Mbps (tầng IP)" in words
    assert "Tải xuống, tầng IP" in words
    assert "Tải xuống, trên dây" in ask("/sites/dau-tieng/links/tslcd?layer=wire")


def test_a_lines_technology_is_shown_and_its_contracts_number_only_where_it_is_not_sensitive(ask: Ask) -> None:
    fixed, tslcd = (ask(f"/sites/dau-tieng/links/{name}") for name in ("fixed", "tslcd"))
    assert "cáp quang" in fixed
    assert "số HĐ-dau-tieng-fixed" in fixed
    assert "cáp quang" in tslcd
    assert "HĐ-dau-tieng-tslcd" not in tslcd


def test_a_curve_says_in_words_what_it_draws(site_page: SERVED) -> None:
    html = site_page.get("/sites/dong-dang/links/fixed").text.replace("\u00a0", " ")
    label = re.findall(r'role="img" aria-label="([^"]*)"', html)
    assert len(label) == 4  # two curves, each for wide and narrow screens
    assert re.search(r"Tốc độ: Tải xuống: thấp nhất 8\d,\d\d, cao nhất 8\d,\d\d, gần nhất 8\d,\d\d Mbps", label[0])
    assert "A2: yêu cầu 102 Mbps" in label[0]


def test_a_target_in_another_unit_is_said_in_its_own(
    serve: Callable[..., SERVED], seeded: Engine, plans: tuple[Plan, ...]
) -> None:
    a2 = plans[0].target("a2")
    assert a2 is not None
    assert a2.measure is not None
    measure = replace(a2.measure, meter="latency", value="rtt_p50_ms", layer=None)
    slow = replace(a2, operator=Operator.AT_MOST, value=5, unit=Unit.MS, measure=measure)
    served = serve(seeded, (replace(plans[0], targets=(slow,)),))
    words = text_of(served.get("/sites/dong-dang/links/fixed").text)
    assert re.search(r"Yêu cầu ≤ 5 ms Riêng đường truyền này \d,\d\d ms", words)
    assert "A2: yêu cầu 5 ms" in words
    assert "chưa đủ dữ liệu để kết luận" in words


def test_skipped_and_limited_runs_are_marked_on_the_curve(site_page: SERVED) -> None:
    html = site_page.get("/sites/my-hao/links/mobile").text
    assert 'class="mark probe_limited"' in html
    assert "hollow" in html
    assert "CPU máy đo là giới hạn" in text_of(html)


@pytest.mark.parametrize(
    "wish",
    [
        "range=1h",
        "range=7d",
        "range=30d",
        "range=1y",
        "range=soon",
        "layer=ip",
        "layer=sky",
        "far_end=0",
        "far_end=77",
        "far_end=x",
    ],
)
def test_every_wish_for_a_curve_is_answered(ask: Ask, wish: str) -> None:
    assert "Những phép đo gần nhất" in ask(f"/sites/dong-dang/links/fixed?{wish}")


def test_addresses_of_a_tslcd_line_are_hidden_everywhere(site_page: SERVED) -> None:
    page = site_page.get("/sites/dau-tieng/links/tslcd").text
    number = re.search(r"/measurements/(\d+)", page)
    assert number is not None
    for path in (
        "/sites/dau-tieng/links/tslcd",
        f"/measurements/{number.group(1)}",
        "/sites/dau-tieng",
        "/api/links.json",
    ):
        found = site_page.get(path).text
        assert not re.search(r"\b10\.\d+\.6\.\d\b", found), path
    assert "SHA-256" not in site_page.get(f"/measurements/{number.group(1)}").text


def test_addresses_show_where_the_deployment_says_so(serve: Callable[..., SERVED], seeded: Engine) -> None:
    assert "10.11.6.1" in serve(seeded, reveal_tslcd=True).get("/sites/dau-tieng/links/tslcd").text


def test_the_hops_of_a_tslcd_line_show_only_where_the_deployment_says_so(
    serve: Callable[..., SERVED], seeded: Engine
) -> None:
    office = OFFICES[1]
    hops = [{"ttl": 1, "sent": 10, "addresses": ["10.77.8.9"]}, {"ttl": 2, "sent": 10, "addresses": ["2001:db8:77::9"]}]
    detail = {"address": "10.77.8.10", "hops": hops, "hops_before": hops, "signature": "c360c16f27ab2258", "way": "udp"}
    found = [
        taken(office, name, "path", NOW, 900_000 + n, values={"hop_count": 5, "changed_flag": 1}, detail=detail)
        for n, name in enumerate(("tslcd", "fixed"))
    ]
    keep(seeded, found)
    secrets = ("10.77.8", "2001:db8:77", "c360c16f27ab2258")
    for name, reveal, shown in (("tslcd", False, False), ("tslcd", True, True), ("fixed", False, True)):
        served = serve(seeded, reveal_tslcd=reveal)
        line = served.get(f"/sites/{office.site}/links/{name}").text
        number = newest_path(seeded, name)
        page = served.get(f"/measurements/{number}").text
        assert "hop_count" in page
        assert [secret in page for secret in secrets] == [shown] * 3
        assert not any(secret in line for secret in secrets)


def newest_path(engine: Engine, name: str) -> int:
    """The number of the path measurement of that line."""
    with reading(engine) as conn:
        query = select(measurement.c.id).where(measurement.c.meter == "path", measurement.c.link == name)
        return int(conn.execute(query).scalar_one())


def test_a_line_that_once_was_tslcd_stays_hidden(serve: Callable[..., SERVED], seeded: Engine) -> None:
    with writing(seeded) as conn:
        conn.execute(
            update(link).where(link.c.site == "dau-tieng", link.c.link == "tslcd").values(valid_to="2026-01-01")
        )
        conn.execute(
            insert(link).values(site="dau-tieng", link="tslcd", valid_from="2026-01-02", kind="fixed", provider="VNPT")
        )
    assert "10.11.6.1" not in serve(seeded).get("/sites/dau-tieng/links/tslcd").text


def test_evidence_is_shown_as_it_was_sent_with_its_hash(site_page: SERVED, seeded: Engine) -> None:
    with seeded.connect() as conn:
        row = conn.execute(select(measurement).where(measurement.c.link == "fixed").limit(1)).one()
    words = text_of(site_page.get(f"/measurements/{row.id}").text)
    assert '"far_end": "vnix-hn"' in words
    assert "10.10.6.1" in words
    assert re.search("SHA-256 [0-9a-f]{64}", words)


@pytest.mark.parametrize(
    "path",
    [
        "/sites/nowhere", "/sites/Không", "/sites/dong-dang/links/none", "/sites/nowhere/links/fixed", "/measurements/0",
        "/measurements/x", "/measurements/99999999999999999999", "/measurements/-1", "/measurements/٣", "/nothing",
        "/static/../app.py", "/static/nothing.css", "/sites/dong-dang'--",
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_friendly_404(site_page: SERVED, path: str) -> None:
    answer = site_page.get(path)
    assert answer.status_code == 404
    assert "Không có trang này" in text_of(answer.text)
    assert "Traceback" not in answer.text


def test_machines_get_json_errors(site_page: SERVED) -> None:
    assert site_page.get("/api/nothing.json").json()["error"] == "Không có trang này"


def test_quarantine_is_listed_by_reason_with_its_counts(ask: Ask) -> None:
    words = ask("/quarantine")
    assert "Không phải JSON not_json 3 1 0" in words
    assert "Máy đo chưa có trong danh mục unknown_agent 4 1 0" in words
    assert "10.9.8.7" not in words


def test_an_empty_ledger_says_what_to_do_next(
    serve: Callable[..., SERVED], engine: Engine, plans: tuple[Plan, ...]
) -> None:
    words = text_of(serve(engine).get("/").text)
    assert "Chưa có máy đo nào gửi số liệu" in words
    assert "doxa agent check" in words
    assert "chưa kết luận" in words
    assert "Chưa có kế hoạch nào" in text_of(serve(engine, ()).get("/").text)
    for path in ("/sites", "/quarantine", "/about", "/health", "/api/verdicts.json", "/api/links.json"):
        assert serve(engine, ()).get(path).status_code == 200


def test_the_first_steps_go_once_somebody_was_heard(ask: Ask) -> None:
    assert "Chưa có máy đo nào" not in ask("/")


def test_an_office_shows_its_probe_and_since_when_it_is_gone(ask: Ask) -> None:
    words = ask("/sites/khong-lao")
    assert "khong-lao-1 ngoại tuyến từ 24/11/2026 08:01:09 · mất liên lạc đột ngột" in words
    assert "mất kết nối từ 24/11/2026 07:5" in words


def test_offices_with_a_missing_probe_stand_first(ask: Ask) -> None:
    words = ask("/sites")
    assert words.index("UBND xã Khổng Lào") < words.index("UBND phường Mỹ Hào")
    assert "UBND xã Đồng Đăng" in ask("/sites?q=dang+06184") or "Không có trụ sở nào" in ask("/sites?q=dang+06184")
    assert "UBND xã Đồng Đăng" not in ask("/sites?province=33")


def test_a_bound_is_shown_with_the_confidence_that_its_verdict_names(seeded: Engine, plans: tuple[Plan, ...]) -> None:
    (plan,) = [one for one in plans if one.id == "a-hong-phong"]
    target = plan.target("a2")
    assert target is not None
    with reading(seeded) as conn:
        period = latest_period(conn, plan)
        assert period is not None
        found = next(f for f in findings_of(conn, plan, period.first, {"06184"}) if f.target == "a2")
    missed = replace(found, outcome=VerdictOutcome.FAIL, lower=84.5, upper=85.25, detail={"confidence": 0.99})
    assert bounds(Voice("vi"), missed, target) == ["cận trên\u00a099\u00a0%: 85,25"]
    old = replace(missed, outcome=VerdictOutcome.INSUFFICIENT, detail={})
    assert [text.replace("\u00a0", " ") for text in bounds(Voice("en"), old, target)] == [
        "lower bound 95 % 84.50", "upper bound 95 % 85.25",
    ]  # fmt: skip


def test_machines_read_verdicts_without_absent_values(site_page: SERVED) -> None:
    first = site_page.get("/api/verdicts.json?limit=10").json()
    assert len(first["verdicts"]) == 10
    rest = site_page.get(f"/api/verdicts.json?after={first['next']}").json()
    everything = first["verdicts"] + rest["verdicts"]
    assert "next" not in rest
    assert len({v["id"] for v in everything}) == len(everything)
    (a2,) = [v for v in everything if v["target"] == "a2"]
    assert a2["outcome"] == "fail"
    assert a2["required"] == 102
    assert a2["measured_at_office"] == pytest.approx(84.98, abs=0.2)
    assert "ispeed_published" not in a2
    assert None not in [value for v in everything for value in v.values()]
    only = site_page.get("/api/verdicts.json?outcome=pass&plan=c-my-hao").json()["verdicts"]
    assert [v["target"] for v in only] == ["c2"]


def test_machines_read_the_state_of_lines(site_page: SERVED) -> None:
    page = site_page.get("/api/links.json?limit=2").json()
    found = page["links"]
    while "next" in page:
        page = site_page.get(f"/api/links.json?limit=2&after={page['next']}").json()
        found += page["links"]
    states = {(item["site"], item["link"]): item["state"] for item in found}
    assert len(states) == len(found) == 11
    assert states["khong-lao", "fixed"] == "down"
    assert states["khong-lao", "mobile"] == "up"


def test_health_tells_a_monitor_what_is_wrong(site_page: SERVED) -> None:
    found = site_page.get("/health").json()
    assert found["status"] == "attention"
    assert found["agents"] == {"online": 4, "offline": 1, "never": 0}
    assert found["quarantined"] == 2
    assert found["sinks"][0]["delayed"] is True


def test_hostile_text_stays_text(serve: Callable[..., SERVED], seeded: Engine) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    with writing(seeded) as conn:
        conn.execute(update(site).values(name=evil))
        conn.execute(update(place).values(name=evil))
        conn.execute(update(link).values(provider=evil))
        conn.execute(update(measurement).values(far_end=evil, method="<b>", reasons=json.dumps(["<i>x"])))
        conn.execute(update(agent_status).values(reason="<script>", raw=json.dumps({"version": evil}).encode()))
        conn.execute(update(verdict).values(reasons=json.dumps([evil])))
        conn.execute(
            insert(figure).values(
                place_code="06184", month="2026-11", link_kind="fixed", statistic="mean", direction="download",
                value_mbps=1, source=evil, mark="S", imported_us=1, imported_by=evil, file=evil, digest="",
            )
        )  # fmt: skip
        number = conn.execute(select(measurement.c.id).limit(1)).scalar_one()
    served = serve(seeded)
    for path in (
        "/", "/sites", "/sites/dong-dang", "/sites/dong-dang/links/fixed", f"/measurements/{number}", "/quarantine",
        f"/?q={evil}", f"/sites?q={evil}&province={evil}", f"/?lang={evil}&theme={evil}", f"/sites/{evil}",
    ):  # fmt: skip
        html = served.get(path).text
        assert "<img" not in html, path
        assert re.findall(r"<script(?![^>]* src=\"/static/live\.js\?[0-9a-f]+\" defer>)", html) == [], path


def test_a_plan_whose_words_are_hostile_stays_text(
    serve: Callable[..., SERVED], seeded: Engine, plans: tuple[Plan, ...]
) -> None:
    evil = "<script>alert(1)</script>"
    plan = replace(plans[0], title=evil, targets=tuple(replace(t, words=evil, clause=evil) for t in plans[0].targets))
    assert evil not in serve(seeded, (plan,)).get("/").text


def test_a_choice_of_language_and_theme_is_remembered(site_page: SERVED) -> None:
    answer = site_page.get("/about?lang=en&theme=dark")
    cookies = answer.headers.get_list("set-cookie")
    assert any(c.startswith("doxa_lang=en") for c in cookies)
    assert any(c.startswith("doxa_theme=dark") for c in cookies)
    again = site_page.get("/about", cookies={"doxa_lang": "en", "doxa_theme": "dark"}).text
    assert '<html lang="en" data-theme="dark">' in again
    assert '<html lang="vi">' in site_page.get("/about", cookies={"doxa_lang": "xx", "doxa_theme": "'>"}).text
    forgotten = site_page.get("/about?theme=auto", cookies={"doxa_theme": "dark"})
    assert any('doxa_theme=""' in c for c in forgotten.headers.get_list("set-cookie"))


def test_the_switch_keeps_the_page_and_its_questions(site_page: SERVED) -> None:
    html = site_page.get("/?plan=a-hong-phong&outcome=fail").text
    assert 'href="/?plan=a-hong-phong&amp;outcome=fail&amp;lang=en"' in html


def test_pages_work_without_script(site_page: SERVED) -> None:
    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in site_page.get("/").text


def test_the_words_of_the_house_are_used(ask: Ask) -> None:
    words = ask("/about")
    for term in (
        "đạt",
        "không đạt",
        "chưa đủ mẫu",
        "thiết bị đo giới hạn",
        "Đo tại trụ sở không phải là i-Speed",
        "94,15",
    ):
        assert term in words

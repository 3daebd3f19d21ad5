"""The page in real Chromium: it stays fresh, says when the collector is gone, and is usable on a phone and by keyboard."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, update

from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.schema import measurement, verdict

pytestmark = pytest.mark.browser

SERVED = Any
Serve = Callable[..., SERVED]
OpenPage = Callable[..., Any]
PATIENCE_MS = 60_000
PAGES = (
    "/", "/sites", "/sites/khong-lao", "/sites/dong-dang/links/fixed", "/sites/khong-lao/links/fixed",
    "/sites/dau-tieng/links/tslcd", "/sites/my-hao/links/mobile", "/measurements/1", "/quarantine", "/about",
)  # fmt: skip

expect.set_options(timeout=PATIENCE_MS)


def judge(engine: Engine, target: str, outcome: str, value: float) -> None:
    """Another verdict, as the assessment writes it."""
    with writing(engine) as conn:
        conn.execute(
            update(verdict)
            .where(verdict.c.plan == "a-hong-phong", verdict.c.target == target)
            .values(outcome=outcome, value=value)
        )


def row(page: Page, target: str) -> Any:
    return page.locator(f'[data-key="a-hong-phong-06184-{target}"]')


def order(page: Page) -> list[str]:
    """The cards from top to bottom."""
    found: list[str] = page.eval_on_selector_all("article.card", "all => all.map(e => e.dataset.key)")
    return found


def wider_than_the_screen(page: Page) -> list[str]:
    """The elements that would need a horizontal scroll."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.trim().slice(0, 60))"""
    )
    return found


def cut_off(page: Page) -> list[str]:
    """The texts that do not fit into the box that shows them."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('main *, header *')].filter(e =>
        !e.closest('svg, .hidden, pre, thead') && !['SELECT', 'OPTION', 'INPUT'].includes(e.tagName) &&
        getComputedStyle(e).display !== 'inline' && getComputedStyle(e).overflowX !== 'visible' &&
        e.scrollWidth > e.clientWidth + 1).map(e => e.tagName + '.' + e.className + ': ' + e.textContent.trim().slice(0, 60))"""
    )
    return found


@pytest.mark.parametrize("path", PAGES)
def test_no_page_scrolls_sideways_on_a_phone_nor_complains(site_page: SERVED, open_page: OpenPage, path: str) -> None:
    watched = open_page(width=360, height=740)
    for lang in ("vi", "en"):
        watched.page.goto(f"{site_page.url}{path}?lang={lang}")
        watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert wider_than_the_screen(watched.page) == []
        assert cut_off(watched.page) == []
    assert watched.complaints == []


@pytest.mark.parametrize("width", [600, 800, 1024, 1280, 1920])
def test_no_width_scrolls_sideways(site_page: SERVED, open_page: OpenPage, width: int) -> None:
    watched = open_page(width=width)
    for path in ("/", "/sites", "/sites/dong-dang/links/fixed", "/quarantine"):
        watched.page.goto(f"{site_page.url}{path}")
        watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert wider_than_the_screen(watched.page) == [], path
        assert cut_off(watched.page) == [], path


def test_the_language_switch_keeps_the_page_and_its_filters(site_page: SERVED, open_page: OpenPage) -> None:
    page = open_page().page
    page.goto(f"{site_page.url}/?plan=a-hong-phong")
    page.get_by_title("English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("columnheader", name="Measured at the office").first).to_be_visible()
    expect(page).to_have_url(f"{site_page.url}/?plan=a-hong-phong")
    page.get_by_role("link", name="Quarantine", exact=True).click()
    expect(page.locator("h1")).to_have_text("Messages in quarantine")
    page.get_by_title("Tiếng Việt").click()
    expect(page.locator("h1")).to_have_text("Bản tin bị cách ly")


def background(page: Page) -> str:
    found: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return found


def test_the_theme_follows_the_device_until_somebody_chooses(site_page: SERVED, open_page: OpenPage) -> None:
    dark = open_page(color_scheme="dark").page
    dark.goto(site_page.url)
    light = open_page(color_scheme="light").page
    light.goto(site_page.url)
    at_night, by_day = background(dark), background(light)
    assert at_night != by_day
    light.get_by_title("Nền tối").click()
    assert background(light) == at_night
    light.reload()
    assert background(light) == at_night
    light.get_by_title("Nền tối").click()
    assert background(light) == by_day
    light.reload()
    assert background(light) == by_day


def contrast(page: Page, selector: str) -> float:
    """The contrast ratio of WCAG 2 between the text of an element and what lies behind it."""
    found: float = page.evaluate(
        """selector => {
        const parts = text => text.match(/[\\d.]+/g).map(Number);
        const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
          .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
        const element = document.querySelector(selector);
        let behind = element;
        while (behind && /^(rgba\\(.*, 0\\)|transparent)$/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
        const [a, b] = [luminance(parts(getComputedStyle(element).color)), luminance(parts(getComputedStyle(behind).backgroundColor))];
        return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        }""",
        selector,
    )
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_verdicts_can_be_read_in_both_themes(site_page: SERVED, open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme).page
    page.goto(site_page.url)
    for selector in (
        ".badge.pass", ".badge.fail", ".badge.probe_limited", ".badge.insufficient", ".total.fail .word", ".lede",
        ".target.fail .big", "td small", ".words", ".health .bad", ".overdue", "summary span", ".live",
    ):  # fmt: skip
        assert contrast(page, selector) >= 4.5, selector


def test_a_verdict_is_never_told_by_colour_alone(site_page: SERVED, open_page: OpenPage) -> None:
    page = open_page().page
    page.goto(site_page.url)
    shown = page.eval_on_selector_all(
        ".badge", "all => all.map(e => [e.querySelector('use').getAttribute('href'), e.innerText.trim()])"
    )
    assert len(shown) > 10
    by_word = {word: shape for shape, word in shown if word}  # folded ones have no visible word
    assert {"đạt", "không đạt", "chưa đủ mẫu", "thiết bị đo giới hạn"} <= set(by_word)
    assert len(set(by_word.values())) == len(by_word)


def test_a_new_verdict_appears_without_disturbing_the_reader(serve: Serve, seeded: Engine, open_page: OpenPage) -> None:
    served = serve(seeded)
    watched = open_page(height=500)
    page = watched.page
    page.goto(served.url)
    folded = page.locator('details[data-key="c-my-hao-12103-manual"]')
    folded.locator("summary").click()
    search = page.locator("input[type=search]")
    search.fill("đang gõ dở")
    row(page, "a2").scroll_into_view_if_needed()
    page.evaluate("window.kept = document.querySelector('[data-key=\"a-hong-phong-06184-a2\"]')")
    before = row(page, "a2").evaluate("e => e.getBoundingClientRect().top")
    expect(row(page, "a2").locator(".badge")).to_have_text("không đạt")
    places = order(page)
    judge(seeded, "a2", "pass", 271.2)
    expect(row(page, "a2").locator(".badge")).to_have_text("đạt")
    expect(row(page, "a2").locator(".big")).to_have_text("271,20\u00a0Mbps")
    assert order(page) == places
    expect(page.locator("#announce")).to_have_text(re.compile("Kết luận đã thay đổi: 4 không đạt"))
    assert folded.evaluate("e => e.open")
    assert search.input_value() == "đang gõ dở"
    assert row(page, "a2").evaluate("e => e.getBoundingClientRect().top") == pytest.approx(before, abs=60)
    assert page.evaluate("window.kept.isConnected")
    page.reload()
    assert order(page) != places  # a page opened anew has the worst first
    assert watched.complaints == []


def test_a_new_measurement_moves_the_curve(serve: Serve, seeded: Engine, open_page: OpenPage) -> None:
    page = open_page().page
    page.goto(f"{serve(seeded).url}/sites/khong-lao/links/fixed")
    expect(page.locator(".state .say b")).to_have_text("Mất kết nối")
    curve = page.locator("path.line.rtt_p50").first
    before = curve.get_attribute("d")
    with writing(seeded) as conn:  # the pings of the last minutes come through after all
        conn.execute(
            update(measurement)
            .where(measurement.c.site == "khong-lao", measurement.c.link == "fixed", measurement.c.outcome == "failed")
            .values(outcome="ok", values='{"rtt_p50_ms": 15.5, "loss_ratio": 0}', reasons="[]")
        )
    expect(page.locator(".state .say b")).to_have_text("Hoạt động")
    expect(curve).not_to_have_attribute("d", str(before))


def test_a_silent_collector_is_said_loudly_and_its_return_too(
    serve: Serve, seeded: Engine, open_page: OpenPage
) -> None:
    served = serve(seeded)
    page = open_page().page
    page.goto(served.url)
    banner = page.locator("#banner")
    expect(banner).to_be_hidden()
    served.stop()
    expect(banner).to_be_visible()
    expect(banner).to_have_text(re.compile(r"Bộ thu thập không trả lời.*08:05:09"))
    assert contrast(page, "#banner") >= 4.5
    expect(row(page, "a2")).to_be_visible()
    serve(seeded, port=served.port)
    expect(banner).to_be_hidden()


def test_a_collector_with_a_fault_is_said_as_such(
    serve: Serve, seeded: Engine, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page().page
    page.goto(serve(seeded).url)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("doxa_collector.web.routes.board", broken)
    expect(page.locator("#banner")).to_have_text(re.compile("Bộ thu thập báo lỗi"))


def test_the_login_works_and_an_ended_session_is_said(serve: Serve, seeded: Engine, open_page: OpenPage) -> None:
    served = serve(seeded, token="mở ra")
    watched = open_page()
    page = watched.page
    page.goto(f"{served.url}/sites")
    page.get_by_label("Mã truy cập").fill("sai")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Mã không đúng")).to_be_visible()
    page.get_by_label("Mã truy cập").fill("mở ra")
    page.get_by_role("button", name="Vào xem").click()
    expect(page.locator("h1")).to_have_text("Trụ sở và đường truyền")
    page.context.clear_cookies()
    expect(page.locator("#banner")).to_have_text(re.compile("Phiên đăng nhập đã hết"))
    page.get_by_role("button", name="Thoát").click()
    expect(page.locator("h1")).to_have_text("Đăng nhập")


def test_filters_apply_themselves_and_leave_a_short_address(site_page: SERVED, open_page: OpenPage) -> None:
    page = open_page().page
    page.goto(site_page.url)
    page.get_by_label("Kế hoạch").first.select_option("c-my-hao")
    expect(page).to_have_url(f"{site_page.url}/?plan=c-my-hao")
    expect(page.locator("article.card")).to_have_count(3)


def test_everything_can_be_reached_by_keyboard(site_page: SERVED, open_page: OpenPage) -> None:
    page = open_page().page
    page.goto(f"{site_page.url}/?plan=a-hong-phong")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Đến nội dung")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    expect(page.locator("details[open]")).to_have_count(1)


def test_the_page_is_whole_without_script(site_page: SERVED, open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False).page
    page.goto(site_page.url)
    expect(page.locator(".badge.fail").first).to_be_visible()
    page.get_by_title("Nền tối").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("Kế hoạch").first.select_option("c-my-hao")
    page.get_by_role("button", name="Lọc").click()
    expect(page.locator("article.card")).to_have_count(3)


def test_paper_shows_the_verdicts_and_no_controls(site_page: SERVED, open_page: OpenPage) -> None:
    page = open_page().page
    page.goto(site_page.url)
    page.emulate_media(media="print")
    expect(page.locator("form.filters")).to_be_hidden()
    expect(page.locator(".top nav")).to_be_hidden()
    expect(page.locator(".badge.fail").first).to_be_visible()
    assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_a_hidden_tab_asks_nothing(serve: Serve, seeded: Engine, open_page: OpenPage) -> None:
    served = serve(seeded, refresh_s=1)
    page = open_page().page
    page.goto(served.url)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(timedelta(seconds=2).total_seconds() * 1000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(timedelta(seconds=3).total_seconds() * 1000)
    assert asked == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    with page.expect_request(f"{served.url}/"):
        pass

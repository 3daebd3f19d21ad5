"""Who may read what: headers, Host, token, sessions, and how guessing is slowed."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from doxa_collector.web.access import Guard
from doxa_collector.web.login import safe_path
from doxa_collector.web.shield import is_ours

TOKEN = "a-token-of-the-tests"
SERVED = Any
Serve = Callable[..., SERVED]
BROWSER = {"Accept": "text/html"}


@pytest.fixture
def locked(serve: Serve, seeded: Engine) -> SERVED:
    """The page with a token."""
    return serve(seeded, token=TOKEN)


def log_in(served: SERVED, token: str, **more: Any) -> Any:
    headers = {"Origin": served.url} | more.pop("headers", {})
    return served.post("/login", data={"token": token, **more}, headers=headers)


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/page.css", "/health", "/api/links.json"])
def test_every_answer_carries_the_safe_headers(site_page: SERVED, path: str) -> None:
    headers = site_page.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"


def test_pages_are_not_kept_by_caches_but_static_files_are(site_page: SERVED) -> None:
    assert site_page.get("/").headers["cache-control"] == "no-store"
    assert "max-age" in site_page.get("/static/page.css").headers["cache-control"]


def test_no_page_has_inline_script_or_style(site_page: SERVED) -> None:
    for path in ("/", "/sites/dong-dang", "/sites/dong-dang/links/fixed", "/about"):
        html = site_page.get(path).text
        assert " style=" not in html
        assert "<style" not in html
        assert " onclick" not in html
        assert "https://" not in html.replace("https://goo", "")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8800", "10.0.0.1", "localhost.evil.example", "", "127.0.0.1.evil"]
)
def test_a_foreign_host_is_refused_while_no_token_is_asked(site_page: SERVED, host: str) -> None:
    answer = site_page.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "Đồng Đăng" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8800", "127.0.0.53", "[::1]:8800", "[::1]"])
def test_the_loopback_is_served_by_all_its_names(site_page: SERVED, host: str) -> None:
    assert site_page.get("/about", headers={"Host": host}).status_code == 200


@given(host=st.text(max_size=30))
def test_no_host_makes_the_check_fail(host: str) -> None:
    assert is_ours(host, frozenset()) in (True, False)


def test_an_allowed_host_is_served(serve: Serve, seeded: Engine) -> None:
    served = serve(seeded, allowed_hosts=("demo.doxa.example",))
    assert served.get("/", headers={"Host": "demo.doxa.example:8800"}).status_code == 200
    assert served.get("/", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "path", ["/", "/sites", "/sites/dong-dang", "/measurements/1", "/quarantine", "/about", "/nothing"]
)
def test_without_the_token_a_browser_is_sent_to_the_login(locked: SERVED, path: str) -> None:
    answer = locked.get(path, headers=BROWSER)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize("path", ["/", "/api/verdicts.json", "/api/links.json", "/sites/dong-dang"])
def test_without_the_token_a_machine_gets_401(locked: SERVED, path: str) -> None:
    answer = locked.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Đồng Đăng" not in answer.text


def test_health_without_the_token_says_only_that_it_answers(locked: SERVED) -> None:
    assert locked.get("/health").json() == {"status": "answering"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_in_the_header_opens_everything(locked: SERVED, scheme: str) -> None:
    answer = locked.get("/api/links.json", headers={"Authorization": f"{scheme} {TOKEN}"})
    assert answer.status_code == 200
    assert locked.get("/health", headers={"Authorization": f"Bearer {TOKEN}"}).json()["agents"]


@pytest.mark.parametrize("offered", ["-", "wrong", TOKEN + "x", TOKEN[:-1], "ключ"])
def test_a_wrong_token_opens_nothing(locked: SERVED, offered: str) -> None:
    answer = locked.get("/", headers={"Authorization": f"Bearer {offered}".encode()})
    assert answer.status_code == 401


def test_a_login_gives_a_strict_cookie_that_scripts_cannot_read(locked: SERVED) -> None:
    answer = log_in(locked, TOKEN, next="/sites")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sites"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    session = cookie.partition("=")[2].partition(";")[0]
    assert locked.get("/", headers=BROWSER, cookies={"doxa_session": session}).status_code == 200
    assert locked.get("/", headers=BROWSER, cookies={"doxa_session": session[:-1] + "0f"}).status_code == 303


def test_a_wrong_login_says_so_and_a_foreign_form_is_refused(locked: SERVED) -> None:
    wrong = log_in(locked, "wrong")
    assert wrong.status_code == 401
    assert "Mã không đúng" in wrong.text
    assert log_in(locked, TOKEN, headers={"Origin": "http://evil.example"}).status_code == 403
    assert log_in(locked, TOKEN, headers={"Origin": "null", "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert log_in(locked, TOKEN, headers={"Origin": "null"}).status_code == 403


def test_guessing_is_slowed_in_both_ways(locked: SERVED) -> None:
    for _ in range(8):
        assert log_in(locked, "wrong").status_code == 401
    refused = log_in(locked, TOKEN)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 301
    assert locked.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 429


def test_guessing_by_header_is_slowed_too(locked: SERVED) -> None:
    for _ in range(8):
        assert locked.get("/", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert locked.get("/", headers={"Authorization": "Bearer wrong"}).status_code == 429
    assert log_in(locked, TOKEN).status_code == 429


def test_a_huge_form_is_not_read(locked: SERVED) -> None:
    assert log_in(locked, "x" * 1_000_000).status_code == 401


def test_logging_out_ends_the_cookie(locked: SERVED) -> None:
    answer = locked.post(
        "/logout", headers={"Origin": locked.url}, cookies={"doxa_session": Guard(TOKEN).new_session()}
    )
    assert answer.status_code == 303
    assert 'doxa_session=""' in answer.headers["set-cookie"]


def test_a_token_lets_any_host_name_in(locked: SERVED) -> None:
    answer = locked.get("/", headers={"Host": "doxa.langson.gov.vn", "Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


def test_a_session_ends_and_dies_with_its_token() -> None:
    now = [1000.0]
    guard = Guard("one", now=lambda: now[0])
    session = guard.new_session()
    assert guard.knows_session(session)
    assert not Guard("two", now=lambda: now[0]).knows_session(session)
    now[0] += 12 * 3600
    assert not guard.knows_session(session)


@given(cookie=st.text(max_size=80))
def test_no_invented_cookie_is_a_session(cookie: str) -> None:
    assert not Guard("one").knows_session(cookie)


def test_the_limit_forgets_and_stays_small() -> None:
    clock = [0.0]
    limit = Guard("one", clock=lambda: clock[0]).limit
    for _ in range(8):
        limit.failed("a")
    assert limit.wait_s("a") == 300
    assert limit.wait_s("b") == 0
    clock[0] = 301
    assert limit.wait_s("a") == 0
    for n in range(10_000):
        limit.failed(f"client-{n}")
    assert len(limit._failures) <= 4096


def test_a_guard_does_not_tell_its_token() -> None:
    assert "secret" not in repr(Guard("secret"))


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "", None, "/a\n"]
)
def test_a_login_never_leads_away(path: str | None) -> None:
    assert safe_path(path) == "/"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_pages_only_read(site_page: SERVED, method: str) -> None:
    assert site_page.send(method, "/").status_code == 405


def test_our_own_fault_is_one_friendly_page(
    serve: Serve, seeded: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("doxa_collector.web.routes.read_quarantine", broken)
    answer = serve(seeded).get("/quarantine")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Trang này gặp lỗi" in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert "secret detail" in caplog.text


def test_a_ledger_that_cannot_be_read_is_said_without_its_path(serve: Serve, seeded: Engine, tmp_path: Any) -> None:
    served = serve(seeded)
    seeded.dispose()
    for file in tmp_path.glob("seeded.db*"):
        file.unlink()
    answer = served.get("/")
    assert answer.status_code == 503
    assert "Sổ cái tạm thời chưa đọc được" in answer.text
    assert str(tmp_path) not in answer.text


def test_readers_in_parallel_are_all_answered(site_page: SERVED) -> None:
    found: list[int] = []

    def read() -> None:
        found.append(site_page.get("/sites/dong-dang/links/fixed").status_code)

    threads = [threading.Thread(target=read) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [200] * 12

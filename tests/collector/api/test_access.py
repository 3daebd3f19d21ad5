"""Who may read what: tokens, scopes, and what is internal of TSLCD lines."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert
from tests.collector.api.conftest import (
    CLOSED,
    INTERNAL,
    NODE,
    PAGE,
    PERSON,
    PUBLIC,
    V6,
    Ask,
    addresses,
    app_over,
    asking,
    everything,
)

from doxa_collector.api.audience import Audience
from doxa_collector.api.resources import all_resources
from doxa_collector.api.tokens import Tokens, read_tokens
from doxa_collector.config import read_settings
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.schema import link
from doxa_core.errors import InputError

SINGLES = (
    "/sites/dong-dang",
    "/places/06184",
    "/plans/d-ha-tinh",
    f"/closings/{CLOSED}",
    "/incidents/7",
    "/openapi.json",
)
LISTS = tuple(
    one.path for one in all_resources() if one.is_list and one.path not in ("/evidence", "/documents", "/places")
)


def strings(found: Any) -> set[str]:
    """Every key and text in an answer."""
    if isinstance(found, dict):
        return set(found).union(*map(strings, found.values())) if found else set()
    if isinstance(found, list):
        return set().union(*map(strings, found)) if found else set()
    return {found} if isinstance(found, str) else set()


def all_said(ask: Ask) -> set[str]:
    """Every string that the API says."""
    said: set[str] = set()
    for path in LISTS:
        said |= strings(everything(ask, path.replace("{month}", CLOSED) + "?limit=200"))
    for path in SINGLES:
        said |= strings(ask(path).json())
    for name in ("fixed", "mobile", "tslcd"):
        said |= strings(everything(ask, f"/evidence?site=dong-dang&link={name}&meter=speed&lines=true&limit=200"))
    for number in (*range(1, 12), *range(200, 220)):
        said |= strings(ask(f"/evidence/{number}").json())
    return said


def test_a_public_token_sees_no_internal_address_and_no_persons_name_anywhere(app: Any) -> None:
    public, internal = all_said(asking(app, PUBLIC)), all_said(asking(app, INTERNAL))
    secret = addresses() | {PERSON}
    assert all(any(word in text for text in internal) for word in secret), "the ledger has what is to be hidden"
    assert [(word, text) for word in secret for text in public if word in text] == []
    assert any("•••" in text for text in public)


def test_the_pages_own_token_sees_no_address_of_a_tslcd_line_unless_the_page_shows_them(
    app: Any, filled: Engine, tokens_file: Path
) -> None:
    hidden = all_said(asking(app, PAGE))
    tslcd = {f"10.{third}.6.{host}" for third in (12,) for host in (1, 2)}  # of Đồng Đăng's third line
    assert [(word, text) for word in tslcd for text in hidden if word in text] == []
    assert any(PERSON in text for text in hidden)
    shown = all_said(asking(app_over(filled, tokens_file, reveal_tslcd=True), PAGE))
    assert all(any(word in text for text in shown) for word in tslcd)


def test_a_tslcd_lines_provider_contract_hash_and_signature_are_for_internal_tokens(app: Any) -> None:
    def of(token: str) -> tuple[Any, Any]:
        ask = asking(app, token)
        (line,) = everything(ask, "/links?site=dong-dang&kind=tslcd")
        return line, everything(ask, "/evidence?site=dong-dang&link=tslcd&meter=speed&lines=true&limit=2")[0]

    line, run = of(INTERNAL)
    assert {"provider", "contract", "technology"} <= line.keys()
    assert {"line", "sha256"} <= run.keys()
    for token in (PUBLIC, PAGE):
        line, run = of(token)
        assert not line.keys() & {"provider", "contract", "technology"}
        assert line["contracted_down_mbps"] == 200
        assert not run.keys() & {"line", "sha256", "signature"}
        assert NODE not in run["far_end"]
        assert V6 not in str(run)


def test_a_line_that_was_tslcd_once_or_that_nobody_registered_stays_hidden(own: Engine, tokens_file: Path) -> None:
    with writing(own) as conn:
        old = {
            "site": "dong-dang",
            "link": "mobile",
            "valid_from": "2020-01-01",
            "valid_to": "2020-12-31",
            "kind": "tslcd",
        }
        conn.execute(insert(link).values(**old))
        conn.execute(link.delete().where(link.c.site == "my-hao", link.c.link == "mobile"))
    ask = asking(app_over(own, tokens_file), PUBLIC)
    for site, name in (("dong-dang", "mobile"), ("my-hao", "mobile")):
        run = everything(ask, f"/evidence?site={site}&link={name}&meter=speed")[0]
        assert "sha256" not in run
        assert NODE not in str(run)
    assert not any("provider" in row for row in everything(ask, "/links?site=dong-dang") if row["link"] == "mobile")


def test_papers_and_kept_results_name_persons_so_they_are_not_public(app: Any) -> None:
    ask = asking(app, PUBLIC)
    for path in ("/documents", f"/documents/progress/{CLOSED}/d-ha-tinh", f"/closings/{CLOSED}/result"):
        answer = ask(path)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:doxa:problem:not-for-this-scope")


# --- coming in


@pytest.mark.parametrize("path", [*SINGLES, "/links", "/khong-co", ""])
def test_nothing_is_answered_without_a_token_or_with_a_wrong_one(filled: Engine, tokens_file: Path, path: str) -> None:
    app = app_over(filled, tokens_file)  # one of its own: it counts wrong tokens
    for wrong in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {PAGE}"},
        {"cookie": "doxa_session=9.9"},
    ):
        answer = asking(app, None)(path, **wrong)
        if not path and answer.status_code == 404:
            continue  # /api/v1 itself is a page's address, and the page asks for its own token
        assert answer.status_code in (401, 429), (path, wrong)
        assert answer.status_code == 429 or answer.headers["www-authenticate"].startswith("Bearer")
    for method in ("POST", "OPTIONS", "HEAD"):
        assert asking(app, None)(path, method).status_code in (401, 303)


def test_tokens_of_the_api_open_no_page_and_a_session_of_the_page_opens_no_api(
    filled: Engine, tokens_file: Path
) -> None:
    app = app_over(filled, tokens_file)
    assert asking(app, INTERNAL)("/%2e%2e/%2e%2e/sites").status_code == 404
    ask = asking(app, PAGE)
    assert ask("/links").status_code == 200
    import httpx
    from tests.collector.api.conftest import _loop

    async def page(token: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.get("/api/links.json", headers={"authorization": f"Bearer {token}"})

    assert _loop().run(page(PAGE)).status_code == 200
    assert _loop().run(page(INTERNAL)).status_code == _loop().run(page(PUBLIC)).status_code == 401


def test_who_guesses_tokens_must_wait_also_with_the_right_one(filled: Engine, tokens_file: Path) -> None:
    ask = asking(app_over(filled, tokens_file))
    for n in range(8):
        assert ask("/links", token=f"guess-{n}").status_code == 401
    answer = ask("/links")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 301


def test_without_a_token_of_the_page_this_machine_sees_what_the_page_shows(filled: Engine, tokens_file: Path) -> None:
    ask = asking(app_over(filled, tokens_file, token=None), None)
    (line,) = everything(ask, "/links?site=dong-dang&kind=tslcd")
    assert "provider" not in line
    assert ask("/documents").status_code == 200
    assert ask("/links", token="wrong").status_code == 401
    assert ask("/links", host="evil.example").status_code == 421
    assert "provider" in everything(asking(app_over(filled, tokens_file, token=None), INTERNAL), "/links?kind=tslcd")[0]


def test_a_token_that_is_taken_out_of_the_file_ends_at_once_and_a_broken_file_opens_nothing(
    filled: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "tokens"
    digest = hashlib.sha256(PUBLIC.encode()).hexdigest()
    file.write_text(f"so-khcn public {digest}\n")
    ask = asking(app_over(filled, file), PUBLIC)
    assert ask("/links").status_code == 200
    for n, content in enumerate(("", f"so-khcn public {digest}\nbroken\n", f"so-khcn everything {digest}\n")):
        file.write_text(content)
        os.utime(file, ns=(n, n))
        assert ask("/links").status_code == 401, content
    file.write_text(f"so-khcn public {digest}\n")
    assert ask("/links").status_code == 200
    file.unlink()
    assert ask("/links").status_code == 401


@pytest.mark.parametrize(
    "line",
    [
        "a public",
        "a public xyz",
        "A public " + "0" * 64,
        "a root " + "0" * 64,
        "a public " + "0" * 64 + "\na public " + "1" * 64,
    ],
)
def test_a_wrong_file_of_tokens_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# head\n\n{line}\n")
    with pytest.raises(InputError, match=rf"{re.escape(str(file))}:[34]: "):
        read_tokens(file)


@given(st.text(max_size=100))
def test_any_offered_text_is_compared_without_a_fault(text: str) -> None:
    assert Tokens(None).find(text) is None


def test_the_file_holds_no_token_and_a_scope_is_what_it_says(tokens_file: Path) -> None:
    content = tokens_file.read_text()
    assert PUBLIC not in content
    assert INTERNAL not in content
    assert {token.name: token.audience for token in read_tokens(tokens_file).values()} == {
        "public": Audience.PUBLIC, "internal": Audience.INTERNAL
    }  # fmt: skip


def test_the_settings_of_the_api_are_read_and_what_is_wrong_in_its_files_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "sites.toml").write_text("")
    (tmp_path / "tokens").write_text("so-khcn public " + "0" * 64 + "\n")
    file = tmp_path / "collector.toml"
    head = '[broker]\nhost = "localhost"\n[registry]\nfile = "sites.toml"\n[ledger]\npath = "ledger.db"\n[web.api]\n'
    file.write_text(f'{head}tokens_file = "tokens"\n')
    found = read_settings(file)
    assert found.web is not None
    assert found.web.page.api.tokens_file == tmp_path / "tokens"
    for wrong in ('tokens_file = "khong-co"', 'tokens_fil = "tokens"', 'paper_file = "sites.toml"'):
        file.write_text(f"{head}{wrong}\n")
        with pytest.raises(InputError):
            read_settings(file)
    (tmp_path / "tokens").write_text("so-khcn everything " + "0" * 64 + "\n")
    file.write_text(f'{head}tokens_file = "tokens"\n')
    with pytest.raises(InputError, match="tokens:1"):
        read_settings(file)

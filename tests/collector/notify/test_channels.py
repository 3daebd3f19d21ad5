"""Each channel against a local server that behaves like the real service."""

import email
import email.policy
import hashlib
import hmac
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.notify.mail import PostOffice, post_office_open
from tests.collector.notify.services import Service, TelegramBot, ZaloOa, serving

from doxa_collector.notify import channels
from doxa_collector.notify.channel import Channel, Message, NotTakenError
from doxa_core.errors import InputError
from doxa_core.strict import Table

HELLO = Message(
    title="[NGHIÊM TRỌNG] 08:05 24/11/2026 – Xã Đồng Đăng (06184): mất kết nối",
    body="Nguyên nhân: mất điện.",
    fields={"event": "opened", "incident": 7},
)


def channel(kind: str, folder: Path, **options: Any) -> Channel:
    module = channels.load(kind)
    table = Table(options, "collector.toml", "notify.x.")
    found = module.read_options(table, folder)
    table.close()
    return module.open_channel(found)


def secret(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text)
    file.chmod(0o600)
    return name


# --- webhook


def test_a_webhook_gets_one_signed_document(tmp_path: Path) -> None:
    with serving(lambda _: (204, {}, {})) as service:
        hook = channel("webhook", tmp_path, url=f"{service.url}/in?x=1", secret_file=secret(tmp_path, "s", "khóa\n"))
        hook.send(HELLO)
    (asked,) = service.asked
    assert asked.path == "/in?x=1"
    found = asked.json()
    assert (found["schema"], found["incident"], found["title"]) == (1, 7, HELLO.title)
    assert found["text"] == f"{HELLO.title}\n{HELLO.body}"
    expected = hmac.new("khóa".encode(), asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["x-doxa-signature"] == f"sha256={expected}"


@pytest.mark.parametrize(("status", "for_ever"), [(500, False), (404, False), (429, False), (422, True), (302, False)])
def test_a_refusal_tells_what_is_hopeless_from_what_may_mend(tmp_path: Path, status: int, for_ever: bool) -> None:
    headers = {"Retry-After": "42"} if status == 429 else {"Location": "http://192.0.2.1/"} if status == 302 else {}
    with serving(lambda _: (status, {"why": "so"}, headers)) as service:
        with pytest.raises(NotTakenError) as caught:
            channel("webhook", tmp_path, url=service.url).send(HELLO)
        assert (caught.value.for_ever, caught.value.retry_after_s) == (for_ever, 42.0 if status == 429 else None)
        assert str(status) in caught.value.text.vi
        assert len(service.asked) == 1  # no redirect is followed


def test_a_receiver_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotTakenError) as caught:
        channel("webhook", tmp_path, url="http://127.0.0.1:9/").send(HELLO)
    assert "không kết nối được" in caught.value.text.vi
    assert not caught.value.for_ever


@pytest.mark.parametrize(
    "url", ["http://noc.example.vn/x", "ftp://a/b", "https://user:pw@a/b", "khong-phai-url", "https:///x"]
)
def test_a_url_that_would_leak_or_lead_nowhere_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match=r"notify\.x\.url"):
        channel("webhook", tmp_path, url=url)


# --- Telegram


@pytest.fixture
def bot() -> Iterator[tuple[TelegramBot, Service]]:
    answers = TelegramBot("17:AA", ("-100123",), flood_after=2)
    with serving(answers) as service:
        yield answers, service


def telegram(folder: Path, service: Service, token: str = "17:AA", chat: str = "-100123") -> Channel:
    return channel("telegram", folder, token_file=secret(folder, "t", token), chat_id=chat, url=service.url)


def test_telegram_gets_plain_text_in_the_chat(bot: tuple[TelegramBot, Service], tmp_path: Path) -> None:
    answers, service = bot
    found = telegram(tmp_path, service)
    assert "@doxa_bot" in found.check().vi
    found.send(HELLO)
    (message,) = answers.messages
    assert message["text"].startswith("[NGHIÊM TRỌNG]")
    assert "parse_mode" not in message


def test_telegram_cuts_what_is_too_long_and_waits_as_long_as_it_is_told(
    bot: tuple[TelegramBot, Service], tmp_path: Path
) -> None:
    answers, service = bot
    found = telegram(tmp_path, service)
    found.send(Message(title="dài", body="đ" * 9000))
    assert len(answers.messages[0]["text"]) == 4096
    found.send(HELLO)
    with pytest.raises(NotTakenError) as caught:
        found.send(HELLO)
    assert caught.value.retry_after_s == 7.0


@pytest.mark.parametrize(("token", "chat", "word"), [("18:BB", "-100123", "token_file"), ("17:AA", "9", "chat_id")])
def test_telegram_names_what_is_wrong_and_never_the_token(
    bot: tuple[TelegramBot, Service], tmp_path: Path, token: str, chat: str, word: str
) -> None:
    with pytest.raises(NotTakenError) as caught:
        telegram(tmp_path, bot[1], token, chat).send(HELLO)
    assert word in caught.value.text.vi
    assert token not in caught.value.text.vi + caught.value.text.en


# --- Zalo


def zalo(folder: Path, service: Service, *users: str, access: str = "access-0", refresh: str = "refresh-0") -> Channel:
    tokens = json.dumps({"access_token": access, "refresh_token": refresh})
    return channel(
        "zalo", folder, tokens_file=secret(folder, "tokens", tokens), secret_key_file=secret(folder, "k", "app-secret"),
        app_id="17", user_ids=list(users), url=service.url, oauth_url=service.url,
    )  # fmt: skip


def test_zalo_writes_to_each_follower_and_passes_over_one_that_left(tmp_path: Path) -> None:
    oa = ZaloOa("access-0", "refresh-0", ("u1", "u3"))
    with serving(oa) as service:
        zalo(tmp_path, service, "u1", "u2", "u3").send(HELLO)
    assert [user for user, _ in oa.messages] == ["u1", "u3"]


def test_zalo_renews_an_expired_token_once_and_keeps_the_new_pair(tmp_path: Path) -> None:
    oa = ZaloOa("another", "refresh-0", ("u1",))
    with serving(oa) as service:
        found = zalo(tmp_path, service, "u1")
        found.send(HELLO)
        found.send(HELLO)
    assert (len(oa.messages), oa.renewed) == (2, 1)
    kept = json.loads((tmp_path / "tokens").read_text())
    assert kept == {"access_token": "access-1", "refresh_token": "refresh-1"}
    assert (tmp_path / "tokens").stat().st_mode & 0o077 == 0


def test_zalo_says_how_to_mend_a_used_up_refresh_token(tmp_path: Path) -> None:
    with serving(ZaloOa("another", "another", ("u1",))) as service, pytest.raises(NotTakenError) as caught:
        zalo(tmp_path, service, "u1").send(HELLO)
    assert "cấp quyền lại" in caught.value.text.vi
    assert "refresh-0" not in caught.value.text.vi


def test_zalo_goes_on_after_its_quota_with_those_who_have_not_got_it(tmp_path: Path) -> None:
    oa = ZaloOa("access-0", "refresh-0", ("u1", "u2"))
    oa.quota = 1
    with serving(oa) as service:
        found = zalo(tmp_path, service, "u1", "u2")
        with pytest.raises(NotTakenError) as caught:
            found.send(HELLO)
        assert caught.value.retry_after_s
        oa.quota = 10
        found.send(HELLO)
    assert [user for user, _ in oa.messages] == ["u1", "u2"]


# --- SMTP


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("smtp")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", key, "-out", cert, "-days", "2", *names], check=True, capture_output=True)
    return cert, key


@pytest.fixture
def post_office(certificate: tuple[Path, Path]) -> Iterator[PostOffice]:
    with post_office_open(certificate, "doxa", "mật-khẩu") as found:
        yield found


def smtp(folder: Path, port: int, cert: Path, *to: str, password: str = "mật-khẩu", ca: bool = True) -> Channel:
    options: dict[str, Any] = {"ca_file": str(cert)} if ca else {}
    return channel(
        "smtp", folder, host="localhost", port=port, sender="doxa@so-khcn.gov.vn", recipients=list(to), username="doxa",
        password_file=secret(folder, "pw", password), **options,
    )  # fmt: skip


def test_a_letter_goes_encrypted_with_our_account_and_its_vietnamese_subject(
    post_office: PostOffice, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    found = smtp(tmp_path, post_office.port, certificate[0], "noc@tinh.gov.vn", "truc@tinh.gov.vn")
    assert "2 người" in found.check().vi
    found.send(HELLO)
    (letter,) = post_office.letters
    assert letter.encrypted
    assert letter.account == "doxa"
    assert letter.to == ["noc@tinh.gov.vn", "truc@tinh.gov.vn"]
    read = email.message_from_bytes(letter.content, policy=email.policy.default)
    assert read["Subject"] == HELLO.title
    assert read["Auto-Submitted"] == "auto-generated"
    body = read.get_body()
    assert body is not None
    assert "mất điện" in body.get_content()


def test_a_wrong_password_a_strange_certificate_and_an_unknown_recipient_are_told_apart(
    post_office: PostOffice, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    port = post_office.port
    cases = [
        (smtp(tmp_path, port, certificate[0], "a@b.vn", ca=False), "chứng thư", False),
        (smtp(tmp_path, port, certificate[0], "nobody@b.vn"), "550", True),
    ]
    for found, word, for_ever in cases:
        with pytest.raises(NotTakenError) as caught:
            found.send(HELLO)
        assert word in caught.value.text.vi
        assert caught.value.for_ever is for_ever
    with pytest.raises(NotTakenError) as caught:
        smtp(tmp_path, port, certificate[0], "a@b.vn", password="sai").send(HELLO)
    assert "password_file" in caught.value.text.vi


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"recipients": []}, "recipients"), ({"recipients": ["khong phai"]}, "recipients"), ({"sender": "@"}, "sender"),
        ({"security": "none", "host": "mail.example.vn"}, "security"), ({"username": "x"}, "username"),
    ],
)  # fmt: skip
def test_bad_mail_settings_are_named(tmp_path: Path, options: dict[str, Any], key: str) -> None:
    good: dict[str, Any] = {"host": "localhost", "sender": "a@b.vn", "recipients": ["c@d.vn"]}
    with pytest.raises(InputError, match=r"notify\.x\." + ("password_file" if key == "username" else key)):
        channel("smtp", tmp_path, **(good | options))


@given(st.text(max_size=40))
def test_any_text_as_an_address_is_taken_or_refused_in_one_sentence(text: str) -> None:
    good: dict[str, Any] = {"host": "localhost", "sender": "a@b.vn", "recipients": [text]}
    try:
        channel("smtp", Path("/"), **good)
    except InputError as error:
        assert "notify.x.recipients" in str(error)


@given(st.text(max_size=300), st.text(max_size=300), st.integers(2, 200))
def test_a_message_is_never_longer_than_its_channel_carries(title: str, body: str, longest: int) -> None:
    assert len(Message(title=title, body=body).text(longest)) <= longest

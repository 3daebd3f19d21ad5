"""`[[org.contact]]`: where alarms go. The kinds are those that a Vietnamese NOC uses with Grafana's own integrations."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from doxa_core.language import Text
from doxa_core.strict import Table
from doxa_dashboards.publish.secret import Base, optional_secret_file, secret_file

SEVERITIES: Final = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One way to reach people, and which alarms go there."""

    title: str
    type: str
    """Grafana's word for the integration: email, telegram, webhook."""
    settings: dict[str, Any]
    """What is no secret."""
    secret_key: str | None = None
    """The setting that takes the word of `secret_file`."""
    secret_file: Path | None = None
    provinces: tuple[str, ...] = ()
    """Only alarms of these provinces; empty: all."""
    severities: tuple[str, ...] = ()
    """Only alarms of these severities; empty: all."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Settings that go with the secret."""


def read_contact(table: Table, base: Base) -> Contact:
    """One contact; `InputError` for the first mistake."""
    title = table.text("name", pattern=_TITLE, wanted=_TITLE_TEXT)
    kind = table.choice("type", sorted(_READERS))
    given = _READERS[kind](table, base)
    contact = Contact(
        title=title,
        type=kind,
        provinces=_chosen(table, "provinces", _PROVINCE, _PROVINCES_TEXT),
        severities=_chosen(table, "severities", _SEVERITY, _SEVERITIES_TEXT),
        **given,
    )
    table.close()
    return contact


def _chosen(table: Table, key: str, pattern: re.Pattern[str], wanted: Text) -> tuple[str, ...]:
    found = table.texts(key, ())
    for value in found:
        if not pattern.fullmatch(value):
            what = Text(vi=f"giá trị «{value}» không hợp lệ", en=f"the value '{value}' is not valid")
            raise table.refuse(key, what, Text(vi=f"hãy ghi {wanted.vi}", en=f"write {wanted.en}"))
    return tuple(dict.fromkeys(found))


def _email(table: Table, _base: Base) -> dict[str, Any]:
    addresses = _chosen(table, "addresses", _ADDRESS, _ADDRESSES_TEXT)
    if not addresses:
        raise table.refuse(
            "addresses", _EMPTY, Text(vi=f"hãy ghi {_ADDRESSES_TEXT.vi}", en=f"write {_ADDRESSES_TEXT.en}")
        )
    return {"settings": {"addresses": ";".join(addresses), "singleEmail": True}}


def _telegram(table: Table, base: Base) -> dict[str, Any]:
    return {
        "settings": {"chatid": table.text("chat_id", pattern=_CHAT, wanted=_CHAT_TEXT)},
        "secret_key": "bottoken",
        "secret_file": secret_file(table, "token_file", base),
    }


def _webhook(table: Table, base: Base) -> dict[str, Any]:
    url = table.text("url", pattern=_URL, wanted=_URL_TEXT)
    file = optional_secret_file(table, "token_file", base)
    found: dict[str, Any] = {"settings": {"url": url, "httpMethod": "POST"}}
    if file is not None:
        found |= {"secret_key": "authorization_credentials", "secret_file": file}
        found["extra"] = {"authorization_scheme": "Bearer"}
    return found


_READERS: Final = {"email": _email, "telegram": _telegram, "webhook": _webhook}
_TITLE: Final = re.compile(r"[^\x00-\x1f\"\\$]{1,60}")
_TITLE_TEXT = Text(vi="một tên ngắn, ví dụ Trực NOC", en="a short name, such as NOC on duty")
_PROVINCE: Final = re.compile(r"[0-9]{2}")
_SEVERITY: Final = re.compile("|".join(SEVERITIES))
_ADDRESS: Final = re.compile(r"[^\s@;,<>$]+@[^\s@;,<>$]+")
_CHAT: Final = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{5,32}")
_URL: Final = re.compile(r"https?://[^\s/@?#$]+(/[^\s#@$]*)?")
_PROVINCES_TEXT = Text(vi='các mã tỉnh hai chữ số, ví dụ ["20"]', en='province codes of two digits, such as ["20"]')
_SEVERITIES_TEXT = Text(
    vi=f"trong các mức: {', '.join(SEVERITIES)}", en=f"some of the severities: {', '.join(SEVERITIES)}"
)
_ADDRESSES_TEXT = Text(
    vi='các địa chỉ thư, ví dụ ["noc@example.vn"]', en='addresses of mail, such as ["noc@example.vn"]'
)
_CHAT_TEXT = Text(
    vi='số của cuộc trò chuyện, ví dụ "-1001234567890"', en='the number of the chat, such as "-1001234567890"'
)
_URL_TEXT = Text(vi="địa chỉ http hoặc https không kèm mật khẩu", en="an http or https address without a password")
_EMPTY = Text(vi="không có địa chỉ nào", en="there is no address")

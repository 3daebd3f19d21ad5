"""`grafana.toml`: which organisation of which Grafana shows what to whom. Strict: every key is read or refused.

A Grafana viewer may ask a data source for anything in it, whatever the dashboards show. So the public has an
organisation of its own whose data sources stand on a store of its own, written by a sink with `audience = "public"`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from doxa_core.errors import InputError
from doxa_core.language import LANGUAGES, Language, Text
from doxa_core.strict import Table, read_toml
from doxa_dashboards.publish.contact_settings import Contact, read_contact
from doxa_dashboards.publish.secret import Base, optional_secret_file, secret_file

DEFAULT_FILE: Final = Path("/etc/doxa/grafana.toml")


class Audience(StrEnum):
    """Who looks at an organisation; the words of a sink's `audience`."""

    INTERNAL = "internal"
    PUBLIC = "public"


class Access(StrEnum):
    """What a team may do in its folders."""

    VIEW = "view"
    EDIT = "edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The store behind the data sources, as Grafana's server reaches it."""

    url: str
    database: str
    """Of single runs; the other tiers' are `<database>_5m` and `<database>_long`."""
    token_file: Path | None = None
    """A token that may only read."""
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Who may see or change what."""

    name: str
    access: Access
    province: str | None = None
    """Its one province; None for all folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """One organisation of one Grafana."""

    name: str
    """Our word for it, in messages and as the folder of its provisioning files."""
    audience: Audience
    store: Store
    url: str = ""
    """Grafana's address; empty where only files are made."""
    token_file: Path | None = None
    ca_file: Path | None = None
    timeout_s: float = 15.0
    org_id: int = 1
    """Its number, which provisioning files need; the API knows it by the token."""
    alerts: bool = False
    languages: tuple[Language, ...] = ("vi",)
    """Each page is published once in each."""
    contacts: tuple[Contact, ...] = ()
    teams: tuple[Team, ...] = ()

    @property
    def provinces(self) -> tuple[str, ...]:
        """Provinces with a folder of their own."""
        return tuple(sorted({team.province for team in self.teams if team.province is not None}))


def read_settings(file: Path, *, files: bool = True) -> tuple[Org, ...]:
    """All organisations; `InputError` for the first mistake. Unless `files`, the named secrets may be elsewhere."""
    table = read_toml(file)
    base = Base(file.resolve().parent, exist=files)
    orgs = tuple(_read_org(entry, base) for entry in table.array("org"))
    table.close()
    if not orgs:
        raise InputError(str(file), _NO_ORG, _WRITE_ORG)
    _refuse_mixing(file, orgs)
    return orgs


def _read_org(table: Table, base: Base) -> Org:
    audience = Audience(table.choice("audience", list(Audience)))
    contacts = tuple(read_contact(entry, base) for entry in table.array("contact"))
    alerts = table.flag("alerts", default=audience is Audience.INTERNAL)
    if audience is Audience.PUBLIC and (contacts or alerts):
        raise table.refuse("contact" if contacts else "alerts", _NO_PUBLIC_ALERTS, _MOVE_ALERTS)
    _refuse_twice(table, "contact", [contact.title for contact in contacts])
    org = Org(
        name=table.identifier("name"),
        audience=audience,
        url=_url(table, "url", "") or "",
        token_file=optional_secret_file(table, "token_file", base),
        ca_file=optional_secret_file(table, "ca_file", base),
        timeout_s=table.number("timeout_s", 0.1, 300, 15.0),
        org_id=table.integer("org_id", 1, 2**31 - 1, 1),
        store=_read_store(table.table("store"), base),
        alerts=alerts,
        languages=_languages(table),
        contacts=contacts,
        teams=_read_teams(table),
    )
    if bool(org.url) != (org.token_file is not None):
        missing = "url" if not org.url else "token_file"
        raise table.refuse(missing, _BOTH, _WRITE_BOTH)
    table.close()
    return org


def _read_store(table: Table, base: Base) -> Store:
    url = _url(table, "url")
    database = table.text("database", "doxa", pattern=_DATABASE, wanted=_DATABASE_TEXT)
    token_file = optional_secret_file(table, "token_file", base)
    ca_file = secret_file(table, "ca_file", base) if "ca_file" in table else None
    table.close()
    return Store(url=url, database=database, token_file=token_file, ca_file=ca_file)


def _read_teams(table: Table) -> tuple[Team, ...]:
    teams = []
    for entry in table.array("team"):
        name = entry.text("name")
        access = Access(entry.choice("access", list(Access), Access.VIEW))
        province = entry.text("province", None, pattern=_PROVINCE, wanted=_PROVINCE_TEXT)
        entry.close()
        teams.append(Team(name=name, access=access, province=province))
    _refuse_twice(table, "team", [team.name for team in teams])
    return tuple(teams)


def _languages(table: Table) -> tuple[Language, ...]:
    asked = table.texts("languages", ("vi",))
    known = tuple(language for language in LANGUAGES if language in asked)
    if len(known) != len(asked) or not known:
        raise table.refuse("languages", _NO_LANGUAGE, _WRITE_LANGUAGE)
    return known


def _refuse_twice(table: Table, key: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            what = Text(vi=f"tên «{name}» có hai lần", en=f"the name '{name}' is there twice")
            raise table.refuse(key, what, Text(vi="hãy đổi một tên", en="change one of them"))


def _refuse_mixing(file: Path, orgs: tuple[Org, ...]) -> None:
    """Two organisations of one name, and a public one on the store of an internal one."""
    names = [org.name for org in orgs]
    for name in names:
        if names.count(name) > 1:
            what = Text(vi=f"có hai [[org]] tên «{name}»", en=f"there are two [[org]] named '{name}'")
            raise InputError(str(file), what, Text(vi="hãy đổi một tên", en="change one of them"))
    internal = {_place(org.store) for org in orgs if org.audience is Audience.INTERNAL}
    for org in orgs:
        if org.audience is Audience.PUBLIC and _place(org.store) in internal:
            raise InputError(f"{file}: org «{org.name}»: store", _SAME_STORE, _OWN_STORE)


def _place(store: Store) -> tuple[str, str]:
    return store.url.lower(), store.database


def _url(table: Table, key: str, default: str | None = None) -> str:
    found = table.text(key) if default is None else table.text(key, default)
    if found and not _URL.fullmatch(found):  # without showing it: a password may stand in it
        raise table.refuse(key, _BAD_URL, Text(vi=f"hãy ghi {_URL_TEXT.vi}", en=f"write {_URL_TEXT.en}"))
    return found.rstrip("/")


_URL: Final = re.compile(r"https?://[^\s/@?#$]+(/[^\s?#@$]*)?")
_URL_TEXT = Text(
    vi="địa chỉ http hoặc https không kèm mật khẩu, ví dụ https://grafana.example.vn",
    en="an http or https address without a password, such as https://grafana.example.vn",
)
_BAD_URL = Text(vi="địa chỉ không hợp lệ", en="the address is not valid")
_DATABASE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_DATABASE_TEXT = Text(vi="tên kho, ví dụ doxa hoặc doxa_public", en="a bucket's name, such as doxa or doxa_public")
_PROVINCE: Final = re.compile(r"[0-9]{2}")
_PROVINCE_TEXT = Text(vi='mã tỉnh hai chữ số, ví dụ "20"', en='a province code of two digits, such as "20"')
_NO_ORG = Text(vi="không có [[org]] nào", en="there is no [[org]]")
_WRITE_ORG = Text(
    vi="hãy mô tả ít nhất một tổ chức của Grafana (docs/operating.md)",
    en="describe at least one organisation of Grafana (docs/operating.md)",
)
_NO_PUBLIC_ALERTS = Text(vi="tổ chức công khai không có cảnh báo", en="an organisation for the public has no alerts")
_MOVE_ALERTS = Text(
    vi='hãy chuyển sang tổ chức có audience = "internal"', en='move them to an organisation with audience = "internal"'
)
_NO_LANGUAGE = Text(vi="không phải danh sách ngôn ngữ", en="it is no list of languages")
_WRITE_LANGUAGE = Text(vi='hãy ghi ["vi"] hoặc ["vi", "en"]', en='write ["vi"] or ["vi", "en"]')
_BOTH = Text(vi="thiếu khóa này: url và token_file đi cùng nhau", en="it is missing: url and token_file go together")
_WRITE_BOTH = Text(
    vi="hãy ghi cả hai, hoặc bỏ cả hai nếu chỉ tạo tệp", en="write both, or neither where only files are made"
)
_SAME_STORE = Text(
    vi="tổ chức công khai dùng chung kho với tổ chức nội bộ, nên người xem hỏi được cả số liệu nội bộ",
    en="the public organisation stands on the store of an internal one, so its viewers could ask for internal series",
)
_OWN_STORE = Text(
    vi='hãy cho bộ thu thập ghi vào kho riêng (sink với audience = "public") và ghi database đó ở đây',
    en='let the collector write a store of its own (a sink with audience = "public") and name that database here',
)

"""sites.toml: which places, offices, lines and agents exist, and since when; contradictions are refused."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol

from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.names import IDENTIFIER
from doxa_core.strict import Table, read_toml

ALWAYS: Final = date(1970, 1, 1)
"""`valid_from` where the file names none."""
LEVELS: Final = ("province", "commune")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One state of an administrative unit: a rename or a merger begins another one. Both ends included."""

    code: str
    name: str
    level: str
    province: str
    valid_from: date = ALWAYS
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One state of a link: another contract or provider begins another one. Both ends included."""

    site: str
    link: str
    kind: LinkKind
    provider: str | None = None
    technology: str | None = None
    """Such as FTTH, 4G, a leased line: as the contract calls it."""
    contracted_down_mbps: float | None = None
    contracted_up_mbps: float | None = None
    layer: Layer | None = None
    """The layer at which the contract counts; None where it names none."""
    contract: str | None = None
    """The contract's number."""
    valid_from: date = ALWAYS
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An office."""

    site: str
    name: str
    place: str
    agents: tuple[str, ...]
    links: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Who may say something, and about what."""

    places: tuple[Place, ...] = ()
    sites: tuple[Site, ...] = ()

    def home_of(self) -> dict[str, str]:
        """Agent → site."""
        return {agent: site.site for site in self.sites for agent in site.agents}

    def lines_of(self) -> frozenset[tuple[str, str]]:
        """Every (site, link), at any time: when a line was valid matters to the judging, not to the keeping."""
        return frozenset((line.site, line.link) for site in self.sites for line in site.links)


def read_registry(file: Path) -> Registry:
    """The registry in `file`; `InputError` for what is wrong in it."""
    top = read_toml(file)
    places = [_place(table) for table in top.array("place")]
    sites = [_site(table) for table in top.array("site")]
    top.close()
    _check_validity([(("place", p.code), p) for p in places], str(file))
    _check_provinces(places, str(file))
    _check_sites(sites, {p.code for p in places}, str(file))
    _check_validity([(("link", f"{line.site}/{line.link}"), line) for s in sites for line in s.links], str(file))
    return Registry(places=tuple(places), sites=tuple(sites))


def _place(table: Table) -> Place:
    level = table.choice("level", LEVELS)
    code = table.text("code", pattern=_CODES[level], wanted=_CODE_TEXTS[level])
    province = table.text(
        "province", code if level == "province" else None, pattern=_CODES["province"], wanted=_CODE_TEXTS["province"]
    )
    if province is None:
        raise table.refuse(
            "province", _MISSING, Text(vi="hãy ghi mã tỉnh, ví dụ 33", en="write the province's code, such as 33")
        )
    if level == "province" and province != code:
        raise table.refuse("province", _OTHER_PROVINCE, Text(vi="hãy bỏ khóa này", en="remove this key"))
    valid_from, valid_to = _validity(table)
    place = Place(
        code=code, name=table.text("name"), level=level, province=province, valid_from=valid_from, valid_to=valid_to
    )
    table.close()
    return place


def _site(table: Table) -> Site:
    name = table.identifier("id")
    site = Site(
        site=name,
        name=table.text("name"),
        place=table.text("place"),
        agents=_agents(table),
        links=tuple(_line(name, found) for found in table.array("link")),
    )
    table.close()
    return site


def _agents(table: Table) -> tuple[str, ...]:
    agents = table.texts("agents", [])
    for agent in agents:
        if not IDENTIFIER.fullmatch(agent):
            raise table.refuse("agents", _BAD_NAME.fill(name=agent), _GOOD_NAME)
    return agents


def _line(site: str, table: Table) -> Line:
    down = table.number("contracted_down_mbps", 1e-3, 1e6, None)
    up = table.number("contracted_up_mbps", 1e-3, 1e6, None)
    layer = table.choice("layer", list(Layer), None)
    if layer is not None and down is None and up is None:
        raise table.refuse("layer", _NO_CONTRACT, _WRITE_CONTRACT)
    valid_from, valid_to = _validity(table)
    line = Line(
        site=site,
        link=table.identifier("id"),
        kind=LinkKind(table.choice("kind", list(LinkKind))),
        provider=table.text("provider", None),
        technology=table.text("technology", None),
        contract=table.text("contract", None),
        contracted_down_mbps=down,
        contracted_up_mbps=up,
        layer=None if layer is None else Layer(layer),
        valid_from=valid_from,
        valid_to=valid_to,
    )
    table.close()
    return line


def _validity(table: Table) -> tuple[date, date | None]:
    first, last = table.day("valid_from", ALWAYS), table.day("valid_to", None)
    if last is not None and last < first:
        what = Text(vi=f"ngày {last} đứng trước valid_from {first}", en=f"the day {last} is before valid_from {first}")
        raise table.refuse("valid_to", what, Text(vi="hãy sửa một trong hai", en="mend one of the two"))
    return first, last


class _Valid(Protocol):
    @property
    def valid_from(self) -> date: ...
    @property
    def valid_to(self) -> date | None: ...


def _check_validity(found: Sequence[tuple[tuple[str, str], _Valid]], where: str) -> None:
    """Two states of one thing may not hold on the same day: which of them would a measurement belong to?"""
    groups: dict[tuple[str, str], list[_Valid]] = defaultdict(list)
    for key, state in found:
        groups[key].append(state)
    for (kind, name), states in groups.items():
        ordered = sorted(states, key=lambda s: s.valid_from)
        for earlier, later in pairwise(ordered):
            if earlier.valid_to is None or earlier.valid_to >= later.valid_from:
                end = earlier.valid_to or Text(vi="không hết hạn", en="no end")
                what = _OVERLAP.fill(first=earlier.valid_from, end=end, second=later.valid_from)
                raise InputError(f"{where}: {kind} {name}", what, _END_FIRST)


def _check_provinces(places: Sequence[Place], where: str) -> None:
    provinces = {p.code for p in places if p.level == "province"}
    for place in places:
        if place.province not in provinces:
            what = _NO_PROVINCE.fill(code=place.province)
            raise InputError(f"{where}: place {place.code}", what, _ADD_PLACE.fill(code=place.province))


def _check_sites(sites: Sequence[Site], codes: set[str], where: str) -> None:
    homes: dict[str, str] = {}
    names: set[str] = set()
    for site in sites:
        at = f"{where}: site {site.site}"
        if site.site in names:
            raise InputError(at, _TWICE, _ONE_ONLY)
        names.add(site.site)
        if site.place not in codes:
            raise InputError(at, _NO_PLACE.fill(code=site.place), _ADD_PLACE.fill(code=site.place))
        for agent in site.agents:
            if agent in homes:
                raise InputError(at, _TWO_HOMES.fill(agent=agent, other=homes[agent]), _ONE_HOME)
            homes[agent] = site.site


_CODES: Final = {"province": re.compile(r"[0-9]{2}"), "commune": re.compile(r"[0-9]{5}")}
_CODE_TEXTS: Final = {
    "province": Text(
        vi='mã tỉnh gồm 2 chữ số trong dấu nháy, ví dụ "33"',
        en='a province\'s code of 2 digits in quotes, such as "33"',
    ),
    "commune": Text(
        vi='mã xã gồm 5 chữ số trong dấu nháy, ví dụ "11923"',
        en='a commune\'s code of 5 digits in quotes, such as "11923"',
    ),
}
_MISSING = Text(vi="thiếu khóa bắt buộc này", en="this required key is missing")
_OTHER_PROVINCE = Text(vi="một tỉnh không thể thuộc tỉnh khác", en="a province cannot be in another province")
_BAD_NAME = Text(vi="tên «{name}» không hợp lệ", en="the name '{name}' is not valid")
_GOOD_NAME = Text(
    vi="hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự",
    en="write lower-case letters, digits and inner hyphens, at most 40",
)
_NO_CONTRACT = Text(vi="có tầng tính cước mà không có tốc độ hợp đồng", en="a layer is named without a contracted rate")
_WRITE_CONTRACT = Text(
    vi="hãy ghi contracted_down_mbps (và contracted_up_mbps), hoặc bỏ khóa này",
    en="write contracted_down_mbps (and contracted_up_mbps), or remove this key",
)
_OVERLAP = Text(
    vi="hai thời hạn chồng nhau: từ {first} ({end}) và từ {second}",
    en="two validity periods overlap: from {first} ({end}) and from {second}",
)
_END_FIRST = Text(
    vi="hãy ghi valid_to của thời hạn trước, sớm hơn ngày bắt đầu thời hạn sau",
    en="write valid_to of the first period, earlier than the day on which the next begins",
)
_NO_PROVINCE = Text(vi="chưa có tỉnh mã {code}", en="there is no province with the code {code}")
_NO_PLACE = Text(vi="chưa có địa bàn mã {code}", en="there is no place with the code {code}")
_ADD_PLACE = Text(vi='hãy thêm [[place]] có code = "{code}"', en='add a [[place]] with code = "{code}"')
_TWICE = Text(vi="điểm đo này được ghi hai lần", en="this site stands twice")
_ONE_ONLY = Text(vi="hãy bỏ một trong hai", en="remove one of the two")
_TWO_HOMES = Text(
    vi="thiết bị {agent} đã thuộc điểm đo {other}", en="the agent {agent} already belongs to the site {other}"
)
_ONE_HOME = Text(vi="hãy để mỗi thiết bị ở đúng một điểm đo", en="let each agent belong to exactly one site")

"""The registry's places, sites and names, as a page needs them: read once a request, a few thousand short rows."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import place, site
from doxa_collector.plans.model import PlaceLevel, PlanPlace


def fold(text: str) -> str:
    """`text` for comparing as people search: no case, no Vietnamese marks (`Đồng Đăng` → `dong dang`)."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(c for c in plain if not unicodedata.combining(c))


class Site(NamedTuple):
    """One office."""

    site: str
    name: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """Which places and offices there are. Of a code that was used twice the latest validity counts."""

    names: Mapping[str, str]
    """Place code → name."""
    provinces: Mapping[str, str]
    """Place code → province code."""
    sites: Mapping[str, Site]
    by_place: Mapping[str, Sequence[Site]]

    def province_of(self, found: PlanPlace) -> str:
        """The province that a judged place lies in; of a province, itself."""
        return found.province

    def name_of(self, code: str) -> str:
        """The place's name, or its code where the registry does not know it."""
        return self.names.get(code, code)

    def sites_of(self, found: PlanPlace) -> list[Site]:
        """The offices of a judged place: a commune's own, an area's members', all of a province."""
        if found.level is PlaceLevel.PROVINCE:
            return [s for s in self.sites.values() if self.provinces.get(s.place) == found.code]
        return [s for code in found.members or (found.code,) for s in self.by_place.get(code, ())]


def read_atlas(conn: Connection) -> Atlas:
    """The places and sites of the registry; plain tuples, because there are thousands and every page asks."""
    p = place.c
    names: dict[str, str] = {}
    provinces: dict[str, str] = {}
    for code, name, province in conn.execute(select(p.code, p.name, p.province).order_by(p.valid_from)):
        names[code], provinces[code] = name, province
    sites = {
        key: Site(key, name, code)
        for key, name, code in conn.execute(select(site.c.site, site.c.name, site.c.place_code).order_by(site.c.name))
    }
    by_place: dict[str, list[Site]] = {}
    for found in sites.values():
        by_place.setdefault(found.place, []).append(found)
    return Atlas(names=names, provinces=provinces, sites=sites, by_place=by_place)

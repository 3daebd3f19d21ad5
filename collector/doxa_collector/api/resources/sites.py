"""Sites (offices) and their links with validity."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import and_, select, tuple_

from doxa_collector.api.audience import Audience
from doxa_collector.api.params import code, day, identifier, one_of, province
from doxa_collector.api.resource import Asked, Page, Resource, Single
from doxa_collector.api.resources._common import Lines, cut, internal_lines
from doxa_collector.api.types import DAY, NAME, NUMBER, WORDS, Field, Listing, Record, choice
from doxa_collector.ledger.reading import valid_on
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import link, place, probe, site
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind

_TSLCD: Final = "Of a TSLCD line for scope `internal` only."
LINK: Final = Record(
    "Link",
    "One line of a site, from one day to another: a raised contract is a new row, so last year stays as it was.",
    (
        Field("site", NAME, "The site's identifier."),
        Field("link", NAME, "The link's identifier within the site."),
        Field("kind", choice(LinkKind), "fixed, mobile, or tslcd (the State's specialised network)."),
        Field("valid_from", DAY, "The first day; 1970-01-01 where it is not known."),
        Field("valid_to", DAY, "The last day, included; absent where it is still so.", sure=False),
        Field("provider", WORDS, f"Who provides it. {_TSLCD}", sure=False),
        Field("technology", WORDS, f"As the registry says it. {_TSLCD}", sure=False),
        Field("contract", WORDS, f"The contract's number. {_TSLCD}", sure=False, least=Audience.OFFICE),
        Field("contracted_down_mbps", NUMBER, "Contracted rate to the site, at `contracted_layer`.", sure=False),
        Field("contracted_up_mbps", NUMBER, "Contracted rate from the site, at `contracted_layer`.", sure=False),
        Field(
            "contracted_layer",
            choice(Layer),
            "The layer that the contract names; absent where it names none.",
            sure=False,
        ),
    ),
)
_SITE_FIELDS: Final = (
    Field("site", NAME, "The site's identifier."),
    Field("name", WORDS, "The office's name."),
    Field("place", NAME, "The code of the commune that it lies in."),
    Field(
        "place_name", NAME, "The commune's name today; absent where the registry does not know the code.", sure=False
    ),
    Field("province", NAME, "The province's code today.", sure=False),
)
SITE: Final = Record("Site", "One office.", _SITE_FIELDS)
WHOLE_SITE: Final = Record(
    "SiteWithLinks",
    "One office with its probes and all its links, those of former contracts too.",
    (
        *_SITE_FIELDS,
        Field("agents", Listing(NAME), "Its probes.", least=Audience.OFFICE),
        Field("links", Listing(LINK), "By link and first day."),
    ),
)


def read_sites(asked: Asked) -> Page:
    """The offices by identifier."""
    query = _sites(asked).order_by(site.c.site).limit(asked.limit + 1)
    for name, column in (("place", site.c.place_code), ("province", place.c.province)):
        if (wanted := asked.get(name)) is not None:
            query = query.where(column == wanted)
    if asked.after is not None:
        query = query.where(site.c.site > asked.after[0])
    rows, more = cut(asked.conn.execute(query).all(), asked.limit)
    return Page(rows=[_site(row) for row in rows], next=(rows[-1].site,) if more else None)


def read_site(asked: Asked) -> Single | None:
    """One office."""
    row = asked.conn.execute(_sites(asked).where(site.c.site == asked.get("site"))).first()
    if row is None:
        return None
    agents = asked.conn.execute(select(probe.c.agent).where(probe.c.site == row.site).order_by(probe.c.agent)).scalars()
    links = asked.conn.execute(
        select(link).where(link.c.site == row.site).order_by(link.c.link, link.c.valid_from)
    ).all()
    return Single(row=_site(row) | {"agents": list(agents), "links": _links(asked, links)})


def _sites(asked: Asked) -> Any:
    there = and_(place.c.code == site.c.place_code, valid_on(place, asked.today))
    return select(site, place.c.name.label("place_name"), place.c.province).select_from(site.outerjoin(place, there))


def _site(row: AnyRow) -> dict[str, Any]:
    return {
        "site": row.site, "name": row.name, "place": row.place_code, "place_name": row.place_name, "province": row.province,
    }  # fmt: skip


def read_links(asked: Asked) -> Page:
    """The lines by site, link and first day."""
    c = link.c
    query = select(link).order_by(c.site, c.link, c.valid_from).limit(asked.limit + 1)
    if (wanted := asked.get("site")) is not None:
        query = query.where(c.site == wanted)
    if (kind := asked.get("kind")) is not None:
        query = query.where(c.kind == kind)
    if (on := asked.get("on")) is not None:
        query = query.where(valid_on(link, on))
    if asked.after is not None:
        query = query.where(tuple_(c.site, c.link, c.valid_from) > tuple_(*asked.after))
    rows, more = cut(asked.conn.execute(query).all(), asked.limit)
    last = (rows[-1].site, rows[-1].link, rows[-1].valid_from) if more else None
    return Page(rows=_links(asked, rows), next=last)


def _links(asked: Asked, rows: Sequence[AnyRow]) -> list[Mapping[str, Any]]:
    lines = internal_lines(asked.conn, [row.site for row in rows])
    return [_link(row, lines, reveals=asked.view.reveals) for row in rows]


def _link(row: AnyRow, lines: Lines, *, reveals: bool) -> Mapping[str, Any]:
    shown = reveals or not lines.internal(row.site, row.link)
    return {
        "site": row.site, "link": row.link, "kind": row.kind, "valid_from": row.valid_from, "valid_to": row.valid_to,
        "provider": row.provider if shown else None, "technology": row.technology if shown else None,
        "contract": row.contract if shown else None, "contracted_down_mbps": row.contracted_down_mbps,
        "contracted_up_mbps": row.contracted_up_mbps, "contracted_layer": row.layer,
    }  # fmt: skip


RESOURCES: Final = (
    Resource(
        path="/sites", name="listSites", record=SITE, read=read_sites, key=(str,),
        title=Text(vi="trụ sở", en="sites"), about="The offices of the registry, by identifier.",
        params=(code("place", "Those of this commune."), province()),
    ),
    Resource(
        path="/sites/{site}", name="getSite", record=WHOLE_SITE, read=read_site,
        title=Text(vi="một trụ sở", en="one site"), about="One office with its probes and links.",
        params=(identifier("site", "The site's identifier."),),
        missing=Text(vi="danh mục không có trụ sở này", en="the registry has no such site"),
    ),
    Resource(
        path="/links", name="listLinks", record=LINK, read=read_links, key=(str, str, str),
        title=Text(vi="đường truyền", en="links"),
        about="The lines with their validity and contracts, by site, link and first day; those of former contracts too unless `on` "
        "names a day.",
        params=(
            identifier("site", "Those of this site."),
            one_of("kind", "Those of this kind.", [kind.value for kind in LinkKind]),
            day("on", "Those that are valid on this day."),
        ),
    ),
)  # fmt: skip

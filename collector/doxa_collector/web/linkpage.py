"""One line: what is demanded of it, what was found, its curves against the target, and its last measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, select

from doxa_collector.ledger.record import Record
from doxa_collector.ledger.schema import link as link_table
from doxa_collector.plans.model import Plan
from doxa_collector.views.forecast import Forecast
from doxa_collector.web.charts import RATE_NAMES, Chart, Draft, Wish, has_values, layer_of, outages_of
from doxa_collector.web.forecasts import forecasts_of
from doxa_collector.web.history import RANGES, History, newest_runs, read_evidence, read_history
from doxa_collector.web.language import Voice
from doxa_collector.web.linkstate import LinkState, link_states, meters_of_sites
from doxa_collector.web.masking import MASK, mask_text
from doxa_collector.web.monthsection import MonthSection, asked_period, read_section
from doxa_collector.web.outlook import Outlook, outlooks_of
from doxa_collector.web.places import Atlas, Site
from doxa_collector.web.settings import Settings
from doxa_collector.web.standing import Requirement, requirements_of
from doxa_collector.web.svg import span_of
from doxa_core.linkkind import LinkKind

_ROWS_OF_A_METER: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row of the table of last measurements."""

    record: Record
    proof: Mapping[str, str] | None
    far_end: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    """Everything on the page of one line."""

    site: Site
    state: LinkState
    sensitive: bool
    """TSLCD addresses are hidden here."""
    requirements: Sequence[Requirement]
    charts: Sequence[Chart]
    runs: Sequence[Run]
    range: str
    layer: str
    layers: Sequence[str]
    """The layers that this line's rates were counted at."""
    month: MonthSection
    """The statistics of the month that was asked for."""
    forecasts: Mapping[tuple[str, str, str], Forecast]
    """(plan, target, place) → whether the place is likely to meet the target in time."""
    outlooks: Mapping[tuple[str, str, str], Outlook]
    """The drawings of those that there is enough to draw of."""


def is_sensitive(conn: Connection, site: str, link: str, settings: Settings) -> bool:
    """Whether this line's addresses must be hidden: it is or ever was TSLCD, or the registry does not know it."""
    if settings.reveal_tslcd:
        return False
    query = select(link_table.c.kind).where(link_table.c.site == site, link_table.c.link == link)
    kinds = set(conn.execute(query).scalars())
    return not kinds or LinkKind.TSLCD in kinds


def read_link_page(
    conn: Connection,
    plans: Sequence[Plan],
    atlas: Atlas,
    key: tuple[str, str],
    wish: Wish,
    voice: Voice,
    *,
    settings: Settings,
    now_us: int,
    today: date,
) -> LinkPage | None:
    """The page of the line `key` (site, link), None where the registry knows none of that name today."""
    site, link = key
    states = link_states(conn, [site], now_us=now_us, silent_after_s=settings.silent_after_s)
    if site not in atlas.sites or key not in states:
        return None
    state = states[key]
    sensitive = is_sensitive(conn, site, link, settings)
    requirements = requirements_of(conn, plans, atlas, state, today)
    histories = _histories(conn, key, wish, now_us)
    layers = [layer for layer, names in RATE_NAMES.items() if any(has_values(h, names) for h in histories)]
    layer = layer_of(wish, requirements, layers, state.layer)
    draft = Draft(voice, wish, now_us, sensitive, outages_of(histories, now_us))
    rate = draft.rates(histories, state, requirements, layer)
    latency = draft.latency(histories, requirements)
    meters = [history.meter for history in histories]
    forecasts = forecasts_of(conn, ((r.plan, r.target, r.place) for r in requirements), today)
    return LinkPage(
        site=atlas.sites[site],
        state=state,
        sensitive=sensitive,
        requirements=requirements,
        charts=[chart for chart in (rate, latency) if chart is not None],
        runs=_runs(conn, key, meters, sensitive=sensitive),
        range=wish.range,
        layer=layer,
        layers=layers,
        month=read_section(conn, plans, site, link, asked_period(wish.month, now_us), now_us),
        forecasts=forecasts,
        outlooks=outlooks_of(forecasts, voice),
    )


def _histories(conn: Connection, key: tuple[str, str], wish: Wish, now_us: int) -> list[History]:
    from_us, to_us = span_of([], now_us, RANGES[wish.range])
    return [read_history(conn, *key, meter, from_us=from_us, to_us=to_us) for meter in meters_of_sites(conn, [key[0]])]


def _runs(conn: Connection, key: tuple[str, str], meters: Sequence[str], *, sensitive: bool) -> list[Run]:
    records = newest_runs(conn, *key, meters, _ROWS_OF_A_METER)
    evidence = read_evidence(conn, [record.id for record in records])
    return [
        Run(
            record=record,
            proof=proof_of(evidence.get(record.id, {}), sensitive=sensitive),
            far_end=mask_text(record.far_end) if sensitive and record.far_end else record.far_end,
        )
        for record in records
    ]


def proof_of(evidence: Mapping[str, Any], *, sensitive: bool) -> Mapping[str, str] | None:
    """Interface, source and gateway that the packets really took; addresses hidden on a sensitive line."""
    found = evidence.get("proof")
    if not isinstance(found, dict):
        return None
    return {
        name: MASK if sensitive and name != "interface" else str(found[name])
        for name in ("interface", "source", "gateway")
        if name in found
    }

"""One line: what is demanded of it, what was found, its curves against the target, and its last measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, select

from doxa_collector.assess.period import month_of
from doxa_collector.ledger.record import Record
from doxa_collector.ledger.schema import link as link_table
from doxa_collector.plans.model import Kind, Measure, Operator, Plan, PlanPlace, Target
from doxa_collector.web.board import Finding, findings_of, latest_period
from doxa_collector.web.history import RANGES, History, newest_runs, outages, read_evidence, read_history
from doxa_collector.web.language import Voice
from doxa_collector.web.linkstate import LinkState, link_states, meters_of_sites
from doxa_collector.web.masking import MASK, mask_text
from doxa_collector.web.places import Atlas, Site
from doxa_collector.web.settings import Settings
from doxa_collector.web.standing import Standing, read_standing
from doxa_collector.web.svg import FRAMES, Curve, Drawing, Level, Mark, Point, Series, draw, span_of
from doxa_collector.web.words import CODES, LAYERS, OUTCOMES, VALUES, worded
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

RATE_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    Layer.PAYLOAD: ("download_mbps", "upload_mbps"),
    Layer.IP: ("download_ip_mbps", "upload_ip_mbps"),
    Layer.WIRE: ("download_wire_mbps", "upload_wire_mbps"),
}
"""The values that hold the steady rate at each layer."""
LATENCY_NAMES: Final = ("rtt_p50_ms", "rtt_p95_ms")
_VISIBLE_LOSS: Final = 0.01
_ROWS_OF_A_METER: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A level that a plan demands of this line, with the plan's verdict for the place."""

    plan: Plan
    place: PlanPlace
    target: Target
    measure: Measure
    operator: Operator
    value: float
    finding: Finding | None
    standing: Standing | None
    """How this line itself stands: the verdict is about all such lines of the place."""
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One curve in all its frames, with what stands around it."""

    key: str
    title: Text
    curve: Curve
    drawings: Sequence[Drawing]
    summary: str
    """The curve in one sentence, for those who do not see it."""
    far_ends: Sequence[str]
    far_end: int | None
    every: int
    layer: str | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the reader of a link's page asked for."""

    range: str = "24h"
    layer: str | None = None
    far_end: int | None = None
    """Its number in the list of far ends; a name in the address bar could be an address that must be hidden."""


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
    layers = [layer for layer, names in RATE_NAMES.items() if any(_has(h, names) for h in histories)]
    layer = _layer_of(wish, requirements, layers)
    draft = _Draft(voice, wish, now_us, sensitive, _outages(histories, now_us))
    rate = draft.rates(histories, state, requirements, layer)
    latency = draft.latency(histories)
    meters = [history.meter for history in histories]
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
    )


def requirements_of(
    conn: Connection, plans: Sequence[Plan], atlas: Atlas, state: LinkState, today: date
) -> list[Requirement]:
    """What the plans demand of this line: level targets, and the level within a share target."""
    site, month = atlas.sites[state.site], month_of(today)
    found = []
    for plan in plans:
        levels = _levels(plan, state.kind)
        places = [p for p in plan.places if levels and p.judged_on(today) and site in atlas.sites_of(p)]
        period = latest_period(conn, plan) if places else None
        findings = [] if period is None else findings_of(conn, plan, period.first, {p.code for p in places})
        by_key = {(f.place, f.target): f for f in findings}
        found += [
            Requirement(
                plan=plan,
                place=place,
                target=target,
                measure=measure,
                operator=operator,
                value=value,
                finding=by_key.get((place.code, target.id)),
                standing=read_standing(
                    conn, (state.site, state.link), measure, operator, value, (month.from_us, month.to_us)
                ),
                overdue=target.due is not None and target.due < today,
            )
            for place in places
            for target, measure, operator, value in levels
        ]
    return found


def _levels(plan: Plan, kind: str) -> list[tuple[Target, Measure, Operator, float]]:
    found = []
    for target in plan.targets:
        held = target.condition if target.kind is Kind.SHARE else target
        if held is None or held.measure is None or held.operator is None or held.value is None:
            continue
        if held.measure.link_kind == kind and target.kind is not Kind.RANK:
            found.append((target, held.measure, held.operator, held.value))
    return found


def _histories(conn: Connection, key: tuple[str, str], wish: Wish, now_us: int) -> list[History]:
    from_us, to_us = span_of([], now_us, RANGES[wish.range])
    return [read_history(conn, *key, meter, from_us=from_us, to_us=to_us) for meter in meters_of_sites(conn, [key[0]])]


def _has(history: History, names: Sequence[str]) -> bool:
    return any(name in record.values for record in history.records for name in names)


def _layer_of(wish: Wish, requirements: Sequence[Requirement], layers: Sequence[str]) -> str:
    """The layer asked for, else the one that the first target is judged at, else what was measured."""
    judged = [r.measure.layer for r in requirements if r.measure.layer is not None]
    for wanted in (wish.layer, *judged, Layer.PAYLOAD, *layers):
        if wanted in layers:
            return str(wanted)
    return str(judged[0]) if judged else Layer.PAYLOAD.value


def _outages(histories: Sequence[History], now_us: int) -> list[tuple[int, int]]:
    """When the line was down: as the meter and the far end that were measured most often saw it."""
    often = max(histories, key=lambda h: len(h.records) * h.every, default=None)
    if often is None:
        return []
    far_end = next(iter(often.far_ends()), None)
    return outages([r for r in often.records if r.far_end == far_end], now_us)


class _Draft:
    """Makes charts of histories for one reader."""

    def __init__(
        self,
        voice: Voice,
        wish: Wish,
        now_us: int,
        sensitive: bool,  # noqa: FBT001 - private
        outages: Sequence[tuple[int, int]],
    ) -> None:
        self._voice, self._wish, self._now_us = voice, wish, now_us
        self._sensitive, self._outages = sensitive, outages

    def rates(
        self, histories: Sequence[History], state: LinkState, requirements: Sequence[Requirement], layer: str
    ) -> Chart | None:
        """Download and upload at `layer`, against the targets and the contract."""
        names = RATE_NAMES[layer] if layer in RATE_NAMES else RATE_NAMES[Layer.PAYLOAD]
        levels = [self._target_level(r, layer) for r in requirements if r.measure.value.endswith("_mbps")]
        if state.contracted_down_mbps is not None:
            levels.append(self._contract_level(state.contracted_down_mbps, state.layer))
        title = Text(vi="Tốc độ", en="Speed")
        return self._chart("rate", title, _first_with(histories, names), names, "Mbps", 2, levels, layer)

    def latency(self, histories: Sequence[History]) -> Chart | None:
        """The round-trip time; loss is marked."""
        title = Text(vi="Độ trễ", en="Latency")
        return self._chart("latency", title, _first_with(histories, LATENCY_NAMES), LATENCY_NAMES, "ms", 1, [], None)

    def _target_level(self, requirement: Requirement, layer: str) -> Level:
        voice, target = self._voice, requirement.target
        words = voice.say("yêu cầu", "required")
        at = requirement.measure.layer
        other = "" if at is None or at == layer else f" ({voice.show(worded(LAYERS, at))})"
        label = f"{target.label}: {words} {voice.number(requirement.value)} Mbps{other}"
        return Level(name="target", label=label, value=requirement.value)

    def _contract_level(self, value: float, layer: str | None) -> Level:
        voice = self._voice
        at = "" if layer is None else f" ({voice.show(worded(LAYERS, layer))})"
        return Level(
            name="contract", label=f"{voice.say('hợp đồng', 'contract')} {voice.number(value)} Mbps{at}", value=value
        )

    def _chart(
        self,
        key: str,
        title: Text,
        history: History | None,
        names: Sequence[str],
        unit: str,
        decimals: int,
        levels: Sequence[Level],
        layer: str | None,
    ) -> Chart | None:
        if history is None:
            return None
        often = history.far_ends()
        far_ends = sorted(often)
        chosen = self._wish.far_end
        far_end = far_ends[chosen] if chosen is not None and chosen < len(far_ends) else next(iter(often), None)
        records = [r for r in history.records if far_end is None or r.far_end in (far_end, None)]
        from_us, to_us = span_of([r.started_us for r in records], self._now_us, RANGES[self._wish.range])
        curve = Curve(
            title=self._voice.show(title),
            unit=unit,
            decimals=decimals,
            from_us=from_us,
            to_us=to_us,
            series=[s for name in names if (s := self._series(name, records, unit, decimals)).points],
            levels=levels,
            marks=[mark for record in records if (mark := self._mark(record, names)) is not None],
            outages=[span for span in self._outages if span[1] > from_us],
        )
        return Chart(
            key=key,
            title=title,
            curve=curve,
            drawings=[draw(curve, frame, self._voice) for frame in FRAMES],
            summary=self._summary(curve),
            far_ends=[self._masked(name) for name in far_ends],
            far_end=None if far_end is None else far_ends.index(far_end),
            every=history.every,
            layer=layer,
        )

    def _masked(self, text: str) -> str:
        return mask_text(text) if self._sensitive else text

    def _series(self, name: str, records: Sequence[Record], unit: str, decimals: int) -> Series:
        voice = self._voice
        title = voice.show(worded(VALUES, name))
        points = [
            Point(
                at_us=r.started_us,
                value=r.values[name],
                title=f"{voice.moment(r.started_us)} · {title} {voice.number(r.values[name], decimals)} {unit}",
                hollow=r.outcome is Outcome.PROBE_LIMITED,
            )
            for r in records
            if name in r.values
        ]
        return Series(name=name.rpartition("_")[0].replace("_ip", "").replace("_wire", ""), title=title, points=points)

    def _mark(self, record: Record, names: Sequence[str]) -> Mark | None:
        """What did not succeed, or lost packets, is marked even where a value was measured."""
        voice = self._voice
        kind = record.outcome.value
        if record.outcome is Outcome.OK:
            loss = record.values.get("loss_ratio", 0.0) if names == LATENCY_NAMES else 0.0
            if loss < _VISIBLE_LOSS:
                return None
            kind, words = "loss", f"{voice.show(VALUES['loss_ratio'])} {voice.percent(loss)}"
        else:
            why = ", ".join(voice.show(worded(CODES, code)) for code in record.reasons)
            words = voice.show(OUTCOMES[record.outcome]) + (f": {why}" if why else "")
        return Mark(at_us=record.started_us, kind=kind, title=f"{voice.moment(record.started_us)} · {words}")

    def _summary(self, curve: Curve) -> str:
        voice = self._voice
        parts = [
            voice.say(
                "{t}: thấp nhất {lo}, cao nhất {hi}, gần nhất {last} {u}",
                "{t}: lowest {lo}, highest {hi}, latest {last} {u}",
            ).format(
                t=s.title,
                lo=voice.number(min(p.value for p in s.points), curve.decimals),
                hi=voice.number(max(p.value for p in s.points), curve.decimals),
                last=voice.number(s.points[-1].value, curve.decimals),
                u=curve.unit,
            )
            for s in curve.series
        ]
        parts += [level.label for level in curve.levels]
        return "; ".join(parts)


def _first_with(histories: Sequence[History], names: Sequence[str]) -> History | None:
    """The history with most values of these names; one curve never mixes two methods' meters."""
    counted = [(sum(1 for r in h.records for name in names if name in r.values), h) for h in histories]
    best = max(counted, key=lambda item: item[0], default=(0, None))
    return best[1] if best[0] else None


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

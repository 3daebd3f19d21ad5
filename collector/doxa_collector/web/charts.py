"""The curves of one line: which values are drawn, against which levels, and which marks stand below them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_collector.ledger.record import Record
from doxa_collector.web import wording
from doxa_collector.web.history import RANGES, History, outages
from doxa_collector.web.language import Voice
from doxa_collector.web.linkstate import LinkState
from doxa_collector.web.masking import mask_text
from doxa_collector.web.standing import Requirement
from doxa_collector.web.svg import FRAMES, Curve, Drawing, Level, Mark, Point, Series, draw, span_of
from doxa_collector.words.codes import CODES, LAYERS, OUTCOMES, VALUES, worded
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

RATE_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    Layer.PAYLOAD: ("download_mbps", "upload_mbps"),
    Layer.IP: ("download_ip_mbps", "upload_ip_mbps"),
    Layer.WIRE: ("download_wire_mbps", "upload_wire_mbps"),
}
"""The values that hold the steady rate at each layer."""
LATENCY_NAMES: Final = ("rtt_p50_ms", "rtt_p95_ms")
_VISIBLE_LOSS: Final = 0.01


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
class Wish:
    """What the reader of a link's page asked for."""

    range: str = "24h"
    layer: str | None = None
    far_end: int | None = None
    """Its number in the list of far ends; a name in the address bar could be an address that must be hidden."""
    month: str | None = None
    """Whose statistics are shown, such as `2026-10`."""


def has_values(history: History, names: Sequence[str]) -> bool:
    return any(name in record.values for record in history.records for name in names)


def layer_of(wish: Wish, requirements: Sequence[Requirement], layers: Sequence[str], contract: str | None) -> str:
    """The layer asked for, else the one that the first target is judged at, else the contract's, else what was measured.

    A contract at the frame layer is held against the IP figure, the nearest that is measured and below it.
    """
    judged = [r.measure.layer for r in requirements if r.measure.layer is not None]
    agreed = Layer.IP.value if contract == Layer.FRAME else contract
    for wanted in (wish.layer, *judged, agreed, Layer.PAYLOAD, *layers):
        if wanted in layers:
            return str(wanted)
    return str(judged[0]) if judged else Layer.PAYLOAD.value


def outages_of(histories: Sequence[History], now_us: int) -> list[tuple[int, int]]:
    """When the line was down: as the meter and the far end that were measured most often saw it."""
    often = max(histories, key=lambda h: len(h.records) * h.every, default=None)
    if often is None:
        return []
    far_end = next(iter(often.far_ends()), None)
    return outages([r for r in often.records if r.far_end == far_end], now_us)


class Draft:
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

    def latency(self, histories: Sequence[History], requirements: Sequence[Requirement]) -> Chart | None:
        """The round-trip time; loss is marked."""
        levels = [self._target_level(r, None) for r in requirements if r.measure.value.endswith("_ms")]
        history = _first_with(histories, LATENCY_NAMES)
        return self._chart("latency", Text(vi="Độ trễ", en="Latency"), history, LATENCY_NAMES, "ms", 1, levels, None)

    def _target_level(self, requirement: Requirement, layer: str | None) -> Level:
        voice, at = self._voice, requirement.measure.layer
        words = voice.say("yêu cầu", "required")
        other = "" if at is None or at == layer else f" ({voice.show(worded(LAYERS, at))})"
        demanded = wording.amount(voice, requirement.value, requirement.unit)
        return Level(
            name="target", label=f"{requirement.target.label}: {words} {demanded}{other}", value=requirement.value
        )

    def _contract_level(self, value: float, layer: str | None) -> Level:
        voice = self._voice
        at = "" if layer is None else f" ({voice.show(worded(LAYERS, layer))})"
        return Level(
            name="contract",
            label=f"{voice.say('hợp đồng', 'contract')} {voice.number(value)}\u00a0Mbps{at}",
            value=value,
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

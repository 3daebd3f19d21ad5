"""What is said about the members of one fault: cause, root, place, provider, severity, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_collector.incidents.explain import Ground, Key
from doxa_collector.incidents.model import Cause, Family, Fault, Member, Reach
from doxa_collector.incidents.symptom import BROKER, DEVICE, LINE, POWER
from doxa_collector.nodes.tree import NodeKind
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import COLLECTOR, Kind, Subject, node
from doxa_core.language import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The judgement of one moment."""

    cause: Cause
    root: Subject | None
    place: str | None
    provider: str | None
    severity: Severity
    inferred: bool
    why: tuple[Text, ...]


def judge(ground: Ground, fault: Fault, members: Sequence[Member], evidence: Mapping[Key, str]) -> Finding:
    """Judge all that ever were members: one that is well again still says what it was.

    `evidence` is the cause that presence names for each of them, where it knows one.
    """
    root = _root(fault)
    inferred = root is not None and all(m.subject != root for m in members)
    power, silent = _dark(members, evidence)
    cause = _cause(ground, fault, members, evidence, power, silent)
    return Finding(
        cause=cause,
        root=root,
        place=_place(ground, fault, members),
        provider=_provider(ground, fault, members),
        severity=_severity(ground, fault, members),
        inferred=inferred,
        why=_why(ground, fault, members, inferred=inferred, power=power, silent=silent),
    )


def _root(fault: Fault) -> Subject | None:
    if fault.reach is Reach.NODE:
        return node(fault.name)
    return COLLECTOR if fault.reach is Reach.COLLECTOR else None


def _dark(members: Sequence[Member], evidence: Mapping[Key, str]) -> tuple[int, int]:
    """How many offices have evidence of a power failure, and how many are silent."""
    power = {m.subject.site for m in members if evidence.get(m.key) == POWER}
    return len(power), len({m.subject.site for m in members if m.subject.site})


def _cause(
    ground: Ground, fault: Fault, members: Sequence[Member], evidence: Mapping[Key, str], power: int, silent: int
) -> Cause:
    match fault.reach:
        case Reach.COLLECTOR:
            named = any("broker" in m.rule or _said(m, evidence) == BROKER for m in members)
            return Cause.BROKER if named else Cause.COLLECTOR
        case Reach.NODE:
            found = ground.tree.nodes.get(fault.name)
            return _NODES.get(found.kind, Cause.NODE_DOWN) if found is not None else Cause.NODE_DOWN
        case Reach.AREA:
            return Cause.POWER if power * 3 >= silent else Cause.AREA
        case Reach.PROVINCE:
            return Cause.PROVIDER_IN_PROVINCE
        case Reach.PROVIDER:
            return Cause.PROVIDER
        case Reach.FAR_END:
            return Cause.CERTIFICATE if fault.family is Family.CERTIFICATE else Cause.FAR_END
        case _:
            return _office_cause(fault, members, evidence)


_NODES: Final = {NodeKind.AGGREGATION: Cause.AGGREGATION_DOWN, NodeKind.CORE: Cause.CORE_DOWN}


def _said(member: Member, evidence: Mapping[Key, str]) -> str:
    return evidence.get(member.key, "")


def _office_cause(fault: Fault, members: Sequence[Member], evidence: Mapping[Key, str]) -> Cause:
    if fault.family is Family.QUALITY:
        families = {m.family for m in members}
        return next((cause for family, cause in _QUALITIES if family in families), Cause.LOSS_DEGRADED)
    if fault.family is not Family.DOWN:
        return _FAMILIES.get(fault.family, Cause.UNKNOWN)
    said = {_said(m, evidence) for m in members}
    if POWER in said:
        return Cause.POWER
    if LINE in said or all(m.subject.kind is Kind.LINK for m in members):
        return Cause.LINE
    return Cause.DEVICE if DEVICE in said else Cause.UNKNOWN


_QUALITIES: Final = (
    (Family.LOSS, Cause.LOSS_DEGRADED),
    (Family.LATENCY, Cause.LATENCY_DEGRADED),
    (Family.SPEED, Cause.SPEED_DEGRADED),
)
"""Loss slows a line, and a slow line raises no loss: the first that is there is the likely cause of the others."""
_FAMILIES: Final = {
    Family.CAPACITY: Cause.CAPACITY,
    Family.IPV6: Cause.IPV6,
    Family.SERVICE: Cause.SERVICE,
    Family.CLOCK: Cause.CLOCK,
    Family.CERTIFICATE: Cause.CERTIFICATE,
    Family.OUTDATED: Cause.OUTDATED,
    Family.DEVICE: Cause.DEVICE,
}


def _place(ground: Ground, fault: Fault, members: Sequence[Member]) -> str | None:
    if fault.reach is Reach.COLLECTOR:
        return None
    places = [ground.atlas.place_of(m.subject.site) for m in members if m.subject.site]
    if not places:
        places = [found.place for m in members if (found := ground.tree.get(m.subject)) is not None]
    return ground.atlas.smallest_place(places)


def _provider(ground: Ground, fault: Fault, members: Sequence[Member]) -> str | None:
    match fault.reach:
        case Reach.PROVIDER:
            return fault.name
        case Reach.PROVINCE:
            return fault.name.partition(" ")[2]
        case Reach.NODE:
            found = ground.tree.nodes.get(fault.name)
            return None if found is None else found.provider
        case Reach.OFFICE:
            providers = {ground.atlas.provider_of(m.subject) for m in members}
            return providers.pop() if len(providers) == 1 else None
        case _:
            return None


def _severity(ground: Ground, fault: Fault, members: Sequence[Member]) -> Severity:
    worst = max((m.severity for m in members), key=lambda s: s.rank, default=Severity.INFO)
    offices = {m.subject.site for m in members if m.subject.site}
    if fault.reach is Reach.FAR_END:
        return min(worst, Severity.WARNING, key=lambda s: s.rank)  # no office lacks anything
    if fault.family is Family.DOWN and len(offices) >= ground.settings.critical_sites:
        return Severity.CRITICAL
    return worst


def _why(
    ground: Ground, fault: Fault, members: Sequence[Member], *, inferred: bool, power: int, silent: int
) -> tuple[Text, ...]:
    """The evidence, without names of nodes, providers or addresses: those may be secret."""
    lines = _lines(ground, members)
    match fault.reach:
        case Reach.COLLECTOR:
            return (_SILENT.fill(n=silent) if inferred else _OWN,)
        case Reach.NODE:
            root = node(fault.name)
            parts = {"n": len(lines & ground.tree.links_behind(root)), "all": ground.watched_behind(root)}
            return ((_NODE_INFERRED if inferred else _NODE).fill(**parts),)
        case Reach.AREA if power:
            return (_POWER.fill(n=power, all=silent),)
        case Reach.AREA:
            return (_AREA.fill(n=silent, all=len(ground.atlas.watched_sites.get(fault.name, ()))),)
        case Reach.PROVINCE:
            return (_provider_why(ground, fault, lines),)
        case Reach.PROVIDER:
            return (_PROVIDER.fill(n=len(lines), all=len({ground.atlas.province_of(line.site) for line in lines})),)
        case Reach.FAR_END if fault.family is not Family.CERTIFICATE:
            return (_FAR_END.fill(n=len(lines)),)
        case _:
            return (_POWER_HERE,) if power and fault.family is Family.DOWN else ()


def _provider_why(ground: Ground, fault: Fault, lines: frozenset[Subject]) -> Text:
    province, _, provider = fault.name.partition(" ")
    own = ground.atlas.watched_of_provider.get((province, provider), frozenset())
    return _PROVINCE.fill(n=len(lines & own), all=len(own))


def _lines(ground: Ground, members: Sequence[Member]) -> frozenset[Subject]:
    found: set[Subject] = set()
    for member in members:
        found |= ground.atlas.lines_of(member.subject)
    return frozenset(found) & ground.atlas.watched


_OWN = Text(
    vi="trung tâm không nhận được số liệu, nên không kết luận gì về các điểm đo",
    en="the centre itself hears nothing, so nothing is said about any site",
)
_SILENT = Text(
    vi="{n} điểm đo im lặng cùng lúc, không nút mạng nào giải thích được",
    en="{n} sites fell silent at once and no node explains it",
)
_NODE = Text(
    vi="nút mạng không trả lời; {n}/{all} đường truyền phía sau cùng mất kết nối",
    en="the node does not answer; {n}/{all} lines behind it fail with it",
)
_NODE_INFERRED = Text(
    vi="{n}/{all} đường truyền phía sau nút cùng mất kết nối; nút này chưa có cảnh báo riêng",
    en="{n}/{all} lines behind the node fail together; the node itself has no alarm",
)
_POWER = Text(vi="{n}/{all} điểm đo có bằng chứng mất điện", en="{n}/{all} sites have evidence of a power failure")
_POWER_HERE = Text(vi="thiết bị đo có bằng chứng mất điện", en="the probe has evidence of a power failure")
_AREA = Text(
    vi="{n}/{all} điểm đo của tỉnh mất hoàn toàn kết nối cùng lúc, thuộc nhiều nhà mạng",
    en="{n}/{all} sites of the province fell silent at once, over several providers",
)
_PROVINCE = Text(
    vi="{n}/{all} đường truyền của nhà mạng trong tỉnh cùng lỗi, các nhà mạng khác thì không",
    en="{n}/{all} of the provider's lines in the province fail together, other providers' do not",
)
_PROVIDER = Text(
    vi="{n} đường truyền của nhà mạng ở {all} tỉnh cùng lỗi", en="{n} of the provider's lines in {all} provinces fail"
)
_FAR_END = Text(
    vi="{n} đường truyền đo tới cùng một đầu xa đều không tới được, trong khi các thiết bị đo vẫn trực tuyến",
    en="{n} lines that are measured against one far end all fail there, while their probes are heard",
)

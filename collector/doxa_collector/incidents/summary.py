"""Incidents in the words of the field: time first, n/N, cause, breakdown by province (domain.md §9).

Names of nodes and of TSLCD providers are hidden unless the deployment reveals them: they may be state secrets.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from doxa_collector.alerts.wording import MASK
from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.model import Cause, Family, Incident, Member, Reach, State
from doxa_collector.nodes.tree import Network
from doxa_collector.watch.subject import Kind, Subject
from doxa_core.language import LANGUAGES, VIETNAM_TIME, Language, Text
from doxa_core.linkkind import LinkKind

PROVINCES_SHOWN: Final = 6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TITLES: Final = ("Tỉnh ", "Thành phố ", "TP. ", "TP ")
_UNITS: Final = (("Xã ", Text(vi="xã", en="communes")), ("Phường ", Text(vi="phường", en="wards")),
                 ("Đặc khu ", Text(vi="đặc khu", en="special zones")))  # fmt: skip
_OFFICES: Final = Text(vi="điểm đo", en="sites")


def summary(incidents: Iterable[Incident], ground: Ground, now_us: int, *, reveal: bool = False) -> list[Text]:
    """What is lost now, one line for each cause, the widest first; one line that says so where nothing is lost.

    N are the watched offices of the provinces that are named, n those of them without connection.
    """
    lost: dict[Cause, dict[str, list[Incident]]] = defaultdict(lambda: defaultdict(list))
    for incident in incidents:
        if incident.state.is_live and not incident.muted:
            for site in incident.lost_sites:
                lost[incident.cause][site].append(incident)
    head = _clock(now_us)
    if not lost:
        return [_ALL_WELL.fill(head=head)]
    lines = []
    for cause, sites in sorted(lost.items(), key=lambda item: (-len(item[1]), item[0])):
        found = {id(i): i for group in sites.values() for i in group}.values()
        what = _what(found, frozenset(sites), ground)
        lines.append(_LINE.fill(head=head, count=_count(sites, ground), what=what, cause=_by(cause, found, reveal=reveal, ground=ground), parts=_breakdown(sites, ground)))  # fmt: skip
    return lines


def headline(incident: Incident, ground: Ground, *, reveal: bool = False) -> Text:
    """The incident in one line, without its number and severity; in the past where it is over."""
    lasts = incident.state.is_live
    down = [m for m in incident.members if m.family is Family.DOWN]
    sites = frozenset(m.subject.site for m in down if m.subject.site and (m.is_open or not lasts))
    ended = Text(vi="", en="") if lasts else _ENDED[incident.state]
    if incident.fault.reach is Reach.FAR_END:
        return _joined(_far_end(incident, ground, reveal=reveal), ended)
    if not sites or incident.fault.family is not Family.DOWN:
        return _joined(_quality(incident, ground, reveal=reveal), ended)
    if len(sites) == 1 and incident.fault.reach is Reach.OFFICE:
        return _joined(_office(incident, down, next(iter(sites)), ground), ended)
    what = _what([incident], sites, ground)
    by = _by(incident.cause, [incident], reveal=reveal, ground=ground)
    parts = _breakdown(sites, ground)
    line = _GROUP.fill(count=_count(sites, ground), what=what, cause=by, parts=parts, since=_time(incident.began_us))
    return _joined(line, ended)


def place_name(code: str | None, ground: Ground) -> Text:
    """`Xã Đồng Đăng (06184)`, `Lạng Sơn`, or that several provinces are reached."""
    if code is None:
        return Text(vi="nhiều tỉnh", en="several provinces")
    name = ground.atlas.names.get(code)
    if name is None:
        return Text(vi=code, en=code)
    return Text(vi=name, en=name) if len(code) == 2 else Text(vi=f"{name} ({code})", en=f"{name} ({code})")


def root_name(incident: Incident, ground: Ground, *, reveal: bool = False) -> Text | None:
    """The node that explains the others, by its kind alone where its name is not to be shown."""
    found = ground.tree.get(incident.root)
    if found is None:
        return None
    hidden = found.network is not Network.INTERNET and not reveal
    return found.kind.text if hidden else Text(vi=found.name, en=found.name)


def far_end_name(incident: Incident, ground: Ground, *, reveal: bool = False) -> str | None:
    """The far end that is to blame; hidden where only TSLCD lines are measured against it and they are not to be shown."""
    if incident.fault.reach is not Reach.FAR_END:
        return None
    kinds = {ground.atlas.kind_of(m.subject) for m in incident.members}
    return MASK if kinds == {LinkKind.TSLCD} and not reveal else incident.fault.name


def provider_name(incident: Incident, ground: Ground, *, reveal: bool = False) -> str | None:
    """The provider, unless only TSLCD lines are reached and it is not to be shown."""
    kinds = {ground.atlas.kind_of(line) for line in _lines(incident, incident.members, ground)}
    return None if LinkKind.TSLCD in kinds and not reveal else incident.provider


def _joined(line: Text, more: Text) -> Text:
    return Text(vi=line.vi + more.vi, en=line.en + more.en)


# --- parts of a line


def _clock(now_us: int) -> Text:
    now = _local(now_us)
    return Text(
        vi=f"Cập nhật {now.hour}h{now.minute:02d} ngày {now:%d/%m/%Y}", en=f"As of {now:%H:%M} on {now:%d/%m/%Y}"
    )


def _time(at_us: int) -> Text:
    at = _local(at_us)
    return Text(vi=f"{at:%H:%M} {at:%d/%m/%Y}", en=f"{at:%H:%M} {at:%d/%m/%Y}")


def _local(at_us: int) -> datetime:
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(VIETNAM_TIME)


def _count(sites: Iterable[str], ground: Ground) -> Text:
    """`62/301 xã, phường`: of the watched offices of the provinces that are reached."""
    found = frozenset(sites)
    among = _among(found, ground)
    unit = _unit(found, among, ground)
    return Text(*(f"{len(found)}/{len(among)} {unit.in_language(lang)}" for lang in LANGUAGES))


def _among(sites: frozenset[str], ground: Ground) -> frozenset[str]:
    provinces = {ground.atlas.province_of(site) or "" for site in sites}
    watched = (ground.atlas.watched_sites.get(code, frozenset()) for code in provinces)
    return frozenset(sites).union(*watched)


def _unit(sites: frozenset[str], among: frozenset[str], ground: Ground) -> Text:
    """What is counted: communes by their kinds where each has one office, else sites."""
    places = {ground.atlas.place_of(site) for site in among}
    names = {ground.atlas.names.get(ground.atlas.place_of(site) or "", "") for site in sites}
    kinds = [text for prefix, text in _UNITS if any(name.startswith(prefix) for name in names)]
    named = all(any(name.startswith(prefix) for prefix, _ in _UNITS) for name in names)
    if len(places) < len(among) or not named:
        return _OFFICES
    return Text(*(", ".join(kind.in_language(lang) for kind in kinds) for lang in LANGUAGES))


def _breakdown(sites: Iterable[str], ground: Ground) -> Text:
    """`(Gia Lai 16/135, Đắk Lắk 30/102)`, the most first; nothing where the province is not known."""
    counted = Counter(ground.atlas.province_of(site) or "" for site in sites)
    counted.pop("", None)
    if not counted:
        return Text(vi="", en="")
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    parts = [
        f"{_short(ground.atlas.names.get(code, code))} {n}/{len(ground.atlas.watched_sites.get(code, ()))}"
        for code, n in ordered[:PROVINCES_SHOWN]
    ]
    text = ", ".join([*parts, "…"] if len(ordered) > PROVINCES_SHOWN else parts)
    return Text(vi=f" ({text})", en=f" ({text})")


def _short(name: str) -> str:
    return next((name.removeprefix(title) for title in _TITLES if name.startswith(title)), name)


def _lines(incident: Incident, members: Iterable[Member], ground: Ground) -> frozenset[Subject]:
    """The lines that are lost by these members; of a probe on several lines, those that the fault reaches."""
    found: set[Subject] = set()
    for member in members:
        found |= ground.atlas.lines_of(member.subject)
    within = _within(incident, ground)
    return frozenset(found & within) if within & found else frozenset(found)


def _within(incident: Incident, ground: Ground) -> frozenset[Subject]:
    match incident.fault.reach:
        case Reach.NODE if incident.root is not None:
            return ground.tree.links_behind(incident.root)
        case Reach.PROVINCE | Reach.PROVIDER:
            return frozenset(w for w in ground.atlas.watched if ground.atlas.provider_of(w) == incident.provider)
        case _:
            return ground.atlas.watched


def _what(incidents: Iterable[Incident], sites: frozenset[str], ground: Ground) -> Text:
    """`mất kết nối`, or of which network where the other one stands at every office."""
    lines: set[Subject] = set()
    for incident in incidents:
        lasts = incident.state.is_live
        lines |= _lines(incident, [m for m in incident.members if m.is_open or not lasts], ground)
    kinds = {ground.atlas.kind_of(line) for line in lines if line.site in sites}
    if kinds == {LinkKind.TSLCD}:
        return _LOST.fill(network=" TSLCD")
    if kinds and LinkKind.TSLCD not in kinds and None not in kinds:
        return _LOST.fill(network=" Internet")
    return _LOST.fill(network="")


def _by(cause: Cause, incidents: Iterable[Incident], *, reveal: bool, ground: Ground) -> Text:
    if cause in (Cause.UNKNOWN, Cause.AREA):
        return Text(vi=", chưa rõ nguyên nhân", en=", cause not known")
    text = cause.text
    if cause in (Cause.PROVIDER, Cause.PROVIDER_IN_PROVINCE):
        names = sorted({name for i in incidents if (name := provider_name(i, ground, reveal=reveal))})
        if names:
            text = Text(vi=f"sự cố nhà mạng {', '.join(names)}", en=f"failure of {', '.join(names)}")
    return Text(vi=f" do {text.vi}", en=f" by {text.en}")


def _office(incident: Incident, down: Sequence[Member], site: str, ground: Ground) -> Text:
    """`Xã Đồng Đăng (06184): mất kết nối TSLCD từ 07:58 24/11/2026; Internet bình thường; do mất điện`."""
    atlas = ground.atlas
    office = atlas.offices.get(site)
    place = atlas.place_of(site)
    name = office.name if office is not None else site
    if place is not None and len(place) == 5 and place in atlas.names:
        name = atlas.names[place]
    lasts = incident.state.is_live
    failing = [m for m in down if m.is_open or not lasts]
    lost = set() if _is_vague(failing, site, ground) else {w.name for w in _lines(incident, failing, ground)}
    links = atlas.links_of.get(site, ())
    return Text(
        *(
            _OFFICE.in_language(lang).format(
                name=f"{name} ({place})" if place is not None else name,
                lost=_NO_PROBE.in_language(lang) if not lost else _NO_LINE.in_language(lang).format(lines=_names(site, sorted(lost), ground, lang)),
                since=_time(incident.began_us).in_language(lang),
            )
            + (_WELL.in_language(lang).format(links=_names(site, sorted(set(links) - lost), ground, lang))
               if lost and set(links) - lost and lasts else "")
            + ("" if incident.cause in (Cause.LINE, Cause.UNKNOWN) else f"; {incident.cause.text.in_language(lang)}")
            for lang in LANGUAGES
        )
    )  # fmt: skip


def _is_vague(failing: Sequence[Member], site: str, ground: Ground) -> bool:
    """Whether a probe is silent of which nobody knows the lines, while another probe of the office is heard."""
    office = ground.atlas.offices.get(site)
    silent = {m.subject.name for m in failing if m.subject.kind is Kind.PROBE}
    unknown = silent - ground.atlas.carried.keys()
    return office is not None and bool(unknown) and bool(set(office.agents) - silent)


def _names(site: str, links: Sequence[str], ground: Ground, lang: Language) -> str:
    """The networks of these lines, as people say: Internet, TSLCD, 4G."""
    found = []
    for link in links:
        wire = ground.atlas.wires.get((site, link))
        name = link if wire is None else _NETWORKS[wire.kind].in_language(lang)
        if name not in found:
            found.append(name)
    return (_AND.in_language(lang)).join(found)


def _quality(incident: Incident, ground: Ground, *, reveal: bool) -> Text:
    """Faults that are no silence, and nodes or the collector without offices."""
    root = root_name(incident, ground, reveal=reveal)
    sites = sorted(incident.sites)
    if root is not None:
        where: Text = root
    elif len(sites) == 1:
        where = place_name(ground.atlas.place_of(sites[0]), ground)
        lines = [m.subject for m in incident.members if m.subject.kind is Kind.LINK]
        if lines and (kind := ground.atlas.kind_of(lines[0])) is not None:
            where = Text(vi=f"{where.vi}, {_NETWORKS[kind].vi}", en=f"{where.en}, {_NETWORKS[kind].en}")
    elif sites:
        where = _joined(_count(sites, ground), _breakdown(sites, ground))
    else:
        where = Text(vi="Trung tâm", en="The centre")
    return _PLAIN.fill(where=where, cause=incident.cause.text, since=_time(incident.began_us))


def _far_end(incident: Incident, ground: Ground, *, reveal: bool) -> Text:
    """`Đầu xa vnix-hn không trả lời từ …; đo từ 12/130 xã (…)`: nothing is said of the lines."""
    name = far_end_name(incident, ground, reveal=reveal)
    since = _time(incident.began_us)
    if incident.fault.family is Family.DOWN:
        head = _FAR_END_DOWN.fill(name=name, since=since)
    elif incident.fault.family is Family.CERTIFICATE:
        head = _PAGE.fill(name=name, cause=incident.cause.text, since=since)
    else:
        families = sorted({m.family for m in incident.members})
        named = [text for family, text in _SEEN.items() if family in families] or [incident.cause.text]
        head = _FAR_END_POOR.fill(name=name, what=named[0], since=since)
    return _joined(
        head, _SEEN_FROM.fill(count=_count(incident.sites, ground), parts=_breakdown(incident.sites, ground))
    )


_FAR_END_DOWN: Final = Text(
    vi="Đầu xa {name} không trả lời từ {since}", en="The far end {name} does not answer since {since}"
)
_FAR_END_POOR: Final = Text(vi="Đo tới đầu xa {name}: {what} từ {since}", en="Measured to {name}: {what} since {since}")
_PAGE: Final = Text(vi="Trang {name}: {cause} từ {since}", en="Page {name}: {cause} since {since}")
_SEEN_FROM: Final = Text(vi="; đo từ {count}{parts}", en="; measured from {count}{parts}")
_SEEN: Final = {
    Family.LOSS: Cause.LOSS_DEGRADED.text, Family.LATENCY: Cause.LATENCY_DEGRADED.text,
    Family.SPEED: Cause.SPEED_DEGRADED.text, Family.SERVICE: Cause.SERVICE.text, Family.IPV6: Cause.IPV6.text,
}  # fmt: skip
_NETWORKS: Final = {
    LinkKind.FIXED: Text(vi="Internet", en="Internet"),
    LinkKind.MOBILE: Text(vi="Internet di động", en="mobile Internet"),
    LinkKind.TSLCD: Text(vi="TSLCD", en="TSLCD"),
}
_AND: Final = Text(vi=" và ", en=" and ")
_LINE: Final = Text(vi="{head}: {count} {what}{cause}{parts}", en="{head}: {count} {what}{cause}{parts}")
_GROUP: Final = Text(vi="{count} {what}{cause}{parts}, từ {since}", en="{count} {what}{cause}{parts}, since {since}")
_LOST: Final = Text(vi="mất kết nối{network}", en="without{network} connection")
_OFFICE: Final = Text(vi="{name}: {lost} từ {since}", en="{name}: {lost} since {since}")
_NO_LINE: Final = Text(vi="mất kết nối {lines}", en="no {lines} connection")
_NO_PROBE: Final = Text(vi="mất liên lạc với thiết bị đo", en="a probe is not heard")
_WELL: Final = Text(vi="; {links} bình thường", en="; {links} well")
_PLAIN: Final = Text(vi="{where}: {cause} từ {since}", en="{where}: {cause} since {since}")
_ALL_WELL: Final = Text(vi="{head}: không có điểm đo nào mất kết nối", en="{head}: no site is without connection")
_ENDED: Final = {
    State.RESOLVED: Text(vi="; đã khôi phục", en="; resolved"),
    State.CLOSED: Text(vi="; đã đóng", en="; closed"),
}

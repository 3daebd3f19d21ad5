"""The traffic of a line as its own terminal counts it, by SNMP v2c or v3 (IF-MIB, RFC 2863), for the p95 rule.

What the numbers mean: means over the time between two polls of the same interface, at the frame layer with FCS unless the
name says another, all traffic of the line, our own tests included. Seen from the probe, `download` is what comes in at
the terminal's WAN port. What they do not mean: a mean of five minutes hides every burst, and says nothing of what the line
could have carried. The first poll, and one after a restart of the terminal, has states but no rate; one after a missed
poll covers the longer time, which `interval_s` says. How the counters become numbers: snmp/counters.py, snmp/layering.py.
"""

import sys
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from doxa_agent.directions import DIRECTIONS
from doxa_agent.meter import Deadline, FarEnd, Reading, Request
from doxa_agent.net.names import resolve_all
from doxa_agent.net.proof import proof_if_any
from doxa_agent.snmp.access import AUTHENTICATIONS, PRIVACIES, SHORTEST_PASSPHRASE, Access, read_secret
from doxa_agent.snmp.counters import TICKS, Bounds, Change, Count, Sample, between
from doxa_agent.snmp.layering import Moved, are_frames, rates
from doxa_agent.snmp.memory import MEMORY, Previous
from doxa_agent.snmp.objects import ETHERNET, UP
from doxa_agent.snmp.order import Answer, Answers, Choice, Order, Secrets, Target
from doxa_agent.snmp.parent import ask
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

METHOD: Final = "snmp/1"
TITLE: Final = Text(vi="Lưu lượng tại thiết bị đầu cuối (SNMP)", en="Traffic at the line's terminal (SNMP)")
HEAVY: Final = False

_OF_DIRECTION: Final = {
    "traffic_frame_mbps": Text(
        vi="{direction}: lưu lượng trung bình giữa hai lần hỏi, tầng khung (có FCS)",
        en="{direction}: mean traffic between two polls, frame layer (with FCS)",
    ),
    "traffic_ip_mbps": Text(
        vi="{direction}: lưu lượng trung bình giữa hai lần hỏi, tầng IP (khung trừ tiêu đề Ethernet)",
        en="{direction}: mean traffic between two polls, IP layer (frames less their Ethernet header)",
    ),
    "traffic_wire_mbps": Text(
        vi="{direction}: lưu lượng trung bình giữa hai lần hỏi, trên dây (thêm 20 byte mỗi khung)",
        en="{direction}: mean traffic between two polls, on the wire (20 octets more a frame)",
    ),
    "traffic_bytes": Text(
        vi="{direction}: số byte khung mà thiết bị đầu cuối đếm được giữa hai lần hỏi",
        en="{direction}: octets of frames between two polls, as the terminal counts them",
    ),
    "traffic_packet_count": Text(
        vi="{direction}: số gói giữa hai lần hỏi", en="{direction}: packets between two polls"
    ),
    "error_count": Text(
        vi="{direction}: số gói lỗi giữa hai lần hỏi", en="{direction}: packets with errors between two polls"
    ),
    "discard_count": Text(
        vi="{direction}: số gói bị bỏ giữa hai lần hỏi", en="{direction}: packets discarded between two polls"
    ),
}
_DIRECTIONS: Final = {
    "download": Text(vi="tải xuống", en="download"),
    "upload": Text(vi="tải lên", en="upload"),
}
VALUES: Final[Mapping[str, Text]] = {
    **{
        f"{name}_{suffix}": text.fill(direction=direction)
        for name, direction in _DIRECTIONS.items()
        for suffix, text in _OF_DIRECTION.items()
    },
    "interval_s": Text(
        vi="thời gian giữa hai lần hỏi, theo đồng hồ của thiết bị đầu cuối (sysUpTime)",
        en="time between the two polls by the terminal's clock (sysUpTime)",
    ),
    "polls_missed_count": Text(
        vi="số lần hỏi không có trả lời trong khoảng đó", en="polls without an answer in that time"
    ),
    "oper_up_flag": Text(vi="cổng đang hoạt động (ifOperStatus)", en="the interface works (ifOperStatus)"),
    "admin_up_flag": Text(vi="cổng được bật (ifAdminStatus)", en="the interface is switched on (ifAdminStatus)"),
    "port_speed_wire_mbps": Text(
        vi="tốc độ danh định của cổng (ifHighSpeed), trên dây",
        en="nominal speed of the interface (ifHighSpeed), on the wire",
    ),
    "uptime_s": Text(
        vi="thời gian từ khi phần quản trị của thiết bị đầu cuối khởi động (sysUpTime)",
        en="time since the terminal's management started (sysUpTime)",
    ),
}

RESOLVE_S: Final = 5.0
START_S: Final = 20.0
"""The child's start, on the slowest Pi with a cold SD card."""
_REQUESTS: Final = 4
"""Requests that a poll usually needs: engine discovery, labels, a walk, the row."""
_EXTRA_S: Final = 5.0
_OURS: Final = frozenset({"package_failed", "memory_exhausted", "child_crashed", "needs_extra_snmp", "deadline"})
_SPEED_UNKNOWN: Final = 2**32 - 1
"""ifSpeed where the port is faster than it can say (RFC 2863 §3.1.11)."""
WAN, LAN = "wan", "lan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a run; of the secrets only where their files are."""

    access: Access
    choice: Choice
    side: str = WAN
    """`wan`: the port towards the provider; `lan`: the one towards the office, where in and out change places."""
    port: int = 161
    timeout_s: float = 2.0
    retries: int = 2
    line_mbps: float | None = None
    """What the line carries at most, for terminals with 32-bit counters or a port speed that means nothing."""
    fcs_counted: bool = False
    """Whether the terminal's octets include the FCS (RFC 3635); Linux does not count it."""

    @property
    def budget_s(self) -> float:
        """How long one terminal may take."""
        return _REQUESTS * self.timeout_s * (self.retries + 1) + _EXTRA_S


def read_options(table: Table) -> Options:
    """`community_file`, or `user` with `auth_key_file` and `priv_key_file` (`auth`, `priv`); one of `interface_name`,
    `interface_alias`, `interface_index`; `side`, `port`, `timeout_s`, `retries`, `line_mbps`, `fcs_counted`.
    """
    found = Options(
        access=_access(table),
        choice=_choice(table),
        side=table.choice("side", (WAN, LAN), WAN),
        port=table.integer("port", 1, 65535, 161),
        timeout_s=float(table.number("timeout_s", 0.5, 30, 2.0)),
        retries=table.integer("retries", 0, 10, 2),
        line_mbps=table.number("line_mbps", 0.01, 1e6, None),
        fcs_counted=table.flag("fcs_counted", default=False),
    )
    needed = ["pysnmp"] + (["cryptography"] if found.access.user is not None and found.access.priv != "none" else [])
    for package in needed:
        if find_spec(package) is None:
            where = table.name_of("community_file" if found.access.user is None else "user")
            raise InputError(where, _MISSING.fill(package=package), _INSTALL.fill(python=sys.executable))
    return found


def _access(table: Table) -> Access:
    if ("community_file" in table) == ("user" in table):
        raise table.refuse("community_file", _BOTH if "user" in table else _NEITHER, _ONE_ACCESS)
    if "community_file" in table:
        for key in ("auth", "auth_key_file", "priv", "priv_key_file"):
            if key in table:
                raise table.refuse(key, _NOT_V2C, _ONE_ACCESS)
        return Access(community_file=_secret(table, "community_file", 1))
    priv = table.choice("priv", PRIVACIES, "aes128")
    if priv == "none" and "priv_key_file" in table:
        raise table.refuse("priv_key_file", _NO_PRIVACY, _DROP_KEY)
    return Access(
        user=table.text("user"),
        auth=table.choice("auth", AUTHENTICATIONS, "sha256"),
        auth_key_file=_secret(table, "auth_key_file", SHORTEST_PASSPHRASE),
        priv=priv,
        priv_key_file=None if priv == "none" else _secret(table, "priv_key_file", SHORTEST_PASSPHRASE),
    )


def _secret(table: Table, key: str, shortest: int) -> Path:
    """The secret's file, tried once now so that a mistake is told with the plan; what stands in it is not kept."""
    plan = Path(table.name_of("").partition(": ")[0])
    file = table.secret(key, base=plan.parent)
    read_secret(file, table.name_of(key), shortest=shortest)
    return file


def _choice(table: Table) -> Choice:
    given = [key for key in ("interface_name", "interface_alias", "interface_index") if key in table]
    if len(given) != 1:
        raise table.refuse("interface_name", _TWO_CHOICES if given else _NO_CHOICE, _ONE_CHOICE)
    return Choice(
        name=table.text("interface_name", None),
        alias=table.text("interface_alias", None),
        index=table.integer("interface_index", 1, 2**31 - 1, None),
    )


_BOTH: Final = Text(
    vi="có cả community_file (v2c) và user (v3)", en="both community_file (v2c) and user (v3) are given"
)
_NEITHER: Final = Text(vi="chưa có quyền đọc thiết bị đầu cuối", en="nothing opens the terminal")
_ONE_ACCESS: Final = Text(
    vi="hãy ghi community_file (v2c), hoặc user, auth_key_file và priv_key_file (v3)",
    en="write community_file (v2c), or user, auth_key_file and priv_key_file (v3)",
)
_NOT_V2C: Final = Text(vi="khóa này chỉ dùng cho v3", en="this key belongs to v3")
_NO_PRIVACY: Final = Text(vi='đã ghi priv = "none"', en='priv = "none" is written')
_DROP_KEY: Final = Text(vi="hãy bỏ một trong hai", en="remove one of the two")
_NO_CHOICE: Final = Text(vi="chưa nói cổng nào là đường truyền", en="it is not said which interface is the line")
_TWO_CHOICES: Final = Text(vi="cổng được chỉ ra bằng nhiều cách", en="the interface is named in more than one way")
_ONE_CHOICE: Final = Text(
    vi='hãy ghi đúng một trong: interface_name (ví dụ "eth0"), interface_alias, interface_index',
    en='write exactly one of: interface_name (such as "eth0"), interface_alias, interface_index',
)
_MISSING: Final = Text(vi="thiếu gói {package}", en="the package {package} is missing")
_INSTALL: Final = Text(
    vi="hãy chạy: {python} -m pip install 'doxa[snmp]'", en="run: {python} -m pip install 'doxa[snmp]'"
)


def seconds(options: Options, far_ends: int) -> float:
    """Slow names, the child's start on a slow machine, every request of a poll lost as often as it may be."""
    del far_ends  # all are asked at once
    return RESOLVE_S + START_S + options.budget_s


def measure(request: Request[Options]) -> list[Reading]:
    """One reading per far end, each a terminal, in their order."""
    if not request.far_ends:
        return [Reading(outcome=Outcome.ERROR, reasons=("no_far_end",))]
    try:
        secrets = _secrets(request.options.access)
    except InputError:  # it was there when the plan was read
        return [Reading(outcome=Outcome.ERROR, far_end=one.name, reasons=("key_unusable",)) for one in request.far_ends]
    hosts = [far_end.host for far_end in request.far_ends]
    addresses = resolve_all(hosts, request.family, timeout_s=min(RESOLVE_S, request.deadline.left_s))
    targets = {
        place: _target(request, far_end, *found)
        for place, (far_end, found) in enumerate(zip(request.far_ends, addresses, strict=True))
        if not isinstance(found, str)
    }
    answers = _ask(request, secrets, list(targets.values()))
    by_place = dict(zip(targets, answers.found, strict=False))
    return [
        _reading(
            request,
            far_end,
            targets[place],
            by_place.get(place, Answer(reason=answers.reason, why=answers.why)),
            answers,
        )
        if place in targets
        else _unnamed(request, far_end, str(addresses[place]))
        for place, far_end in enumerate(request.far_ends)
    ]


def _secrets(access: Access) -> Secrets:
    def read(file: Path | None, shortest: int = SHORTEST_PASSPHRASE) -> str | None:
        return None if file is None else read_secret(file, "", shortest=shortest)

    return Secrets(
        community=read(access.community_file, 1),
        user=access.user,
        auth=access.auth,
        auth_key=read(access.auth_key_file),
        priv=access.priv,
        priv_key=read(access.priv_key_file),
    )


def _target(request: Request[Options], far_end: FarEnd, family: int, address: str) -> Target:
    before = MEMORY.last(_key(request, far_end))
    known = None if before is None else before.sample.index
    return Target(family=family, address=address, port=request.options.port, known=known)


def _key(request: Request[Options], far_end: FarEnd) -> Hashable:
    """What makes two polls two of the same interface."""
    return request.link.name, far_end.name, far_end.host, request.options.port, request.options.choice


def _ask(request: Request[Options], secrets: Secrets, targets: list[Target]) -> Answers:
    if not targets:
        return Answers()
    order = Order(
        interface=request.link.interface,
        source=request.link.source,
        targets=tuple(targets),
        choice=request.options.choice,
        secrets=secrets,
        timeout_s=request.options.timeout_s,
        retries=request.options.retries,
        budget_s=request.options.budget_s,
    )
    return ask(order, request.deadline, Deadline(min(request.deadline.left_s, START_S + request.options.budget_s)))


def _unnamed(request: Request[Options], far_end: FarEnd, reason: str) -> Reading:
    MEMORY.miss(_key(request, far_end))
    return Reading(outcome=Outcome.FAILED, far_end=far_end.name, family=request.family, reasons=(reason,))


def _reading(request: Request[Options], far_end: FarEnd, target: Target, answer: Answer, answers: Answers) -> Reading:
    key, options = _key(request, far_end), request.options
    before = MEMORY.last(key)
    sample = None if answer.reason is not None else sample_of(answer)
    reason = answer.reason or (None if sample is not None and sample.octets else "no_counters")
    findings = tuple(dict.fromkeys(_notes(options, answer, sample)))
    values, detail = _states(answer), _detail(target, options, answer, answers)
    if sample is None or reason is not None:
        MEMORY.miss(key)
    else:
        change = _change(before, sample, options, answer)
        findings += change.findings + (("polls_missed",) if before is not None and before.missed else ())
        moved, doubts = _moved(change, options, answer, 0 if before is None else before.missed)
        values |= moved
        findings += doubts
        MEMORY.keep(key, sample)
    return Reading(
        outcome=_outcome(reason),
        far_end=far_end.name,
        family=target.family,
        proof=proof_if_any(target.address, target.family, request.link),
        reasons=() if reason is None else (reason,),
        findings=findings,
        values=values,
        detail=detail,
    )


def _outcome(reason: str | None) -> Outcome:
    if reason is None:
        return Outcome.OK
    if reason == "cut_short":
        return Outcome.SKIPPED
    return Outcome.ERROR if reason in _OURS else Outcome.FAILED


def sample_of(answer: Answer) -> Sample | None:
    """The counters of an answer, of the widest kind that the terminal really fills; None where there is no answer.

    A terminal that has 64-bit counters but leaves them at 0, while the 32-bit ones move, has none.
    """
    if answer.sent_s is None or answer.received_s is None or answer.index is None:
        return None
    numbers = answer.numbers
    octets, packets, troubles = {}, {}, {}
    for way in ("in", "out"):
        wide, narrow = numbers.get(f"{way}_octets"), numbers.get(f"{way}_octets_32")
        if wide is not None and (wide or not narrow):
            octets[way] = Count(wide)
        elif narrow is not None:
            octets[way] = Count(narrow, 32)
        kinds = [numbers.get(f"{way}_{kind}") for kind in ("unicast", "multicast", "broadcast")]
        if kinds[0] is not None and octets.get(way, Count(0)).bits == 64:
            packets[way] = Count(sum(kind or 0 for kind in kinds) % 2**64)
        for kind in ("errors", "discards"):
            if (found := numbers.get(f"{way}_{kind}")) is not None:
                troubles[f"{way}_{kind}"] = Count(found, 32)
    return Sample(
        sent_s=answer.sent_s,
        received_s=answer.received_s,
        index=answer.index,
        uptime=numbers.get("uptime"),
        discontinuity=numbers.get("discontinuity"),
        octets=octets,
        packets=packets,
        troubles=troubles,
    )


def _notes(options: Options, answer: Answer, sample: Sample | None) -> Iterator[str]:
    if options.access.readable_by_all():
        yield "key_readable_by_all"
    if sample is not None and any(count.bits == 32 for count in sample.octets.values()):
        yield "counters_32bit"
    if answer.numbers and not _ethernet(answer):
        yield "not_ethernet"


def _change(before: Previous | None, sample: Sample, options: Options, answer: Answer) -> Change:
    if before is None:
        return Change(findings=("first_poll",))
    port = _port_mbps(answer)
    bounds = Bounds(line_mbps=options.line_mbps or port, port_mbps=port if _ethernet(answer) else None)
    return between(before.sample, sample, bounds)


def _ethernet(answer: Answer) -> bool:
    return answer.numbers.get("type", ETHERNET) == ETHERNET


def _port_mbps(answer: Answer) -> float | None:
    """ifHighSpeed, else ifSpeed; None where both say nothing."""
    if high := answer.numbers.get("high_speed"):
        return float(high)
    speed = answer.numbers.get("speed")
    return speed / 1e6 if speed and speed != _SPEED_UNKNOWN else None


def _states(answer: Answer) -> dict[str, float]:
    found: dict[str, float | None] = {"port_speed_wire_mbps": _port_mbps(answer)}
    for name in ("oper", "admin"):
        status = answer.numbers.get(f"{name}_status")
        found[f"{name}_up_flag"] = None if status is None else float(status == UP)
    if (uptime := answer.numbers.get("uptime")) is not None:
        found["uptime_s"] = uptime / TICKS
    return {name: value for name, value in found.items() if value is not None}


def _moved(change: Change, options: Options, answer: Answer, missed: int) -> tuple[dict[str, float], tuple[str, ...]]:
    """The values of an interval, and what is doubtful in them; nothing without one."""
    if change.interval_s is None:
        return {}, ()
    ways = ("in", "out") if options.side == WAN else ("out", "in")
    values: dict[str, float] = {"interval_s": change.interval_s, "polls_missed_count": missed}
    doubts = dict[str, None]()
    for direction, way in zip(DIRECTIONS, ways, strict=True):
        if (octets := change.octets.get(way)) is not None:
            packets = change.packets.get(way)
            if packets is not None and not are_frames(octets, packets, answer.numbers.get("mtu")):
                packets, doubts["packets_implausible"] = None, None
            values |= _rates(direction, octets, packets, change.interval_s, options, answer)
        for trouble in ("error", "discard"):
            if (count := change.troubles.get(f"{way}_{trouble}s")) is not None:
                values[f"{direction}_{trouble}_count"] = count
    return values, tuple(doubts)


def _rates(
    direction: str, octets: int, packets: int | None, interval_s: float, options: Options, answer: Answer
) -> dict[str, float]:
    moved = Moved(
        octets=octets,
        packets=packets,
        interval_s=interval_s,
        ethernet=_ethernet(answer),
        fcs_counted=options.fcs_counted,
    )
    values: dict[str, float] = {f"{direction}_traffic_bytes": octets}
    if packets is not None:
        values[f"{direction}_traffic_packet_count"] = packets
    found = {f"{direction}_traffic_{layer.value}_mbps": round(rate, 6) for layer, rate in rates(moved).items()}
    return values | found


def _detail(target: Target, options: Options, answer: Answer, answers: Answers) -> dict[str, Any]:
    """Evidence: the counters as they stood, and under `device` all that describes the terminal (masked for TSLCD)."""
    found: dict[str, Any] = {
        "address": target.address,
        "port": target.port,
        "version": options.access.version,
        "index": answer.index,
        "counters": {name: str(value) for name, value in answer.numbers.items()},  # 64 bits: more than a JSON number
        "device": answer.labels | ({"interfaces": answer.offered} if answer.offered else {}),
        "why": answer.why,
        "child_memory_bytes": answers.memory_bytes,
        "child_cpu_s": answers.cpu_s,
    }
    return {name: value for name, value in found.items() if value not in (None, {}, [])}

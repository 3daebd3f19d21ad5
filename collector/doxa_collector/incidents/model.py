"""What an incident is: its fault, its members, its states, and what can change about it."""

from dataclasses import dataclass, field
from enum import StrEnum

from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Subject
from doxa_core.language import Text


class Cause(StrEnum):
    """The most likely cause. It is always what the evidence says, and `UNKNOWN` or `AREA` where it says nothing."""

    POWER = "power"
    LINE = "line"
    PROVIDER_IN_PROVINCE = "provider_in_province"
    PROVIDER = "provider"
    NODE_DOWN = "node_down"
    AGGREGATION_DOWN = "aggregation_down"
    CORE_DOWN = "core_down"
    AREA = "area"
    BROKER = "broker"
    COLLECTOR = "collector"
    FAR_END = "far_end"
    SPEED_DEGRADED = "speed_degraded"
    LATENCY_DEGRADED = "latency_degraded"
    LOSS_DEGRADED = "loss_degraded"
    CAPACITY = "capacity"
    IPV6 = "ipv6"
    SERVICE = "service"
    CLOCK = "clock"
    CERTIFICATE = "certificate"
    OUTDATED = "outdated"
    DEVICE = "device"
    UNKNOWN = "unknown"

    @property
    def text(self) -> Text:
        """The words that people read."""
        return _CAUSES[self]


_CAUSES = {
    Cause.POWER: Text(vi="mất điện", en="power failure"),
    Cause.LINE: Text(vi="sự cố đường truyền", en="line failure"),
    Cause.PROVIDER_IN_PROVINCE: Text(vi="sự cố nhà mạng trên địa bàn", en="provider failure in the area"),
    Cause.PROVIDER: Text(vi="sự cố nhà mạng diện rộng", en="wide provider failure"),
    Cause.NODE_DOWN: Text(vi="nút mạng mất kết nối", en="node down"),
    Cause.AGGREGATION_DOWN: Text(vi="nút tập trung mất kết nối", en="aggregation node down"),
    Cause.CORE_DOWN: Text(vi="nút lõi mất kết nối", en="core node down"),
    Cause.AREA: Text(
        vi="nhiều điểm đo cùng địa bàn, chưa rõ nguyên nhân", en="many sites of one area, cause not known"
    ),
    Cause.BROKER: Text(vi="máy chủ MQTT của trung tâm", en="the centre's MQTT broker"),
    Cause.COLLECTOR: Text(vi="máy chủ hoặc đường truyền của trung tâm", en="the centre's own server or uplink"),
    Cause.FAR_END: Text(vi="đầu xa của phép đo", en="far end of the measurements"),
    Cause.SPEED_DEGRADED: Text(vi="suy giảm tốc độ", en="speed degraded"),
    Cause.LATENCY_DEGRADED: Text(vi="độ trễ tăng", en="latency raised"),
    Cause.LOSS_DEGRADED: Text(vi="mất gói", en="packet loss"),
    Cause.CAPACITY: Text(vi="đường truyền sắp hết dung lượng", en="line near its capacity"),
    Cause.IPV6: Text(vi="lỗi IPv6", en="IPv6 fault"),
    Cause.SERVICE: Text(vi="lỗi dịch vụ (DNS, trang thông tin)", en="service fault (DNS, web)"),
    Cause.CLOCK: Text(vi="đồng hồ thiết bị đo sai", en="probe's clock wrong"),
    Cause.CERTIFICATE: Text(vi="chứng thư số sắp hết hạn hoặc sai", en="certificate expiring or wrong"),
    Cause.OUTDATED: Text(vi="phần mềm thiết bị đo cũ", en="agent outdated"),
    Cause.DEVICE: Text(vi="lỗi thiết bị đo", en="probe device fault"),
    Cause.UNKNOWN: Text(vi="chưa rõ nguyên nhân", en="cause not known"),
}


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    CLOSED = "closed"

    @property
    def text(self) -> Text:
        """The words that people read."""
        return _STATES[self]

    @property
    def is_live(self) -> bool:
        """Whether the fault lasts."""
        return self in (State.OPEN, State.ACKNOWLEDGED)


_STATES = {
    State.OPEN: Text(vi="đang xảy ra", en="open"),
    State.ACKNOWLEDGED: Text(vi="đã tiếp nhận", en="acknowledged"),
    State.RESOLVED: Text(vi="đã khôi phục", en="resolved"),
    State.CLOSED: Text(vi="đã đóng", en="closed"),
}


class Family(StrEnum):
    """Which alarms can be one fault: silence is never mixed with slowness or with a probe's own troubles."""

    DOWN = "down"
    POWER = "power"
    """No mains, but a battery: nothing is lost yet."""
    QUALITY = "quality"
    """Speed, latency and loss of one line at one time: one fault."""
    SPEED = "speed"
    LATENCY = "latency"
    LOSS = "loss"
    CAPACITY = "capacity"
    IPV6 = "ipv6"
    SERVICE = "service"
    CLOCK = "clock"
    CERTIFICATE = "certificate"
    OUTDATED = "outdated"
    DEVICE = "device"
    OTHER = "other"


class Reach(StrEnum):
    """What a fault reaches over."""

    OFFICE = "office"
    """One office, `name` is its site; or one node or the collector by itself (`name` is the subject's text)."""
    FLEET = "fleet"
    """The same rule at many probes, `name` is the rule: a new release, an expiring authority."""
    AREA = "area"
    """Whole offices of one place, `name` is the province's code."""
    PROVINCE = "province"
    """Lines of one provider in one province: `name` is `code provider`."""
    FAR_END = "far_end"
    """Everything that is measured against one far end."""
    PROVIDER = "provider"
    """Lines of one provider in several provinces."""
    NODE = "node"
    """What is behind a node, `name` is its id."""
    COLLECTOR = "collector"
    """Everything, because we ourselves do not hear."""

    @property
    def breadth(self) -> int:
        """An explanation of more breadth takes over incidents of less; equals leave each other alone."""
        return _BREADTH[self]


_BREADTH = {
    Reach.OFFICE: 0, Reach.FLEET: 1, Reach.AREA: 2, Reach.PROVINCE: 3, Reach.FAR_END: 3, Reach.PROVIDER: 4,
    Reach.NODE: 5, Reach.COLLECTOR: 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What alarms have in common: alarms of one fault at one time are one incident."""

    reach: Reach
    name: str
    family: Family = Family.DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An alarm as part of an incident. Moments in microseconds since 1970 UTC."""

    subject: Subject
    rule: str
    severity: Severity
    family: Family
    began_us: int
    joined_us: int
    cleared_us: int | None = None

    @property
    def key(self) -> tuple[str, Subject]:
        """The alarm's key."""
        return self.rule, self.subject

    @property
    def is_open(self) -> bool:
        """Whether it still fails."""
        return self.cleared_us is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One fault from its beginning to its end, as it stands at one moment."""

    id: int
    fault: Fault
    cause: Cause
    severity: Severity
    state: State
    began_us: int
    """When the first member failed, by the evidence."""
    detected_us: int
    """When the first of its alarms was raised."""
    opened_us: int
    """When it was announced: after the time to settle."""
    members: tuple[Member, ...]
    """In the order of (began, subject, rule); cleared ones stay."""
    root: Subject | None = None
    """The node (or the collector) that explains the others."""
    place: str | None = None
    """The smallest place that holds all members; None for several provinces or none."""
    provider: str | None = None
    muted: bool = False
    inferred: bool = False
    """The root is concluded from what fails behind it: nothing watches it itself."""
    why: tuple[Text, ...] = ()
    """The evidence for the cause, as sentences."""
    acknowledged_us: int | None = None
    resolved_us: int | None = None
    """When the last member was well again."""
    closed_us: int | None = None
    reopened: int = 0
    absorbed_by: int | None = None

    @property
    def open_members(self) -> tuple[Member, ...]:
        """Those that still fail."""
        return tuple(m for m in self.members if m.is_open)

    @property
    def sites(self) -> frozenset[str]:
        """The offices that it ever reached."""
        return frozenset(m.subject.site for m in self.members if m.subject.site)

    @property
    def lost_sites(self) -> frozenset[str]:
        """The offices that now lack a line or their probe; running on a battery is no loss yet, a far end's death is none."""
        if self.fault.reach is Reach.FAR_END:
            return frozenset()
        return frozenset(
            m.subject.site for m in self.members if m.is_open and m.subject.site and m.family is Family.DOWN
        )

    @property
    def open_sites(self) -> frozenset[str]:
        """The offices that still fail."""
        return frozenset(m.subject.site for m in self.members if m.is_open and m.subject.site)

    @property
    def time_to_detect_s(self) -> float:
        """From the fault's beginning to the first alarm, in seconds."""
        return max(0, self.detected_us - self.began_us) / 1e6

    @property
    def time_to_repair_s(self) -> float | None:
        """From the fault's beginning to the last member's recovery, in seconds; None while it lasts."""
        return None if self.resolved_us is None else max(0, self.resolved_us - self.began_us) / 1e6


class Turn(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    UNMUTED = "unmuted"
    """Recorded silently before (maintenance, flapping), and to be told from now on: for messages it opens now."""
    GREW = "grew"
    RECAST = "recast"
    """Its cause or severity is seen differently now; members may have joined with it."""
    SHRANK = "shrank"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    ABSORBED = "absorbed"
    """A wider incident (`absorbed_by`) explains it: this one is closed without having been repaired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChange:
    """One step of one incident; at most one of each kind for an incident in one tick."""

    turn: Turn
    incident: Incident
    at_us: int
    joined: tuple[Member, ...] = ()
    left: tuple[Member, ...] = ()
    """Those that cleared, or that another incident explains now."""
    note: Text = field(default=Text(vi="", en=""))
    notable: bool = True
    """Worth a message. Growth by a few, shrinking, and what is muted is not: so the messages of a fault stay few."""

"""The words of presence: states, causes, and the evidence that decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from doxa_core.language import Text


class State(StrEnum):
    """Whether a probe is there."""

    ONLINE = "online"
    OFFLINE = "offline"
    UNKNOWN = "unknown"
    """Nobody can say, and it is not the probe's fault: the broker is out of reach, or we are behind."""
    NEVER = "never"
    """Registered, and never heard of."""

    @property
    def text(self) -> Text:
        """The word that people read."""
        return _STATES[self]


_STATES = {
    State.ONLINE: Text(vi="trực tuyến", en="online"),
    State.OFFLINE: Text(vi="mất liên lạc", en="offline"),
    State.UNKNOWN: Text(vi="chưa rõ", en="unknown"),
    State.NEVER: Text(vi="chưa từng kết nối", en="never seen"),
}


class Cause(StrEnum):
    """Why a probe is not there. `LOST` is what stands until something tells more."""

    STOPPED = "stopped"
    POWER = "power"
    LINE = "line"
    LOST = "lost"
    SILENT = "silent"
    BROKER = "broker"
    COLLECTOR = "collector"

    @property
    def text(self) -> Text:
        """The words that people read."""
        return _CAUSES[self]


_CAUSES = {
    Cause.STOPPED: Text(vi="được tắt theo lệnh", en="it was stopped on purpose"),
    Cause.POWER: Text(vi="thiết bị mất điện hoặc khởi động lại", en="the probe lost power or restarted"),
    Cause.LINE: Text(vi="mất đường truyền", en="its line is down"),
    Cause.LOST: Text(vi="mất kết nối, chưa rõ do điện hay đường truyền", en="lost; power or line, not known yet"),
    Cause.SILENT: Text(
        vi="không còn gửi tin dù máy chủ chưa báo mất", en="it fell silent though the broker did not say so"
    ),
    Cause.BROKER: Text(vi="không kết nối được máy chủ MQTT", en="the MQTT broker is out of reach"),
    Cause.COLLECTOR: Text(vi="hệ thống thu thập đang xử lý chậm", en="the collector is behind"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that the rule decided by: a code, when it was so, and what belongs to it."""

    code: str
    at_us: int | None = None
    about: str = ""
    """An agent, a link, a number: what the code speaks of."""

    @property
    def text(self) -> Text:
        """In words."""
        found = EVIDENCE.get(self.code)
        return Text(vi=self.code, en=self.code) if found is None else found.fill(about=self.about)

    def as_fields(self) -> dict[str, Any]:
        """For the ledger and machines; what is not known is absent."""
        found: dict[str, Any] = {"code": self.code, "at_us": self.at_us, "about": self.about or None}
        return {key: value for key, value in found.items() if value is not None}


EVIDENCE: Mapping[str, Text] = {
    "last_will": Text(vi="máy chủ MQTT báo mất kết nối (last will)", en="the broker published its last will"),
    "goodbye": Text(vi="thiết bị tự báo dừng", en="it said goodbye"),
    "heartbeat_overdue": Text(vi="quá hạn {about} giây không có tin", en="nothing for more than {about} s"),
    "on_battery": Text(vi="trước khi mất liên lạc đang chạy bằng nguồn dự phòng", en="it ran on battery before"),
    "peer_online": Text(
        vi="thiết bị {about} cùng điểm đo vẫn trực tuyến: có điện",
        en="{about} at the same office is online: there is power",
    ),
    "whole_office": Text(
        vi="mọi thiết bị của điểm đo ({about}), trên các mạng khác nhau, mất cùng lúc",
        en="all probes of the office ({about}), on different networks, went at once",
    ),
    "link_port_down": Text(vi="cổng mạng của {about} mất tín hiệu", en="the port of {about} has no signal"),
    "new_boot": Text(vi="khi trở lại, thiết bị vừa khởi động lại", en="it came back freshly booted"),
    "same_boot": Text(
        vi="khi trở lại, thiết bị không hề khởi động lại: chỉ mất đường truyền",
        en="it came back without a restart: only the line was gone",
    ),
    "broker_unreachable": Text(vi="hệ thống thu thập mất kết nối tới máy chủ MQTT", en="the collector lost the broker"),
    "broker_grace": Text(
        vi="máy chủ MQTT vừa trở lại, đang chờ các thiết bị nối lại",
        en="the broker is back; probes may still reconnect",
    ),
    "all_silent": Text(
        vi="hệ thống thu thập không nhận được tin của bất kỳ thiết bị nào",
        en="the collector hears nothing of any probe",
    ),
    "collector_behind": Text(vi="tin đang chờ xử lý {about} giây", en="messages wait for {about} s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """One probe now. Moments in microseconds since 1970 UTC."""

    agent: str
    site: str
    state: State
    cause: Cause | None = None
    """None while it is online, or never was seen."""
    since_us: int
    """Since when it is so, by the evidence."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What was heard of one probe: a status, a last will, or any message at all."""

    agent: str
    site: str
    at_us: int
    """When it reached us."""
    online: bool
    """False for goodbye and last will."""
    reason: str = "running"
    """`running`, `stopped`, `lost`, as in the status."""
    boot: str | None = None
    on_battery: bool | None = None
    ports_down: tuple[str, ...] = ()
    """Links whose port had no signal, by the probe's own word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """How the broker and we ourselves do at this moment."""

    broker_lost_us: int | None = None
    """Since when our connection to the broker is gone; None while it stands."""
    behind_s: float = 0.0
    """How long the oldest message waits for us."""
    silent_us: int | None = None
    """Since when nothing at all is heard though it should be (`presence.hush`); None while that is not so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A probe's state or cause changed."""

    before: Presence | None
    now: Presence
    noticed_us: int
    refines: bool = False
    """The state is as it was or over; only the cause of the absence became known (after the return, by the boot)."""
    detail: Mapping[str, Any] = field(default_factory=dict)

"""What a record of acceptance tells: who, where, which line and device, and the steps that were run."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from doxa_collector.papers.secrecy import device_data, internal
from doxa_collector.papers.sources import Ground
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """The probe."""

    name: str
    model: str | None = internal()
    serial: str | None = device_data()
    mac: str | None = device_data()
    version: str
    methods: tuple[str, ...] = ()
    port_mbps: float | None = None
    duplex: str | None = None
    need_mbps: float | None = None
    """What the port must carry on its wire for the fastest step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The line and what its contract promises."""

    name: str
    kind: LinkKind
    provider: str = ""
    contract: str = ""
    """Its number."""
    down_mbps: float | None
    up_mbps: float | None
    layer: Layer
    source: str | None = internal()
    gateway: str | None = internal()
    far_end: str = ""
    far_end_host: str | None = internal()
    far_end_address: str | None = internal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the run had to reach; None: not judged."""

    tolerance_ratio: float | None = None
    loss_ratio: float | None = None
    rtt_ms: float | None = None
    pdv_ms: float | None = None
    mtu: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The probe's clock at the start."""

    synchronised: bool
    error_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of fixed rate."""

    direction: str
    percent: float
    performance: bool = False
    seconds: float | None = None
    asked_mbps: float | None = None
    """At the contract's layer, as `received_mbps`."""
    asked_ip_mbps: float | None = None
    offered_ip_mbps: float | None = None
    """What was really sent: the next rate that the protocol has."""
    received_mbps: float | None = None
    received_ip_mbps: float | None = None
    loss_ratio: float | None = None
    rtt_p95_ms: float | None = None
    delay_variation_ms: float | None = None
    outcome: VerdictOutcome
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    attempts: tuple["Step", ...] = ()
    """The other attempts at this step, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was judged beside the steps: `preconditions`, `port`, `path_mtu`, `base_rtt`, `run`."""

    name: str
    outcome: VerdictOutcome
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRate:
    """One direction's rate at its highest step, as it counts at every layer; only the IP layer's is measured."""

    direction: str
    percent: float
    wire_mbps: float
    frame_mbps: float
    ip_mbps: float
    payload_mbps: float
    """What TCP would carry in full packets of 1500 octets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """The figures of RFC 6349 for one direction; they describe and decide nothing."""

    direction: str
    seconds: float | None = None
    mean_mbps: float | None = None
    ideal_mbps: float | None = None
    transfer_time_ratio: float | None = None
    efficiency_ratio: float | None = None
    buffer_delay_ratio: float | None = None
    base_rtt_ms: float | None = None
    loaded_rtt_mean_ms: float | None = None
    loaded_rtt_p95_ms: float | None = None
    bdp_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One acceptance run."""

    site: str
    started: datetime
    duration_s: float | None
    form: str = ""
    step_s: float | None = None
    percents: tuple[float, ...] = ()
    """The steps that were planned in each direction."""
    outcome: VerdictOutcome
    reasons: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    interrupted: bool = False
    sha256: str
    """Of the result's evidence."""
    equipment: Equipment
    line: Line
    wanted: Wanted
    clock: Clock
    family: int | None = None
    headers: str = ""
    """The model of the headers around the test's packets, by which layers are converted."""
    packet_bytes: float | None = None
    path_mtu: float | None = None
    path_mtu_exact: bool = False
    rtt_p50_ms: float | None = None
    rtt_p95_ms: float | None = None
    parts: tuple[Part, ...] = ()
    steps: tuple[Step, ...] = ()
    layers: tuple[LayerRate, ...] = ()
    tcp: tuple[Tcp, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of the acceptance; its people are blanks unless the customer names them."""

    role: str
    organisation: str = "…"
    people: tuple[str, ...] = ("Ông (bà): ………………………………… Chức vụ: …………………",)


PARTIES: Final = (
    Party(role="Bên giao (đơn vị cung cấp)"),
    Party(role="Bên nhận (đơn vị sử dụng)"),
    Party(role="Đơn vị vận hành hệ thống đo"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The file of evidence whose hash the paper carries."""

    name: str
    sha256: str
    """Of the whole file: what `sha256sum` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """A code with its words."""

    code: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceRecord:
    """Everything that the record says."""

    run: Run
    office: str
    """The site's name for people: `Trụ sở UBND xã Đồng Đăng`."""
    place: str = ""
    """The commune and province on that day."""
    provider: str = ""
    technology: str = ""
    contract: str = ""
    contract_from: date | None = None
    contract_to: date | None = None
    contract_layer: bool = True
    """Whether the contract itself names the layer at which it counts."""
    contract_source: str = ""
    """Where these figures come from, for people."""
    of_probe: bool = False
    """The probe is accepted, not the line."""
    parties: tuple[Party, ...] = PARTIES
    grounds: tuple[Ground, ...] = ()
    bundle: Bundle | None = None
    meanings: tuple[Meaning, ...] = ()
    """Words for codes of meters and guards that `acceptance_words` does not have."""

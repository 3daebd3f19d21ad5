"""The words of a plan: what a document demands, of whom, by when, and how sure each of these facts is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind


class Mark(StrEnum):
    """How sure a fact is. Only `V` may be shown as what the document says; everything else is shown with its mark."""

    V = "V"
    S = "S"
    SECOND = "2nd"
    I = "I"  # noqa: E741 - the mark's own name, as it stands in the plan files
    NF = "NF"

    @property
    def text(self) -> Text:
        """What the mark means, in a few words."""
        return _MARKS[self]


_MARKS = {
    Mark.V: Text(vi="đã đọc trong toàn văn", en="read in the full text"),
    Mark.S: Text(vi="chỉ đọc trong bản trích", en="read only in an excerpt"),
    Mark.SECOND: Text(vi="nguồn thứ cấp", en="secondary source"),
    Mark.I: Text(vi="suy luận của doxa, không phải lời văn bản", en="our inference, not the document's words"),
    Mark.NF: Text(vi="đã tìm, chưa thấy nguồn", en="looked for and not found"),
}


class Kind(StrEnum):
    """How a target is decided."""

    LEVEL = "level"
    """A statistic of samples against a value."""
    SHARE = "share"
    """The fraction of offices that meet a condition against a percentage."""
    RANK = "rank"
    """A place among the provinces, from imported reference figures."""
    MANUAL = "manual"
    """Entered by a person, with its source."""

    @property
    def text(self) -> Text:
        """The word that people read."""
        return _KINDS[self]


_KINDS = {
    Kind.LEVEL: Text(vi="mức", en="level"),
    Kind.SHARE: Text(vi="tỷ lệ", en="share"),
    Kind.RANK: Text(vi="thứ hạng", en="rank"),
    Kind.MANUAL: Text(vi="nhập tay", en="entered by hand"),
}


class Operator(StrEnum):
    """How a value is held against the target's. `str()` is the sign of the file, `sign` the one that people read."""

    AT_LEAST = ">="
    ABOVE = ">"
    EQUAL = "="
    """Of a share of 100 %: all of them. Of anything else: exactly."""
    AT_MOST = "<="
    BELOW = "<"
    RANK_AT_MOST = "rank<="
    """Among the first so many."""

    @property
    def sign(self) -> str:
        """`≥`, `>` …"""
        return {">=": "≥", "<=": "≤", "rank<=": "≤"}.get(self.value, self.value)

    def holds(self, value: float, target: float) -> bool:
        """Whether `value` meets the target."""
        if self is Operator.AT_LEAST:
            return value >= target
        if self is Operator.ABOVE:
            return value > target
        if self is Operator.EQUAL:
            return value == target
        return value < target if self is Operator.BELOW else value <= target

    @property
    def upward(self) -> bool:
        """Whether more is better, so that a lower bound of the line can prove a pass."""
        return self in (Operator.AT_LEAST, Operator.ABOVE, Operator.EQUAL)


class Unit(StrEnum):
    """The unit of a target's value, after normalising what the document wrote (`Mb/s`, `Gb/s` …)."""

    MBPS = "Mbps"
    MS = "ms"
    PERCENT = "%"
    PER_100 = "per_100_people"
    RANK = "rank"

    @property
    def text(self) -> Text:
        """The unit as it stands behind a number; empty for a rank."""
        return _UNITS[self]


_UNITS = {
    Unit.MBPS: Text(vi="Mbps", en="Mbps"),
    Unit.MS: Text(vi="ms", en="ms"),
    Unit.PERCENT: Text(vi="%", en="%"),
    Unit.PER_100: Text(vi="trên 100 dân", en="per 100 people"),
    Unit.RANK: Text(vi="", en=""),
}


class Statistic(StrEnum):
    """What is held against a level: of all samples of the period."""

    MEAN = "mean"
    MEDIAN = "median"

    @property
    def text(self) -> Text:
        """The word that people read."""
        return Text(vi="trung bình", en="mean") if self is Statistic.MEAN else Text(vi="trung vị", en="median")


LAYERS: Final[Mapping[Layer, Text]] = {
    Layer.PAYLOAD: Text(vi="tầng ứng dụng", en="payload"),
    Layer.IP: Text(vi="tầng IP", en="IP layer"),
    Layer.FRAME: Text(vi="tầng khung", en="frame layer"),
    Layer.WIRE: Text(vi="trên dây", en="on the wire"),
}
"""Where a rate is counted, as sentences say it."""


COUNTRY: Final = "00"
"""The code of the whole country, which no unit has (as in plans/reference)."""


class PlaceLevel(StrEnum):
    """What kind of unit answers for a plan; `area` is what an abolished unit covered, made of today's communes."""

    COUNTRY = "country"
    """All of it; its code is `COUNTRY`, as in published figures."""
    PROVINCE = "province"
    DISTRICT = "district"
    COMMUNE = "commune"
    AREA = "area"


class Offices(StrEnum):
    """Which offices a share counts."""

    COMMUNE = "commune"
    """Seats of commune-level committees (trụ sở UBND cấp xã)."""
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Which number of which measurements answers a target."""

    meter: str
    value: str
    """The value's name, such as `download_mbps`; for a rate, the figure at `layer`."""
    link_kind: LinkKind
    layer: Layer | None = None
    """Where a rate is counted; None for what is no rate."""
    layer_mark: Mark = Mark.I
    """`V` where the document itself names the layer; otherwise the layer is our choice and never the sole ground of a fail."""
    statistic: Statistic = Statistic.MEDIAN
    statistic_mark: Mark = Mark.I
    """`V` where the document names the statistic ("trung bình")."""


class Rule(StrEnum):
    """A rule with a calculation of its own, which every line of an office must keep (`assess.rules`)."""

    P95_90 = "p95_90"
    """Thông tư 06/2026/TT-BKHCN Đ.5.6: the 95th percentile of each direction's traffic, of samples of five minutes, is at
    most 90 % of the capacity over seven consecutive days."""
    QCVN_34 = "qcvn_34"
    """QCVN 34: the mean of the speeds of whole transfers is at least 0.8 of the contracted one in each direction."""

    @property
    def text(self) -> Text:
        """What it asks of a line, as it stands behind the kind of line."""
        return _RULES[self]

    @property
    def figure(self) -> Text:
        """What its figure is."""
        return _RULE_FIGURES[self]

    @property
    def link_kind(self) -> LinkKind:
        """The kind of line that it is about."""
        return LinkKind.TSLCD if self is Rule.P95_90 else LinkKind.FIXED

    @property
    def operator(self) -> Operator:
        """How its figure is held against `limit_percent`."""
        return Operator.AT_MOST if self is Rule.P95_90 else Operator.AT_LEAST

    @property
    def limit_percent(self) -> float:
        """Of the contracted rate."""
        return 90 if self is Rule.P95_90 else 80


_RULES = {
    Rule.P95_90: Text(
        vi="bách phân vị 95 của lưu lượng mỗi chiều trong 7 ngày liên tục ≤ 90 % dung lượng, lấy mẫu 5 phút",
        en="the 95th percentile of each direction's traffic over 7 consecutive days ≤ 90 % of the capacity, in samples of 5 minutes",
    ),
    Rule.QCVN_34: Text(
        vi="tốc độ trung bình của các lần truyền trọn vẹn ≥ 80 % tốc độ hợp đồng ở mỗi chiều, từ 1.000 mẫu mỗi chiều",
        en="the mean speed of whole transfers ≥ 80 % of the contracted one in each direction, of 1,000 samples each",
    ),
}
_RULE_FIGURES = {
    Rule.P95_90: Text(vi="bách phân vị 95 so với dung lượng", en="95th percentile of the capacity"),
    Rule.QCVN_34: Text(vi="trung bình so với hợp đồng", en="mean of the contracted speed"),
}


class Asked(NamedTuple):
    """What an office's figure is held against; None where the condition has no figure."""

    operator: Operator | None
    value: float | None
    unit: Unit | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What one office must meet to count in a share: a working link of the kind and, where named, a level on it."""

    link_kind: LinkKind
    offices: Offices = Offices.ALL
    measure: Measure | None = None
    """None: it is enough that the link is registered and works."""
    operator: Operator | None = None
    value: float | None = None
    unit: Unit | None = None
    rule: Rule | None = None
    """What each of the office's lines of the kind must keep, instead of a level."""

    @property
    def asked(self) -> Asked:
        """What an office's figure is held against, by a level or by a rule."""
        if self.rule is not None:
            return Asked(self.rule.operator, self.rule.limit_percent, Unit.PERCENT)
        return Asked(self.operator, self.value, self.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Where things stood when the plan was written."""

    value: float
    unit: Unit
    words: str
    """The literal quotation."""
    line: str
    """Such as `A:81`."""
    as_of: str | None = None
    """`2023-Q2`, `2021` …; None where the document does not say."""
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPlace:
    """A unit that is judged against the plan's targets. Who inherits stands in the file; it is never computed."""

    code: str
    """Text with leading zeros; codes are reused, so the key is (code, valid_from)."""
    name: str
    level: PlaceLevel
    province: str
    """Code of the province it lies in, at that time."""
    valid_from: date | None = None
    valid_to: date | None = None
    """Inclusive; None: still so."""
    inherits: bool | None = None
    """Of a unit that came after the plan: whether the old targets hold for it — the customer's decision. None for the
    unit that the plan was written for."""
    inherits_from: str | None = None
    """The unit that it came from, in words."""
    members: tuple[str, ...] = ()
    """Codes of the communes of a district or an area; empty for a commune (itself) and a province (all of it)."""
    units: int | None = None
    """How many commune-level units it has, so that an office missing from the registry is noticed."""
    mark: Mark = Mark.V
    note: Text | None = None

    def judged_on(self, day: date) -> bool:
        """Whether this unit exists on `day` and answers for the plan."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and (self.valid_to is None or day <= self.valid_to) and self.inherits is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One demand of a plan, with its literal words."""

    id: str
    kind: Kind
    title: Text
    words: str
    """The quotation, letter by letter as in the source."""
    lines: tuple[str, ...]
    """Where it stands, such as `A:47`; empty for what is no quotation."""
    clause: str
    due: date | None = None
    due_mark: Mark = Mark.I
    """The documents name a year; its last day is our reading."""
    operator: Operator | None = None
    """None for what has no number (qualitative)."""
    operator_mark: Mark = Mark.V
    """`I` where the words are only "đạt" or ":", so that the operator is our inference."""
    value: float | None = None
    unit: Unit | None = None
    measure: Measure | None = None
    condition: Condition | None = None
    rank_among: int | None = None
    """Of how many provinces figures are needed before a rank can be said."""
    baseline: Baseline | None = None
    ispeed: bool = False
    """Whether the words bind it to VNNIC's statistic ("theo i-Speed")."""
    quoted: bool = True
    """False: `words` sum up what was read in an excerpt, or say a rule in our own words; never printed as a quotation."""
    caveats: tuple[str, ...] = ()
    """Reason codes that every verdict of this target carries (`offices_only`, `medium_not_measured` …)."""
    mark: Mark = Mark.V
    note: Text | None = None

    @property
    def label(self) -> str:
        """The id as people quote it: `A1`; a word-like id stays as it is."""
        return self.id.upper() if re.fullmatch(r"[a-z]\d+", self.id) else self.id

    @property
    def link_kind(self) -> LinkKind | None:
        """The kind of line that it is about, None where it is about none."""
        if self.measure is not None:
            return self.measure.link_kind
        return None if self.condition is None else self.condition.link_kind

    @property
    def qualitative(self) -> bool:
        """Whether it demands something that no number answers."""
        return self.value is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One document with its targets. A plan has a version; a new version never changes what was judged under an old one."""

    id: str
    version: str
    letter: str
    """The letter that its line numbers begin with."""
    title: str
    """As the document calls itself."""
    document: str | None = None
    """Its number, such as `6668/KH-UBND`; None where the copy has none."""
    issuer: str
    issued: date | None = None
    """None where the copy has no full date."""
    issued_words: str | None = None
    issued_line: str | None = None
    source: str
    """The file that was read."""
    mark: Mark = Mark.V
    """How the document was read."""
    valid_from: date
    valid_to: date
    period_mark: Mark = Mark.I
    judge_until: date | None = None
    """The customer's decision to stop judging (a successor plan has come); None: go on, and say that it is overdue."""
    note: Text | None = None
    places: tuple[PlanPlace, ...] = ()
    targets: tuple[Target, ...] = field(default_factory=tuple)

    def target(self, wanted: str) -> Target | None:
        """The target with that id, in whatever case."""
        return next((t for t in self.targets if t.id == wanted.lower()), None)

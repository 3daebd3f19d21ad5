"""The sentences of a line's month, in both languages: the command prints them, the page shows them, a paper may quote them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from doxa_collector.assess.p95 import Way
from doxa_collector.assess.p95_words import sentence as p95_sentence
from doxa_collector.plans.model import COUNTRY, LAYERS, Unit
from doxa_collector.presence.model import Cause
from doxa_collector.statistics.fcc import EVENING_HOURS, LATENCY_MS, SPEED_SHARE, WEEK, FccShare, FccView
from doxa_collector.statistics.ispeed import LABEL, MonthView
from doxa_collector.statistics.mean import Figure
from doxa_collector.statistics.missing import Counts
from doxa_collector.statistics.peak import Peak
from doxa_collector.statistics.qcvn import NEEDED_SHARE, QcvnWay
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.views.beside import Where
from doxa_collector.views.capacity import CapacityMonth
from doxa_collector.views.contracts import Part
from doxa_collector.views.evening import EveningWeek
from doxa_collector.views.speeds import Held
from doxa_collector.views.uptime import NOT_TOLD, Uptime
from doxa_core.language import LANGUAGES, Language, Text, local_time, number
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

FEW: Final = 30
"""Below, a figure is shown and said to tell little: the least that a verdict needs by default (assess.settings)."""
_US: Final = 1_000_000
_MOST_DECIMALS: Final = 3

DIRECTIONS: Final[Mapping[str, Text]] = {
    "download": Text(vi="tải xuống", en="download"),
    "upload": Text(vi="tải lên", en="upload"),
}
WINDOWS: Final[Mapping[str, Text]] = {
    "office": Text(vi="giờ hành chính (thứ 2–6, 7:30–11:30 và 13:00–16:30)", en="office hours (Mon–Fri, 7:30–11:30 and 13:00–16:30)"),
    "evening": Text(vi="buổi tối (18–24 giờ)", en="the evening (18–24 h)"),
}  # fmt: skip
METERS: Final[Mapping[str, Text]] = {
    "speed": Text(vi="đo tốc độ qua HTTP/TCP (speed)", en="speed over HTTP/TCP (speed)"),
    "capacity": Text(vi="đo dung lượng bằng UDP (capacity)", en="capacity by UDP (capacity)"),
    "latency": Text(vi="đo độ trễ (latency)", en="latency (latency)"),
    "stamp": Text(vi="đo độ trễ theo STAMP (stamp)", en="latency by STAMP (stamp)"),
}
SERIES: Final[Mapping[str, Text]] = {
    "rtt_p50_ms": Text(vi="Độ trễ khứ hồi (trung vị mỗi lần đo)", en="Round trip (median of each run)"),
    "rtt_p95_ms": Text(vi="Độ trễ khứ hồi (p95 mỗi lần đo)", en="Round trip (p95 of each run)"),
    "loss_percent": Text(vi="Mất gói", en="Packet loss"),
    "jitter_rfc3550_ms": Text(vi="Biến động trễ (RFC 3550)", en="Jitter (RFC 3550)"),
}
STATISTICS: Final[Mapping[str, Text]] = {
    "mean": Text(vi="trung bình", en="mean"),
    "median": Text(vi="trung vị", en="median"),
}
LATENCY: Final = Text(vi="độ trễ", en="latency")
ISPEED_LABEL: Final = LABEL
_UNITS: Final = {"ms": "ms", "percent": "%"}


def unit_of(series: str) -> str:
    """The unit as it stands behind a number."""
    return "Mbps" if "@" in series else _UNITS.get(series.rpartition("_")[2], "")


def decimals_of(series: str) -> int:
    """How many a figure of this series is shown with."""
    return 1 if "@" in series else 2


def layer_words(layer: Layer | None) -> Text:
    """Such as `tầng IP`."""
    return Text(vi="", en="") if layer is None else LAYERS[layer]


def day(found: date) -> Text:
    """`21/11/2026`, ISO in English."""
    return Text(vi=found.strftime("%d/%m/%Y"), en=found.isoformat())


def moment(at_us: int) -> Text:
    """Local time."""
    when = datetime.fromtimestamp(at_us / _US, UTC)
    return Text(*(local_time(when, lang) for lang in LANGUAGES))


def amount(value: float, decimals: int) -> Text:
    """A number as each language writes it."""
    return Text(*(number(value, decimals, lang) for lang in LANGUAGES))


def percent(share: float, decimals: int = 1) -> Text:
    """A share in per cent; one that is not quite all, or not quite nothing, never rounds to it."""
    while decimals < _MOST_DECIMALS and 0 < share < 1 and round(100 * share, decimals) in (0.0, 100.0):
        decimals += 1
    return amount(100 * share, 0 if share in (0, 1) else decimals)


def duration(us: int) -> Text:
    """In its two largest units: `3 giờ 12 phút`."""
    seconds = us // _US
    parts = []
    for size, vi, en in ((86_400, "ngày", "d"), (3_600, "giờ", "h"), (60, "phút", "min"), (1, "giây", "s")):
        n, seconds = divmod(seconds, size)
        if n:
            parts.append((n, vi, en))
    shown = parts[:2] or [(0, "giây", "s")]
    return Text(vi=" ".join(f"{n} {vi}" for n, vi, _ in shown), en=" ".join(f"{n} {en}" for n, _, en in shown))


# --- figures


def bounds(figure: Figure, decimals: int) -> Text | None:
    """`98,1–103,4`; None where the days are too few to bound anything."""
    if figure.lower is None and figure.upper is None:
        return None
    if figure.lower is None:
        return _AT_MOST.fill(upper=amount(figure.upper or 0.0, decimals))
    if figure.upper is None:
        return _AT_LEAST.fill(lower=amount(figure.lower, decimals))
    return Text(vi="{lower}–{upper}", en="{lower}–{upper}").fill(
        lower=amount(figure.lower, decimals), upper=amount(figure.upper, decimals)
    )


def rate(direction: str, layer: Layer) -> Text:
    """`tải xuống (tầng IP)`."""
    return _RATE_AT.fill(direction=DIRECTIONS[direction], layer=LAYERS[layer])


def few(n: int, days: int) -> Text | None:
    """What must be said of a figure from so few values; None from 30 on."""
    return _FEW.fill(n=n, days=days) if 0 < n < FEW else None


def part_title(part: Part) -> Text:
    """The days and the contract of a part."""
    days = _DAYS.fill(first=day(part.first), last=day(part.last))
    found = part.contract
    if found is None:
        return _NO_CONTRACT.fill(days=days)
    rates = [rate for rate in (found.down_mbps, found.up_mbps) if rate is not None]
    rate = " / ".join(f"{one:g}" for one in rates)
    named = LAYERS[found.layer] if found.layer is not None else _NO_LAYER
    contract = _RATE.fill(rate=rate, layer=named) if rates else _NO_RATE
    who = "".join(f" · {part}" for part in (found.provider, found.technology) if part)
    return _TITLE.fill(days=days, kind=found.kind.text, who=who, contract=contract)


def held(found: Held) -> Text:
    """`96,1 % lần đo (149/155) có tải xuống ≥ 100 Mbps ở tầng IP; …`."""
    if found.share is None:
        return _NO_TEST.fill(what=what_of(found))
    share = found.share
    return _HELD.fill(
        share=percent(share.value), met=found.met, n=share.n, what=what_of(found),
        lower=percent(share.lower or 0.0), upper=percent(1.0 if share.upper is None else share.upper), days=share.days,
    )  # fmt: skip


def what_of(found: Held) -> Text:
    """`tải xuống ≥ 100 Mbps ở tầng IP`."""
    unit = "Mbps" if found.demand is None else str((found.demand.unit or Unit.MBPS).text)
    name = (
        DIRECTIONS[found.direction] if found.direction is not None else SERIES.get(found.series, _PLAIN(found.series))
    )
    layer = Text(vi="", en="") if found.layer is None else _AT_LAYER.fill(layer=LAYERS[found.layer])
    return Text(vi="{name} {sign} {target} {unit}{layer}", en="{name} {sign} {target} {unit}{layer}").fill(
        name=_small(name), sign=found.operator.sign, target=_plain_number(found.target), unit=unit, layer=layer
    )


def extremes(found: Held) -> Text | None:
    """What the share can be whatever the tests without a value would have given; None where none is missing."""
    worst, best = found.extremes.worst, found.extremes.best
    if worst is None or best is None or worst == best:
        return None
    return _EXTREMES.fill(worst=percent(worst), best=percent(best))


def missing(counts: Counts) -> Text:
    """What became of the runs."""
    others = [
        words.fill(n=n)
        for n, words in (
            (counts.failed, _FAILED), (counts.skipped, _SKIPPED), (counts.probe_limited, _LIMITED),
            (counts.error, _ERROR), (counts.without_value, _WITHOUT),
        )
        if n
    ]  # fmt: skip
    tail = Text(*("; ".join(one.in_language(lang) for one in others) for lang in LANGUAGES)) if others else _NONE_LOST
    return _RUNS.fill(due=counts.due, measured=counts.measured, tail=tail)


# --- the rules that people know


def qcvn(way: QcvnWay, direction: str) -> Text:
    """One direction of QCVN 34."""
    if way.mean is None or way.share is None:
        return _QCVN_NOTHING.fill(direction=DIRECTIONS[direction], progress=way.progress)
    verdict = {True: _REACHES, False: _FALLS_SHORT, None: _NOT_YET}[way.meets]
    return _QCVN.fill(
        direction=DIRECTIONS[direction], mean=amount(way.mean.value, 1), contracted=_plain_number(way.contracted_mbps),
        share=percent(way.share), needed=percent(NEEDED_SHARE, 0), progress=way.progress, verdict=verdict,
    )  # fmt: skip


def evening(week: EveningWeek, direction: str) -> Text:
    """One direction of the FCC's week: both conditions, and how far the tests prove them."""
    view, rate = week.ways[direction], week.speed_mbps[direction]
    return _EVENING.fill(
        direction=DIRECTIONS[direction],
        speed=_condition(view.speed),
        least=_plain_number(SPEED_SHARE * rate),
        layer=LAYERS[week.layer],
        latency=_condition(view.latency),
        most=_plain_number(LATENCY_MS),
        verdict=_met(view),
        hours=view.hours,
        all=EVENING_HOURS * WEEK,
    )


def week_words(week: EveningWeek) -> Text:
    """Which week, and what was no test in it."""
    lost = sum(n for outcome, n in week.outcomes.items() if outcome not in (Outcome.OK, Outcome.PROBE_LIMITED))
    tail = _WEEK_LOST.fill(
        lost=lost, failed=week.outcomes[Outcome.FAILED], skipped=week.outcomes[Outcome.SKIPPED]
    ) if lost else Text(vi="", en="")  # fmt: skip
    return _WEEK.fill(first=day(week.first), last=day(week.last), tail=tail)


def _condition(found: FccShare) -> Text:
    if found.figure is None:
        return _NO_TESTS
    return _OF_TESTS.fill(share=percent(found.figure.value), n=found.figure.n, claim=percent(found.claim, 0))


def _met(view: FccView) -> Text:
    if view.met is None:
        return _NOT_YET
    sure = (view.speed.shown, view.latency.shown)
    if view.met:
        return _MET if all(one is VerdictOutcome.PASS for one in sure) else _MET_UNSURE
    return _MISSED if VerdictOutcome.FAIL in sure else _MISSED_UNSURE


def ispeed(view: MonthView, direction: str) -> Text:
    """Median and mean of a calendar month, and how many of the 300 samples there are."""
    if view.median is None or view.mean is None:
        return _ISPEED_NOTHING.fill(direction=DIRECTIONS[direction], progress=view.progress)
    return _ISPEED.fill(
        direction=DIRECTIONS[direction], median=amount(view.median.value, 2), mean=amount(view.mean.value, 2),
        progress=view.progress,
    )  # fmt: skip


def peak(found: Peak, name: Text, unit: str, decimals: int) -> Text:
    """The hours of a window (`WINDOWS`) against the others of the same days."""
    inside, gap = found.inside, found.difference
    if inside is None:
        return _PEAK_NOTHING.fill(name=name)
    if found.outside is None or gap is None:
        return _PEAK_ALONE.fill(name=name, inside=amount(inside.value, decimals), unit=unit, n=inside.n)
    sure = gap.lower is not None and gap.upper is not None and (gap.lower > 0 or gap.upper < 0)
    way = (_LOWER if gap.value < 0 else _HIGHER) if sure else _NO_DIFFERENCE
    return _PEAK.fill(
        name=name, inside=amount(inside.value, decimals), n=inside.n,
        outside=amount(found.outside.value, decimals), unit=unit,
        way=way.fill(by=amount(abs(gap.value), decimals), unit=unit, bounds=_gap_bounds(gap.lower, gap.upper, decimals)),
    )  # fmt: skip


def _gap_bounds(lower: float | None, upper: float | None, decimals: int) -> Text:
    if lower is None or upper is None:
        return Text(vi="", en="")
    low, high = sorted((abs(lower), abs(upper)))
    return Text(vi=" ({low}–{high})", en=" ({low}–{high})").fill(low=amount(low, decimals), high=amount(high, decimals))


# --- up and down


def uptime(found: Uptime) -> Text:
    """The share, the outages, what is not known."""
    known = found.found
    if known.share is None:
        return _UPTIME_NOTHING
    head = _UPTIME.fill(
        share=percent(known.share, 2), worst=percent(known.worst, 2), best=percent(known.best, 2),
    )  # fmt: skip
    if not known.outages:
        return _NO_OUTAGE.fill(head=head, unknown=duration(known.unknown_us))
    longer = known.longest_possible_us > known.longest_us
    possible = _POSSIBLY.fill(longest=duration(known.longest_possible_us)) if longer else Text(vi="", en="")
    return _OUTAGES.fill(
        head=head, n=known.outages, down=duration(known.down_us), longest=duration(known.longest_us),
        possible=possible, unknown=duration(known.unknown_us),
    )  # fmt: skip


def uptime_evidence(found: Uptime) -> Text:
    """Which runs told, how often they ran, and whose absence explains what is not known."""
    causes = [
        Text(vi="{cause} {time}", en="{cause} {time}").fill(cause=_cause(cause), time=duration(us))
        for cause, us in found.unknown_us.items()
    ]
    tail = Text(*("; ".join(one.in_language(lang) for one in causes) for lang in LANGUAGES))
    return (_EVIDENCE_GAPS if causes else _EVIDENCE).fill(
        n=found.runs, meter=METERS.get(found.meter, _PLAIN(found.meter)), step=duration(found.step_us),
        first=moment(found.first_us), failed=found.failed, causes=tail,
    )  # fmt: skip


def _cause(code: str) -> Text:
    if code == NOT_TOLD:
        return Text(vi="chưa rõ vì sao", en="nobody knows why")
    return Cause(code).text if code in list(Cause) else _PLAIN(code)


def capacity(found: CapacityMonth) -> Text:
    """How many spans of seven days break the rule."""
    return _CAPACITY.fill(
        spans=found.spans, above=found.above, open=found.open,
        series=found.series.partition("/")[0],  # the far end may be an address of a State network
        first=day(found.fullest.period.first), last=day(found.fullest.period.last), fullest=_fullest(found),
    )  # fmt: skip


def _fullest(found: CapacityMonth) -> Text:
    shares = [way.share for way in found.fullest.ways if way.share is not None]
    return percent(max(shares)) if shares else Text(vi="–", en="–")


def p95(way: Way) -> Text:
    """One direction of one span of seven days, as `doxa p95` says it."""
    return p95_sentence(way)


def place_of(where: Where | None, code: str) -> Text:
    """The name of a unit for which a figure was published."""
    if code == COUNTRY:
        return _COUNTRY
    names = {} if where is None else {where.place: where.name, where.province: where.province_name}
    return _PLAIN(names.get(code) or code)


def _PLAIN(text: str) -> Text:  # noqa: N802 - stands where the tables of words stand
    return Text(vi=text, en=text)


def _plain_number(value: float) -> Text:
    decimals = next((n for n in range(_MOST_DECIMALS) if abs(value - round(value, n)) < 1e-9), _MOST_DECIMALS)
    return amount(value, decimals)


def _small(text: Text) -> Text:
    return Text(*(_lowered(text, lang) for lang in LANGUAGES))


def _lowered(text: Text, lang: Language) -> str:
    said = text.in_language(lang)
    return said[:1].lower() + said[1:]


# --- what each view means, in plain words

MEANINGS: Final[Mapping[str, Text]] = {
    "figures": Text(
        vi="Trung bình cộng mọi lần đo rồi chia đều. Trung vị: một nửa số lần đo cao hơn, một nửa thấp hơn. P5: cứ 20 lần đo thì 19 lần cao hơn mức này; P95: 19 lần thấp hơn. Hai số sau mỗi giá trị là cận dưới và cận trên với độ tin cậy 95 % mỗi phía, tính theo ngày, vì các lần đo trong cùng một ngày thường giống nhau. Chỉ tính các lần đo nói được về đường truyền; lần bị thiết bị đo giới hạn đứng riêng ở dòng «ít nhất».",
        en="The mean adds all tests and divides. Median: half of the tests are above, half below. P5: 19 of 20 tests are above it; P95: 19 of 20 are below. The two numbers behind a value are its bounds, each with 95 % confidence, counted by days because tests of one day resemble each other. Only tests that describe the line count; those that the probe limited stand apart as 'at least'.",
    ),
    "held": Text(
        vi="Tỷ lệ lần đo đạt mức, khác với trung bình: một đường truyền nhanh nhưng hay chậm có trung bình đẹp và tỷ lệ thấp. Cận dưới là mức mà số liệu chứng minh được với độ tin cậy 95 % (nhị thức chính xác, theo số lần đo độc lập hiệu dụng). Đây là thống kê của riêng đường truyền này, không phải kết luận của kế hoạch.",
        en="The share of tests that reach a level is not the mean: a fast line that is often slow has a fine mean and a low share. The lower bound is what the tests prove with 95 % confidence (exact binomial, at the effective number of independent tests). It is a statistic of this line alone, not the plan's verdict.",
    ),
    "fcc": Text(
        vi="Quy tắc 80/80 của FCC (Hoa Kỳ), chỉ để so sánh: trong một tuần, từ 18 đến 24 giờ, ít nhất 80 % lần đo đạt từ 80 % tốc độ hợp đồng trở lên, và 95 % lần đo độ trễ không quá 100 ms. Tuần được lấy là tuần trọn vẹn gần nhất (thứ 2 đến chủ nhật) nằm trong thời gian của hợp đồng ấy; lịch chọn tuần, không phải kết quả.",
        en="The FCC's 80/80 rule (USA), for comparison only: within one week, from 18 to 24 h, at least 80 % of the tests reach 80 % of the contracted speed, and 95 % of latency tests take 100 ms at most. The week is the last whole one (Monday to Sunday) within this contract's days; the calendar chooses it, not the result.",
    ),
    "qcvn": Text(
        vi="QCVN 34:2022/BTTTT ràng buộc doanh nghiệp viễn thông; ở đây chỉ để tham khảo. Tốc độ mỗi mẫu = số byte ÷ toàn bộ thời gian truyền (kể cả lúc tăng tốc); trung bình cộng phải từ 0,8 lần tốc độ hợp đồng. Cần ít nhất 1.000 mẫu mỗi chiều ở nhiều giờ khác nhau, nên trước đó chỉ báo tiến độ. [S: chỉ đọc trong bản trích]",
        en="QCVN 34:2022/BTTTT binds operators; it is indicative here. A sample's speed is its bytes over the whole time (slow start included); the arithmetic mean must reach 0.8 of the contracted speed. At least 1,000 samples per direction at different hours are needed; before that only the progress is shown. [S: read only in an excerpt]",
    ),
    "ispeed": Text(
        vi="Cùng cách đếm như i-Speed công bố (tháng dương lịch, từ 300 mẫu), nhưng là số đo của một trụ sở, không phải thống kê của VNNIC trên người dân cả địa bàn. Hai số không bao giờ trộn vào nhau. i-Speed khi thì công bố trung vị, khi thì trung bình, nên ở đây ghi cả hai.",
        en="Counted as i-Speed publishes (a calendar month, from 300 samples on), but measured at one office; VNNIC's statistic is over residents of the whole place. The two are never mixed. i-Speed publishes sometimes medians, sometimes means, so both stand here.",
    ),
    "peak": Text(
        vi="So các giờ này với những giờ còn lại của chính những ngày ấy, nên một ngày chậm từ sáng đến tối không làm sai phép so. «Chưa thấy khác biệt» nghĩa là khác biệt, nếu có, còn nhỏ hơn mức mà số lần đo cho thấy được. Ngày lễ chưa được tách riêng.",
        en="These hours against the other hours of the same days, so a day that is slow throughout does not mislead. 'No difference seen' means that, if there is one, it is smaller than so many tests can show. Public holidays are not told apart.",
    ),
    "uptime": Text(
        vi="Chỉ thời gian có bằng chứng mới được tính: có phép đo đi qua là hoạt động, mọi đầu xa đều không trả lời là mất kết nối. Thời gian không có phép đo là chưa rõ, không tính là tốt hay xấu; vì vậy luôn ghi thêm hai đầu: nếu mọi lúc chưa rõ đều mất kết nối, và nếu đều hoạt động.",
        en="Only time with evidence counts: a run that came through is up, no answer from any far end is down. Time without runs is unknown, neither good nor bad; so both ends stand beside it: if all of it had been down, and if all had been up.",
    ),
    "capacity": Text(
        vi="Thông tư 06/2026/TT-BKHCN, Đ.5.6: trong 7 ngày liên tục, bách phân vị 95 của lưu lượng mỗi chiều (mẫu 5 phút) không vượt 90 % dung lượng kênh. Văn bản không nói 7 ngày bắt đầu từ thứ mấy, nên mỗi ngày trong tháng kết thúc một khoảng 7 ngày và khoảng nào cũng được xét.",
        en="Circular 06/2026/TT-BKHCN, Art. 5.6: over 7 consecutive days the 95th percentile of each direction's traffic (5-minute samples) must not exceed 90 % of the capacity. It names no weekday, so each day of the month ends a span of 7 days, and each is looked at.",
    ),
    "missing": Text(
        vi="Những lần không đo được có thể chính là những lúc đường truyền xấu nhất. Vì vậy chúng luôn được đếm và đứng cạnh số liệu, cùng hai đầu: nếu mọi lần ấy đều không đạt, và nếu đều đạt.",
        en="Runs without a value may be the line's worst moments. So they are always counted and stand beside the figures, with both ends: if each of them had missed the level, and if each had met it.",
    ),
}
"""By view."""

_COUNTRY: Final = Text(vi="cả nước", en="the whole country")
_RATE_AT: Final = Text(vi="{direction} ({layer})", en="{direction} ({layer})")
_AT_MOST: Final = Text(vi="≤ {upper}", en="≤ {upper}")
_AT_LEAST: Final = Text(vi="≥ {lower}", en="≥ {lower}")
_FEW: Final = Text(
    vi="Mới có {n} mẫu trong {days} ngày: chưa đủ để nói chắc điều gì về cả tháng.",
    en="Only {n} samples on {days} days so far: too few to say anything of the month with certainty.",
)
_DAYS: Final = Text(vi="{first} – {last}", en="{first} – {last}")
_TITLE: Final = Text(vi="{days}: {kind}{who} · {contract}", en="{days}: {kind}{who} · {contract}")
_NO_CONTRACT: Final = Text(
    vi="{days}: danh mục không có đường truyền này trong những ngày này",
    en="{days}: the registry has no such line on these days",
)
_RATE: Final = Text(vi="hợp đồng {rate} Mbps ({layer})", en="contract {rate} Mbps ({layer})")
_NO_RATE: Final = Text(vi="hợp đồng không nêu tốc độ", en="the contract names no speed")
_NO_LAYER: Final = Text(vi="không nêu tầng", en="no layer named")
_AT_LAYER: Final = Text(vi=" ({layer})", en=" ({layer})")
_NO_TEST: Final = Text(vi="Chưa có lần đo nào để so với {what}.", en="No test yet to hold against {what}.")
_HELD: Final = Text(
    vi="{share} % lần đo ({met}/{n}) có {what}; tỷ lệ thật từ {lower} % đến {upper} % (cận 95 %, {days} ngày).",
    en="{share} % of the tests ({met} of {n}) have {what}; the true share lies between {lower} % and {upper} % (95 % bounds, {days} days).",
)
_EXTREMES: Final = Text(
    vi="Tính cả những lần không có giá trị: từ {worst} % (nếu đều không đạt) đến {best} % (nếu đều đạt).",
    en="With the runs that gave no value: from {worst} % (had they all missed it) to {best} % (had they all met it).",
)
_RUNS: Final = Text(
    vi="{due} lần chạy, {measured} lần đo được đường truyền; {tail}.",
    en="{due} runs, {measured} describe the line; {tail}.",
)
_FAILED: Final = Text(vi="{n} lần không đo được (đường truyền hoặc đầu xa không trả lời)", en="{n} failed (the line or the far end did not answer)")  # fmt: skip
_SKIPPED: Final = Text(vi="{n} lần bỏ qua", en="{n} skipped")
_LIMITED: Final = Text(vi="{n} lần bị thiết bị đo giới hạn", en="{n} limited by the probe")
_ERROR: Final = Text(vi="{n} lần lỗi chương trình đo", en="{n} with an error of the probe itself")
_WITHOUT: Final = Text(vi="{n} lần không có giá trị này", en="{n} without this value")
_NONE_LOST: Final = Text(vi="không lần nào thiếu giá trị", en="none without a value")
_REACHES: Final = Text(vi="đạt mức của quy chuẩn", en="reaches the standard's share")
_FALLS_SHORT: Final = Text(vi="thấp hơn mức của quy chuẩn", en="falls short of the standard's share")
_NOT_YET: Final = Text(vi="chưa kết luận", en="no conclusion yet")
_QCVN: Final = Text(
    vi="{direction}: trung bình cả phiên {mean} Mbps (tầng ứng dụng) = {share} % của hợp đồng {contracted} Mbps (cần ≥ {needed} %), {progress}: {verdict}.",
    en="{direction}: whole transfers average {mean} Mbps (payload) = {share} % of the contracted {contracted} Mbps (≥ {needed} % needed), {progress}: {verdict}.",
)
_QCVN_NOTHING: Final = Text(
    vi="{direction}: {progress}, chưa có số liệu.", en="{direction}: {progress}, no figure yet."
)
_EVENING: Final = Text(
    vi="{direction}: {speed} đạt ≥ {least} Mbps ({layer}); độ trễ: {latency} ≤ {most} ms; {hours}/{all} giờ có đo: {verdict}.",
    en="{direction}: {speed} at ≥ {least} Mbps ({layer}); latency: {latency} at ≤ {most} ms; {hours} of {all} hours tested: {verdict}.",
)
_OF_TESTS: Final = Text(vi="{share} % của {n} lần đo (cần {claim} %)", en="{share} % of {n} tests ({claim} % needed)")
_NO_TESTS: Final = Text(vi="chưa có lần đo nào", en="no test yet")
_MET: Final = Text(vi="đạt, và số lần đo đủ để chứng minh", en="met, and the tests prove it")
_MET_UNSURE: Final = Text(vi="đạt theo tỷ lệ, nhưng số lần đo chưa đủ để chứng minh", en="met as it stands, but so few tests do not prove it")  # fmt: skip
_MISSED: Final = Text(vi="không đạt, và số lần đo đủ để chứng minh", en="missed, and the tests prove it")
_MISSED_UNSURE: Final = Text(vi="không đạt theo tỷ lệ, nhưng số lần đo chưa đủ để chứng minh", en="missed as it stands, but so few tests do not prove it")  # fmt: skip
_WEEK: Final = Text(vi="Tuần {first} – {last}, 18–24 giờ{tail}.", en="Week {first} – {last}, 18–24 h{tail}.")
_WEEK_LOST: Final = Text(
    vi="; thêm {lost} lần không có giá trị ({failed} không đo được, {skipped} bỏ qua) mà quy tắc không đếm",
    en="; {lost} more runs gave no value ({failed} failed, {skipped} skipped), which the rule does not count",
)
_ISPEED: Final = Text(
    vi="{direction}: trung vị {median} Mbps, trung bình {mean} Mbps (tầng ứng dụng); {progress}.",
    en="{direction}: median {median} Mbps, mean {mean} Mbps (payload); {progress}.",
)
_ISPEED_NOTHING: Final = Text(
    vi="{direction}: {progress}, chưa có số liệu.", en="{direction}: {progress}, no figure yet."
)
_PEAK: Final = Text(
    vi="{name}: {inside} {unit} (n = {n}), giờ khác {outside} {unit}: {way}.",
    en="{name}: {inside} {unit} (n = {n}), other hours {outside} {unit}: {way}.",
)
_PEAK_ALONE: Final = Text(
    vi="{name}: {inside} {unit} (n = {n}); giờ khác chưa đo, chưa so sánh được.",
    en="{name}: {inside} {unit} (n = {n}); no other hours were measured to compare with.",
)
_PEAK_NOTHING: Final = Text(vi="{name}: chưa có lần đo nào.", en="{name}: no test yet.")
_LOWER: Final = Text(vi="thấp hơn {by} {unit}{bounds}", en="lower by {by} {unit}{bounds}")
_HIGHER: Final = Text(vi="cao hơn {by} {unit}{bounds}", en="higher by {by} {unit}{bounds}")
_NO_DIFFERENCE: Final = Text(vi="chưa thấy khác biệt chắc chắn", en="no certain difference")
_UPTIME: Final = Text(
    vi="Hoạt động {share} % thời gian có bằng chứng (cả thời gian chưa rõ: từ {worst} % đến {best} %)",
    en="Up for {share} % of the time with evidence (with the unknown time: between {worst} % and {best} %)",
)
_UPTIME_NOTHING: Final = Text(vi="Chưa có bằng chứng nào.", en="No evidence yet.")
_NO_OUTAGE: Final = Text(
    vi="{head}; không thấy lần mất kết nối nào; {unknown} chưa rõ.", en="{head}; no outage was seen; {unknown} unknown."
)
_OUTAGES: Final = Text(
    vi="{head}; {n} lần mất kết nối, tổng cộng {down}, dài nhất {longest}{possible}; {unknown} chưa rõ.",
    en="{head}; {n} outages of {down} in all, the longest {longest}{possible}; {unknown} unknown.",
)
_POSSIBLY: Final = Text(vi=" (có thể tới {longest})", en=" (possibly up to {longest})")
_EVIDENCE: Final = Text(
    vi="Theo {n} lần {meter}, thường {step} một lần, từ {first}; {failed} lần không qua.",
    en="By {n} runs of {meter}, usually every {step}, from {first} on; {failed} did not come through.",
)
_EVIDENCE_GAPS: Final = Text(
    vi="Theo {n} lần {meter}, thường {step} một lần, từ {first}; {failed} lần không qua. Thời gian chưa rõ, theo trạng thái máy đo: {causes}.",
    en="By {n} runs of {meter}, usually every {step}, from {first} on; {failed} did not come through. The unknown time, by the probes' presence: {causes}.",
)
_CAPACITY: Final = Text(
    vi="{above}/{spans} khoảng 7 ngày kết thúc trong tháng vượt 90 % dung lượng, {open} khoảng chưa đủ số liệu; khoảng đầy nhất {first} – {last}: {fullest} % dung lượng (tác vụ {series}).",
    en="{above} of {spans} spans of 7 days that ended in this month exceed 90 % of the capacity, {open} have too few samples; the fullest, {first} – {last}, takes {fullest} % of the capacity (task {series}).",
)

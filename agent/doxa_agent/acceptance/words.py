"""What people read: the plan before it runs, each step as it ends, the table at the end."""

from collections.abc import Iterator
from typing import Final

from doxa_agent.acceptance.conduct import Progress
from doxa_agent.acceptance.contract import Contract
from doxa_agent.acceptance.course import Course, Estimate, Step
from doxa_agent.acceptance.judgement import StepResult
from doxa_agent.acceptance.result import Acceptance
from doxa_agent.acceptance.tcp import TcpFigures
from doxa_agent.acceptance.verdict import TITLES, Verdict, word
from doxa_agent.directions import DIRECTIONS
from doxa_core.language import Text, local_time, number
from doxa_core.layers import Layer

MARKS: Final = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.PROBE_LIMITED: "!", Verdict.INSUFFICIENT: "–"}


def plan_lines(link: str, far_end: str, contract: Contract, course: Course, cost: Estimate) -> Iterator[str]:
    """What the run will do and cost."""
    yield str(HEAD.fill(link=link, far_end=far_end))
    rates = {"down": _n(contract.down_mbps), "up": _n(contract.up_mbps), "layer": LAYERS[contract.layer]}
    yield str(PROMISE.fill(**rates))
    percents = ", ".join(f"{percent:g}" for percent in course.percents)
    yield str(STEPS.fill(percents=percents, seconds=f"{course.step_s:g}"))
    if course.performance_s is not None:
        yield str(PERFORMANCE.fill(minutes=_n(course.performance_s / 60)))
    if course.tcp_s > 0:
        yield str(TCP_RUN.fill(seconds=f"{course.tcp_s:g}"))
    steps = " / ".join(_n(cost.steps_mb[direction], 0) for direction in DIRECTIONS)
    everything = " / ".join(_n(cost.all_mb[direction], 0) for direction in DIRECTIONS)
    yield str(COST.fill(minutes=_n(cost.seconds / 60, 1), steps=steps, everything=everything))


def progress_line(told: Progress) -> str:
    """One line as a stage begins, or as a step ends."""
    if told.done is not None:
        return f"      {step_words(told.done)}"
    if told.step is not None:
        if told.attempt > 1:
            return str(AGAIN.fill(number=told.number, of=told.of, step=step_title(told.step), attempt=told.attempt))
        parts = {"number": told.number, "of": told.of, "step": step_title(told.step), "seconds": f"{told.seconds:g}"}
        return str(BEGINS.fill(**parts, asked=_n(told.asked_mbps or 0.0)))
    if told.direction is not None:
        return str(TCP_BEGINS.fill(direction=DIRECTION[told.direction], seconds=f"{told.seconds:g}"))
    return str(STAGES[told.stage])


def step_title(step: Step) -> Text:
    """A step in words: tải xuống 90 %."""
    if step.performance:
        return LONG_STEP.fill(direction=DIRECTION[step.direction])
    return SHARE.fill(direction=DIRECTION[step.direction], percent=f"{step.percent:g}")


def step_words(done: StepResult) -> str:
    """What came of a step, in one line."""
    found = f"{MARKS[done.verdict]} {TITLES[done.verdict]}"
    if done.received_mbps is not None:
        found += str(RECEIVED.fill(received=_n(done.received_mbps), asked=_n(done.asked_mbps)))
    if done.figures.loss_ratio is not None:
        found += str(LOST.fill(percent=_n(done.figures.loss_ratio * 100, 3)))
    if done.figures.rtt_p95_ms is not None:
        found += f" · RTT {_n(done.figures.rtt_p95_ms)} ms"
    return found + (f" ({_words(done.reasons)})" if done.reasons else "")


def report_lines(found: Acceptance) -> Iterator[str]:
    """The whole result."""
    yield ""
    yield from _table(found)
    yield ""
    yield from _beside(found)
    if found.findings:
        yield str(NOTED.fill(what=_words(found.findings)))
    yield str(WHEN.fill(when=local_time(found.started), minutes=_n(found.duration_s / 60)))
    yield str(CONCLUSION.fill(verdict=TITLES[found.verdict]))
    for code in found.reasons:
        yield f"  - {word(code)}"


def _table(found: Acceptance) -> Iterator[str]:
    if not found.steps:
        return
    heads = [str(head) for head in HEADS]
    rows = [_row(step) for step in found.steps]
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    for row in (heads, *rows):
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)),
        ]
        yield "  ".join([*cells, row[-1]]).rstrip()


def _row(step: StepResult) -> list[str]:
    figures = step.figures
    return [
        str(step_title(step.step)),
        _n(step.asked_mbps),
        _n(step.received_mbps),
        _n(None if figures.loss_ratio is None else figures.loss_ratio * 100, 3),
        _n(figures.rtt_p95_ms),
        _n(figures.pdv_ms),
        f"{MARKS[step.verdict]} {TITLES[step.verdict]}",
    ]


def _beside(found: Acceptance) -> Iterator[str]:
    if found.path_mtu is not None and found.path_mtu.mtu is not None:
        yield str((MTU if found.path_mtu.exact else MTU_BOUND).fill(mtu=found.path_mtu.mtu))
    if found.base_rtt is not None and "rtt_p50_ms" in found.base_rtt.values:
        values = found.base_rtt.values
        yield str(IDLE.fill(p50=_n(values["rtt_p50_ms"]), p95=_n(values.get("rtt_p95_ms"))))
    for one in found.tcp:
        yield _tcp_line(one)


def _tcp_line(one: TcpFigures) -> str:
    line = str(
        TCP_LINE.fill(direction=DIRECTION[one.direction], mean=_n(one.mean_mbps), ratio=_n(one.transfer_time_ratio, 2))
    )
    if one.efficiency_ratio is not None:
        line += str(EFFICIENCY.fill(percent=_n(one.efficiency_ratio * 100, 2)))
    if one.buffer_delay_ratio is not None:
        line += str(BUFFER.fill(percent=_n(one.buffer_delay_ratio * 100, 0)))
    if one.loaded_rtt_p95_ms is not None:
        line += str(LOADED.fill(p95=_n(one.loaded_rtt_p95_ms)))
    return line


def _n(value: float | None, decimals: int | None = None) -> str:
    if value is None:
        return "–"
    if decimals is None:
        decimals = 0 if float(value).is_integer() else 1 if abs(value) >= 1 else 2
    return number(value, decimals)


def _words(codes: tuple[str, ...]) -> str:
    return "; ".join(str(word(code)) for code in codes)


DIRECTION: Final = {"download": Text(vi="tải xuống", en="download"), "upload": Text(vi="tải lên", en="upload")}
LAYERS: Final = {
    Layer.IP: Text(vi="lớp IP", en="IP layer"),
    Layer.PAYLOAD: Text(vi="tải trọng TCP", en="TCP payload"),
    Layer.FRAME: Text(vi="khung Ethernet", en="Ethernet frames"),
    Layer.WIRE: Text(vi="trên dây Ethernet", en="Ethernet wire"),
}
SHARE: Final = Text(vi="{direction} {percent} %", en="{direction} {percent} %")
LONG_STEP: Final = Text(vi="{direction} dài hạn", en="{direction}, long run")
HEADS: Final = (
    Text(vi="bước", en="step"),
    Text(vi="yêu cầu Mbps", en="asked Mbps"),
    Text(vi="nhận được", en="received"),
    Text(vi="mất gói %", en="loss %"),
    Text(vi="RTT p95 ms", en="RTT p95 ms"),
    Text(vi="biến động ms", en="variation ms"),
    Text(vi="kết quả", en="result"),
)
HEAD: Final = Text(
    vi="Nghiệm thu đường truyền «{link}», đầu xa «{far_end}»",
    en="Acceptance of the link '{link}', far end '{far_end}'",
)
PROMISE: Final = Text(
    vi="  Hợp đồng: tải xuống {down} Mbps, tải lên {up} Mbps ({layer})",
    en="  Contract: download {down} Mbps, upload {up} Mbps ({layer})",
)
STEPS: Final = Text(
    vi="  Các bước: {percents} % tốc độ hợp đồng, mỗi bước {seconds} giây mỗi chiều",
    en="  Steps: {percents} % of the contracted rate, {seconds} s each in each direction",
)
PERFORMANCE: Final = Text(
    vi="  Rồi chạy dài hạn {minutes} phút mỗi chiều ở 100 %",
    en="  Then a long run of {minutes} minutes in each direction at 100 %",
)
TCP_RUN: Final = Text(
    vi="  Cuối cùng truyền TCP {seconds} giây mỗi chiều (RFC 6349)",
    en="  At the end a TCP transfer of {seconds} s in each direction (RFC 6349)",
)
COST: Final = Text(
    vi="  Dự kiến khoảng {minutes} phút; các bước dùng {steps} MB (xuống / lên), kể cả TCP khoảng {everything} MB.\n"
    "  Trong lúc đo, đường truyền đầy tải: người dùng khác sẽ thấy chậm.",
    en="  It takes about {minutes} minutes; the steps use {steps} MB (down / up), with TCP about {everything} MB.\n"
    "  Meanwhile the line is full: others on it will notice.",
)
STAGES: Final = {
    "preconditions": Text(
        vi="[chuẩn bị] kiểm tra đường truyền, cổng mạng, đồng hồ, lưu lượng khác …",
        en="[before] looking at the line, the port, the clock, other traffic …",
    ),
    "path_mtu": Text(vi="[chuẩn bị] tìm MTU của đường truyền …", en="[before] finding the path MTU …"),
    "base_rtt": Text(vi="[chuẩn bị] đo độ trễ khi rảnh …", en="[before] measuring the idle round trip …"),
}
AGAIN = Text(
    vi="[{number}/{of}] {step}: đo lại, lần {attempt} …",
    en="[{number}/{of}] {step}: measured again, attempt {attempt} …",
)
BEGINS: Final = Text(
    vi="[{number}/{of}] {step}: {asked} Mbps trong {seconds} giây …",
    en="[{number}/{of}] {step}: {asked} Mbps for {seconds} s …",
)
TCP_BEGINS: Final = Text(vi="[TCP] {direction} {seconds} giây …", en="[TCP] {direction} for {seconds} s …")
RECEIVED: Final = Text(vi=": nhận {received} / {asked} Mbps", en=": received {received} / {asked} Mbps")
LOST: Final = Text(vi=" · mất gói {percent} %", en=" · loss {percent} %")
MTU: Final = Text(vi="MTU của đường truyền: {mtu} byte", en="Path MTU: {mtu} octets")
MTU_BOUND: Final = Text(
    vi="MTU của đường truyền: không quá {mtu} byte (theo MSS của TCP)",
    en="Path MTU: at most {mtu} octets (by TCP's segment size)",
)
IDLE: Final = Text(
    vi="Độ trễ khi rảnh: trung vị {p50} ms, p95 {p95} ms", en="Idle round trip: median {p50} ms, p95 {p95} ms"
)
TCP_LINE: Final = Text(
    vi="TCP {direction}: trung bình {mean} Mbps, tỷ số thời gian truyền {ratio}",
    en="TCP {direction}: mean {mean} Mbps, transfer time ratio {ratio}",
)
EFFICIENCY: Final = Text(vi=", hiệu suất {percent} %", en=", efficiency {percent} %")
BUFFER: Final = Text(vi=", trễ bộ đệm {percent} %", en=", buffer delay {percent} %")
LOADED: Final = Text(vi=", RTT khi có tải p95 {p95} ms", en=", loaded round trip p95 {p95} ms")
NOTED: Final = Text(vi="Lưu ý: {what}", en="Note: {what}")
WHEN: Final = Text(vi="Bắt đầu {when}, kéo dài {minutes} phút", en="Started {when}, took {minutes} minutes")
CONCLUSION: Final = Text(vi="KẾT LUẬN: {verdict}", en="CONCLUSION: {verdict}")

"""A short speed test of each link, two seconds each way: not a measurement that is kept, only a sign that it works."""

from collections.abc import Iterator
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist._words import reasons, spoken
from doxa_agent.guards.nic import judge_port
from doxa_agent.lane import HeavyLane
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import load
from doxa_agent.net.nic import read_nic
from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

ORDER: Final = 90
TITLE: Final = Text(vi="Thử tốc độ nhanh", en="Short speed test")

KIND: Final = "speed"
SHORT: Final = {"limit_s": 2.0, "ping_count": 3}
_TURN_S: Final = 60.0


def look(scene: Scene) -> Iterator[Item]:
    """One line per link that the plan measures for speed, against its first such far end."""
    first: dict[str, tuple[Link, FarEnd]] = {}
    for link, far_end, kinds in scene.ways():
        if KIND in kinds:
            first.setdefault(link.name, (link, far_end))
    if not first:
        yield Item(key="speed", title=TITLE, state=State.SKIPPED, value=NO_TASK)
        return
    if not scene.speed:
        yield Item(key="speed", title=TITLE, state=State.SKIPPED, value=NOT_ASKED)
        return
    yield from _in_turn(scene, list(first.values()))


def _in_turn(scene: Scene, ways: list[tuple[Link, FarEnd]]) -> Iterator[Item]:
    """A running agent's heavy tests and ours never overlap."""
    lane = HeavyLane(scene.settings.runner.heavy_lock)
    try:
        entered = lane.enter(Deadline(_TURN_S))
    except OperationError as error:
        yield Item(key="speed", title=TITLE, state=State.BAD, value=error.text)
        return
    if not entered:
        yield Item(key="speed", title=TITLE, state=State.SKIPPED, value=BUSY)
        return
    try:
        for link, far_end in ways:
            yield _item(link, far_end, measure(link, far_end))
    finally:
        lane.leave()


def measure(link: Link, far_end: FarEnd) -> Reading:
    """The speed meter's reading of a run that lasts two seconds each way at most."""
    meter = load(KIND)
    options = meter.read_options(Table(dict(SHORT), "doxa agent check"))
    deadline = Deadline(meter.seconds(options, 1))
    return meter.measure(Request(link=link, far_ends=(far_end,), options=options, deadline=deadline))[0]


def _item(link: Link, far_end: FarEnd, reading: Reading) -> Item:
    state, value, advice = judge(link, reading)
    title = OF_LINK.fill(title=TITLE, link=link.name, far_end=far_end.name)
    return Item(key=f"speed.{link.name}", title=title, state=state, value=value, advice=advice)


def judge(link: Link, reading: Reading) -> tuple[State, Text, Text | None]:
    """What a short run says about an installation: steady rates, else means of the transfer, TCP payload layer."""
    down, up = _rate_of(reading, "download"), _rate_of(reading, "upload")
    if reading.outcome not in (Outcome.OK, Outcome.PROBE_LIMITED) or (down is None and up is None):
        return State.BAD, FAILED.fill(why=reasons(reading.reasons)), CHECK
    value = RATES.fill(down=_rate(down), up=_rate(up))
    wire = max(reading.values.get("download_wire_mbps", 0.0), reading.values.get("upload_wire_mbps", 0.0))
    nic = read_nic(link.interface) if link.interface else None
    if nic is not None and judge_port(nic, wire):
        return State.WARNING, value, PORT
    if reading.outcome is Outcome.PROBE_LIMITED:
        return State.WARNING, value, LIMITED.fill(why=reasons(reading.reasons))
    return State.GOOD, value, None


def _rate_of(reading: Reading, direction: str) -> float | None:
    return reading.values.get(f"{direction}_mbps", reading.values.get(f"{direction}_mean_mbps"))


def _rate(mbps: float | None) -> Text:
    return NONE if mbps is None else spoken(mbps, 1, "Mbps")


OF_LINK: Final = Text(vi="{title} «{link}» ↔ «{far_end}»", en="{title} '{link}' ↔ '{far_end}'")
RATES: Final = Text(vi="tải xuống {down}, tải lên {up}", en="download {down}, upload {up}")
NONE: Final = Text(vi="không đo được", en="not measured")
NO_TASK: Final = Text(vi="kế hoạch không có tác vụ speed nào", en="the plan has no speed task")
NOT_ASKED: Final = Text(vi="theo yêu cầu (--no-speed)", en="as asked (--no-speed)")
BUSY: Final = Text(
    vi="agent đang đo tốc độ; hãy chạy lại sau ít phút",
    en="the agent is measuring speed; run this again in a few minutes",
)
FAILED: Final = Text(vi="không đo được ({why})", en="it failed ({why})")
CHECK: Final = Text(
    vi="xem mục «Đầu xa» ở trên; đầu xa phải là máy chủ LibreSpeed hoặc doxa responder",
    en="see the far end's line above; it must be a LibreSpeed server or a doxa responder",
)
PORT: Final = Text(
    vi="cổng mạng của thiết bị là giới hạn, đường truyền có thể nhanh hơn: dùng cổng Gigabit song công",
    en="the probe's own port is the limit, the line may be faster: use a full-duplex Gigabit port",
)
LIMITED: Final = Text(vi="thiết bị đo là giới hạn ({why})", en="the probe itself was the limit ({why})")

"""Whether the service has CAP_NET_RAW, which the `ipv6` meter needs to hear routers itself and to send crafted packets."""

from collections.abc import Iterator
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist._rights import Rights, rights
from doxa_core.language import Text

ORDER: Final = 61
TITLE: Final = Text(vi="Quyền CAP_NET_RAW", en="The right CAP_NET_RAW")
_USER: Final = "ipv6"


def look(scene: Scene) -> Iterator[Item]:
    """One line, where the plan has a task that makes use of the right."""
    asked = [task.options for task in scene.plan.tasks if task.meter.kind == _USER] if scene.plan else []
    if asked:
        yield judge(rights(), craft=any(options.craft for options in asked))


def judge(found: Rights, *, craft: bool) -> Item:
    """The line for these rights; `craft`: the plan asks for crafted packets, which cannot be without."""
    missing = not found.raw
    state = State.WARNING if missing and craft else State.GOOD
    value = THERE if found.raw else NO_CRAFT if craft else BY_KERNEL
    return Item(key="raw", title=TITLE, state=state, value=value, advice=GRANT if missing and craft else None)


THERE: Final = Text(vi="có", en="there")
BY_KERNEL: Final = Text(
    vi="không có, không bắt buộc: ipv6 xét quảng bá của bộ định tuyến theo ghi nhận của nhân Linux",
    en="not there, and not required: ipv6 judges router advertisements by what the kernel noted",
)
NO_CRAFT: Final = Text(
    vi="không có: ipv6 với craft = true không gửi được gói đặc biệt",
    en="not there: ipv6 with craft = true cannot send its crafted packets",
)
GRANT: Final = Text(
    vi="sudo systemctl edit doxa-agent, dưới [Service] ghi hai dòng CapabilityBoundingSet=CAP_NET_RAW và "
    "AmbientCapabilities=CAP_NET_RAW, rồi sudo systemctl restart doxa-agent; hoặc bỏ craft",
    en="sudo systemctl edit doxa-agent; under [Service] write the two lines CapabilityBoundingSet=CAP_NET_RAW and "
    "AmbientCapabilities=CAP_NET_RAW, then sudo systemctl restart doxa-agent; or take craft out",
)

"""Power and heat: a weak supply or a hot case makes a Raspberry Pi slow, and its results with it."""

from collections.abc import Iterator
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist._words import spoken
from doxa_agent.guards.throttling import FINDINGS, TITLE, codes, read_celsius, read_throttled
from doxa_core.language import Text

__all__ = ["ORDER", "TITLE", "look"]

ORDER: Final = 55
HOT_CELSIUS: Final = 75.0
"""A Pi begins to slow down at 80."""


def look(scene: Scene) -> Iterator[Item]:  # noqa: ARG001 - the machine is the same for every configuration
    """One line; none on machines that say nothing of either."""
    word, celsius = read_throttled(), read_celsius()
    if word is not None or celsius is not None:
        yield judge(word, celsius)


def judge(word: int | None, celsius: float | None) -> Item:
    """The line for the firmware's word and the temperature."""
    warm = GOOD if celsius is None else AT.fill(celsius=spoken(celsius, 0, "°C"))
    found = codes(word or 0)
    if found:
        told = Text(vi="; ".join(FINDINGS[c].vi for c in found), en="; ".join(FINDINGS[c].en for c in found))
        now = any(not code.endswith("_since_boot") for code in found)
        advice = COOL if all(code.startswith("temperature") for code in found) else SUPPLY
        return Item(key="power", title=TITLE, state=State.BAD if now else State.WARNING, value=told, advice=advice)
    if celsius is not None and celsius >= HOT_CELSIUS:
        return Item(key="power", title=TITLE, state=State.WARNING, value=warm, advice=COOL)
    return Item(key="power", title=TITLE, state=State.GOOD, value=warm)


GOOD: Final = Text(vi="không có cảnh báo", en="no warning")
AT: Final = Text(vi="{celsius}, không có cảnh báo", en="{celsius}, no warning")
SUPPLY: Final = Text(
    vi="dùng bộ nguồn chính hãng và cáp ngắn, rút bớt thiết bị USB, rồi khởi động lại và xem lại",
    en="use the maker's own supply and a short cable, unplug USB devices, then restart and look again",
)
COOL: Final = Text(vi="đặt nơi thoáng, tránh nắng, lắp tản nhiệt", en="give it air and shade, and fit a heat sink")

"""`[notify.NAME]` of collector.toml: who is told what, in which language, and how often at most."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from doxa_collector.notify import channels
from doxa_collector.watch.severity import Severity
from doxa_core.language import LANGUAGES, Language, Text
from doxa_core.strict import Table

EVENTS: Final = ("opened", "grew", "resolved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One channel."""

    name: str
    kind: str
    options: Any
    """The options of the channel's own module."""
    language: Language = "vi"
    least: Severity = Severity.WARNING
    """Incidents below it are not told here."""
    provinces: tuple[str, ...] = ()
    """Only incidents that touch these provinces (codes); empty: all."""
    events: tuple[str, ...] = EVENTS
    reveal_tslcd: bool = False
    """Whether what is nội bộ about TSLCD lines (providers, nodes, addresses) may leave through this channel."""
    per_hour: float = 30.0
    burst: int = 5
    """So many at once; then `per_hour`, and what waits goes together in one message."""
    give_up_hours: float = 24.0


def read(name: str, table: Table, base: Path) -> Settings:
    """The settings of `[notify.NAME]`; strict."""
    module = channels.load(table.choice("kind", channels.kinds()))
    plain = Settings(name=name, kind=module.kind, options=None)
    events = table.texts("events", list(plain.events))
    for event in events:
        if event not in EVENTS:
            raise table.refuse("events", _UNKNOWN.fill(event=event), _EVENTS)
    language = table.choice("language", list(LANGUAGES), plain.language)
    found = Settings(
        name=name,
        kind=module.kind,
        options=module.read_options(table, base),
        language="en" if language == "en" else "vi",
        least=Severity(table.choice("least", list(Severity), plain.least)),
        provinces=tuple(table.texts("provinces", [])),
        events=tuple(events),
        reveal_tslcd=table.flag("reveal_tslcd", default=plain.reveal_tslcd),
        per_hour=table.number("per_hour", 1, 3600, plain.per_hour),
        burst=table.integer("burst", 1, 100, plain.burst),
        give_up_hours=table.number("give_up_hours", 0.1, 24 * 30, plain.give_up_hours),
    )
    table.close()
    return found


_UNKNOWN = Text(vi="không có sự kiện «{event}»", en="there is no event '{event}'")
_EVENTS = Text(vi=f"hãy chọn trong: {', '.join(EVENTS)}", en=f"choose from: {', '.join(EVENTS)}")

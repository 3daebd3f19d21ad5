"""The checklist as people and as machines read it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from doxa_agent.check import Item, State
from doxa_core.language import Language, Text, language

MARKS: Final = {State.GOOD: "✓", State.WARNING: "!", State.BAD: "✗", State.SKIPPED: "–"}
WORDS: Final = {
    State.GOOD: Text(vi="đạt", en="good"),
    State.WARNING: Text(vi="lưu ý", en="note"),
    State.BAD: Text(vi="hỏng", en="bad"),
    State.SKIPPED: Text(vi="bỏ qua", en="skipped"),
}
SUM: Final = Text(
    vi="Tổng kết: {good} đạt, {warning} lưu ý, {bad} hỏng, {skipped} bỏ qua. {last}",
    en="In sum: {good} good, {warning} to note, {bad} bad, {skipped} skipped. {last}",
)
READY: Final = Text(vi="Thiết bị sẵn sàng.", en="The probe is ready.")
NOT_READY: Final = Text(vi="Chưa xong: hãy xử lý các mục «hỏng».", en="Not finished: mend what is bad.")


def render(items: Iterable[Item], lang: Language | None = None) -> Iterator[str]:
    """The lines of `items`: mark, word, title and value, and below it the advice."""
    spoken = lang or language()
    width = max(len(word.in_language(spoken)) for word in WORDS.values())
    for item in items:
        word = WORDS[item.state].in_language(spoken)
        yield f"{MARKS[item.state]} {word:<{width}}  {item.title.in_language(spoken)}: {item.value.in_language(spoken)}"
        if item.advice is not None:
            yield f"{'':<{width + 4}}→ {item.advice.in_language(spoken)}"


def sum_up(items: Sequence[Item]) -> Text:
    """The closing line."""
    counts = {state.value: sum(item.state is state for item in items) for state in State}
    return SUM.fill(**counts, last=NOT_READY if counts["bad"] else READY)


def as_json(items: Sequence[Item]) -> str:
    """One JSON object: `ok`, and the items with the texts of the language in force; no advice is absent."""
    found = [
        {"key": item.key, "state": item.state.value, "title": str(item.title), "value": str(item.value)}
        | ({} if item.advice is None else {"advice": str(item.advice)})
        for item in items
    ]
    ok = not any(item.state is State.BAD for item in items)
    return json.dumps({"ok": ok, "language": language(), "items": found}, ensure_ascii=False)

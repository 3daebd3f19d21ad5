"""What differs between two plans, or two versions of one: for whoever must answer "what changed, and for whom?"."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from doxa_collector.plans.keeping import plan_as_json
from doxa_collector.plans.model import Plan
from doxa_core.language import Text, language

_LISTS: Final = ("places", "targets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. `before` is absent where something is new, `after` where it is gone."""

    where: str
    """`` (the document), `place 12103`, `target A2`."""
    what: str
    """The field, dotted where it is inside another (`measure.layer`); empty where all of `where` came or went."""
    before: Any = None
    after: Any = None

    @property
    def kind(self) -> str:
        """`added`, `removed` or `changed`."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"


def compare(old: Plan, new: Plan) -> list[Change]:
    """Every difference, the document's own first, then its places, then its targets, in the order of the old plan."""
    before, after = plan_as_json(old), plan_as_json(new)
    own, others = ({k: v for k, v in side.items() if k not in _LISTS} for side in (before, after))
    found = list(_fields("", own, others))
    places = ({_place_key(place): place for place in side.get("places", ())} for side in (before, after))
    targets = ({target["id"]: target for target in side.get("targets", ())} for side in (before, after))
    found += _items("place", *places)
    found += _items("target", *targets)
    return found


def _place_key(place: Mapping[str, Any]) -> str:
    """Codes are used again, so the day from which it holds is part of the name."""
    return f"{place['code']} {place['valid_from']}" if place.get("valid_from") else str(place["code"])


def _items(
    kind: str, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        where = f"{kind} {name}"
        if name not in after:
            yield Change(where=where, what="", before=_name(before[name]))
        elif name not in before:
            yield Change(where=where, what="", after=_name(after[name]))
        else:
            yield from _fields(where, before[name], after[name])


def _name(item: Mapping[str, Any]) -> Any:
    return item.get("name") or item.get("title")


def _fields(where: str, before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict) and set(one) != {"vi", "en"}:
            yield from _fields(where, one, other, f"{prefix}{name}.")
        else:
            yield Change(where=where, what=prefix + name, before=one, after=other)


def lines(old: Plan, new: Plan, changes: list[Change]) -> Iterator[str]:
    """The comparison for people: `-` what was, `+` what is."""
    yield f"--- {old.id}, {_VERSION} {old.version}"
    yield f"+++ {new.id}, {_VERSION} {new.version}"
    if not changes:
        yield str(_SAME)
    heading = None
    for change in changes:
        if change.where != heading:
            heading = change.where
            yield f"\n{_heading(heading)}"
        label = f"{change.what}: " if change.what else ""
        if change.before is not None:
            yield f"  - {label}{_shown(change.before)}"
        if change.after is not None:
            yield f"  + {label}{_shown(change.after)}"


def _heading(where: str) -> str:
    kind, _, name = where.partition(" ")
    words = {"": _DOCUMENT, "place": _PLACE, "target": _TARGET}
    return f"{words[kind]} {name.upper() if kind == 'target' else name}".rstrip()


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get(language(), value)) if set(value) == {"vi", "en"} else _pairs(value)
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value)


def _pairs(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_shown(one)}" for name, one in value.items())


_VERSION = Text(vi="phiên bản", en="version")
_DOCUMENT = Text(vi="Văn bản", en="Document")
_PLACE = Text(vi="Địa bàn", en="Place")
_TARGET = Text(vi="Chỉ tiêu", en="Target")
_SAME = Text(vi="không có gì khác nhau", en="nothing differs")

"""From one `[[rule]]` of TOML to a rule, key by key; what is unknown or contradicts itself is refused with its cure."""

import re
from collections.abc import Sequence
from typing import Final, TypeVar

from doxa_collector.alerts.catalogue import Metric, known_metrics
from doxa_collector.alerts.model import Baseline, Damping, FarEnds, Limit, NoData, Operator, Rule, Scope
from doxa_collector.alerts.schedule import DAYS, Schedule, schedule_of
from doxa_collector.alerts.wording import PLACEHOLDERS, unknown_placeholder
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Kind
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_core.names import IDENTIFIER
from doxa_core.similar import nearest
from doxa_core.strict import Table

_DAY_S: Final = 86_400.0
_MOST: Final = 1e15
_HOURS: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00))")
_CODE: Final = re.compile(r"[0-9]{2}|[0-9]{5}")

Word = TypeVar("Word", NoData, FarEnds)


def read_rule(table: Table) -> Rule:
    """One rule, complete and free of contradictions, or `InputError`."""
    name = table.identifier("id")
    metric = _metric(table)
    operator = Operator(table.choice("operator", [o.value for o in Operator]))
    for_s = table.number("for_s", 0, 7 * _DAY_S, 0.0)
    rule = Rule(
        id=name,
        metric=metric,
        operator=operator,
        limit=_limit(table, operator),
        for_s=float(for_s),
        for_samples=table.integer("for_samples", 1, 1000, 1),
        clear_for_s=float(table.number("clear_for_s", 0, 7 * _DAY_S, for_s)),
        severity=Severity(table.choice("severity", [s.value for s in Severity])),
        message=_message(table, metric.kind),
        schedule=_schedule(table.table("schedule", optional=True)),
        scope=_scope(table.table("scope", optional=True), metric.kind),
        damping=_damping(table.table("damping", optional=True)),
        no_data=_word(table, "no_data", NoData, NoData.KEEP),
        no_data_s=float(table.number("no_data_s", 10, 30 * _DAY_S, 3600.0)),
        far_ends=_word(table, "far_ends", FarEnds, FarEnds.BEST),
        enabled=table.flag("enabled", default=True),
    )
    table.close()
    return rule


def _word(table: Table, key: str, words: type[Word], default: Word) -> Word:
    return words(table.choice(key, [w.value for w in words], default.value))


def _metric(table: Table) -> Metric:
    """`on` and `metric`: a metric that is known, and a figure of that kind of subject."""
    kind = Kind(table.choice("on", [k.value for k in Kind]))
    name = table.text("metric")
    known = known_metrics()
    metric = known.get(name)
    if metric is None:
        raise table.refuse("metric", _NO_METRIC.fill(name=name), _near_metric(name, kind))
    if metric.kind is not kind:
        raise table.refuse(
            "on", _OTHER_KIND.fill(name=name, kind=metric.kind.value), _WRITE.fill(what=f'on = "{metric.kind}"')
        )
    return metric


def _near_metric(name: str, kind: Kind) -> Text:
    of_kind = [m.name for m in known_metrics().values() if m.kind is kind]
    near = nearest(name, of_kind)
    if near is not None:
        return _NEAR.fill(near=near)
    prefix = name.partition(".")[0]
    some = [m for m in of_kind if m.startswith(f"{prefix}.")] or of_kind
    return _CHOOSE.fill(names=", ".join(some[:12]) + (" …" if len(some) > 12 else ""))


# --- the condition


def _limit(table: Table, operator: Operator) -> Limit | Baseline:
    relative = table.table("baseline", optional=True)
    if relative is None:
        raise_at = float(table.number("threshold", -_MOST, _MOST))
        clear = float(table.number("clear_threshold", -_MOST, _MOST, raise_at))
        _right_side(table, "clear_threshold", operator, raise_at, clear)
        return Limit(raise_at=raise_at, clear=clear)
    for key in ("threshold", "clear_threshold"):
        if key in table:
            raise table.refuse(key, _CONTRADICTS.fill(other="baseline"), _ONE_OF)
    return _baseline(relative, operator)


def _right_side(table: Table, key: str, operator: Operator, raise_at: float, clear: float) -> None:
    """Clearing must be harder than not being raised, or one figure would do both."""
    if (clear > raise_at) if operator.upward else (clear < raise_at):
        most = _AT_MOST if operator.upward else _AT_LEAST
        what = _WRONG_SIDE.fill(clear=f"{clear:g}", operator=operator.value, limit=f"{raise_at:g}")
        raise table.refuse(key, what, most.fill(limit=f"{raise_at:g}"))


def _baseline(table: Table, operator: Operator) -> Baseline:
    plain = Baseline(factor=1, clear_factor=1)
    low, high = (1.0, 1000.0) if operator.upward else (0.001, 1.0)
    factor = float(table.number("factor", low, high))
    clear = float(table.number("clear_factor", 0.001, 1000.0, factor))
    _right_side(table, "clear_factor", operator, factor, clear)
    days = table.integer("days", 1, 14, plain.days)
    own, other = ("floor", "ceiling") if operator.upward else ("ceiling", "floor")
    if other in table:
        raise table.refuse(other, _WRONG_BOUND.fill(operator=operator.value), _WRITE.fill(what=own))
    found = Baseline(
        factor=factor,
        clear_factor=clear,
        days=days,
        min_samples=table.integer("min_samples", 1, 1_000_000, plain.min_samples),
        min_days=table.integer("min_days", 1, days, min(plain.min_days, days)),
        bound=table.number(own, -_MOST, _MOST, None),
    )
    table.close()
    return found


# --- when and about whom


def _schedule(table: Table | None) -> Schedule:
    if table is None:
        return Schedule()
    days = _listed(table, "days", DAYS)
    hours = [_hours(table, text) for text in table.texts("hours", ["00:00-24:00"])]
    if not hours:
        raise table.refuse("hours", _EMPTY, _WRITE.fill(what='hours = ["07:30-17:00"]'))
    table.close()
    return schedule_of((DAYS.index(day) for day in days), hours)


def _listed(table: Table, key: str, words: Sequence[str]) -> tuple[str, ...]:
    found = table.texts(key, words)
    for word in found:
        if word not in words:
            raise table.refuse(key, _NO_WORD.fill(word=word), _CHOOSE.fill(names=", ".join(words)))
    if not found:
        raise table.refuse(key, _EMPTY, _CHOOSE.fill(names=", ".join(words)))
    return found


def _hours(table: Table, text: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise table.refuse("hours", _NO_WORD.fill(word=text), _WRITE.fill(what='"07:30-17:00"'))
    numbers = [int(part) for part in found.groups() if part is not None]
    first, last = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if first == last:
        raise table.refuse("hours", _NO_TIME.fill(word=text), _WRITE.fill(what='"00:00-24:00"'))
    return first, last


def _scope(table: Table | None, kind: Kind) -> Scope:
    if table is None:
        return Scope()
    for key in ("link_kinds", "providers"):
        if key in table and kind is not Kind.LINK:
            raise table.refuse(key, _NOT_OF_LINKS.fill(kind=kind.value), _REMOVE)
    for key in ("places", "sites"):
        if key in table and kind not in (Kind.LINK, Kind.PROBE):
            raise table.refuse(key, _NOT_OF_OFFICES.fill(kind=kind.value), _REMOVE)
    kinds = _listed(table, "link_kinds", list(LinkKind)) if "link_kinds" in table else ()
    places, sites = table.texts("places", []), table.texts("sites", [])
    for key, names, pattern, example in (
        ("places", places, _CODE, '"06184"'),
        ("sites", sites, IDENTIFIER, '"dong-dang"'),
    ):
        for name in names:
            if not pattern.fullmatch(name):
                raise table.refuse(key, _NO_WORD.fill(word=name), _WRITE.fill(what=example))
    found = Scope(
        link_kinds=frozenset(LinkKind(k) for k in kinds),
        places=frozenset(places),
        providers=frozenset(table.texts("providers", [])),
        sites=frozenset(sites),
    )
    table.close()
    return found


def _damping(table: Table | None) -> Damping:
    plain = Damping()
    if table is None:
        return plain
    found = Damping(
        changes=table.integer("changes", 2, 100, plain.changes),
        within_s=float(table.number("within_s", 60, 7 * _DAY_S, plain.within_s)),
        calm_s=float(table.number("calm_s", 10, 7 * _DAY_S, plain.calm_s)),
    )
    table.close()
    return found


# --- the message


def _message(table: Table, kind: Kind) -> Text:
    inner = table.table("message")
    texts = {}
    for lang in ("vi", "en"):
        texts[lang] = inner.text(lang)
        _check_places(inner, lang, texts[lang], kind)
    inner.close()
    return Text(**texts)


def _check_places(table: Table, key: str, sentence: str, kind: Kind) -> None:
    allowed = sorted(PLACEHOLDERS[kind])
    try:
        unknown = unknown_placeholder(sentence, kind)
    except ValueError as error:
        raise table.refuse(key, _BRACES.fill(error=error), _DOUBLE) from None
    if unknown is not None:
        near = nearest(unknown, allowed)
        names = ", ".join(f"{{{name}}}" for name in allowed)
        mend = _NEAR.fill(near=f"{{{near}}}") if near else _CHOOSE.fill(names=names)
        raise table.refuse(key, _NO_PLACE.fill(name=f"{{{unknown}}}", kind=kind.value), mend)


def refuse_twice(table: Table, name: str, first: int) -> InputError:
    """The error for a second rule of one id."""
    return table.refuse("id", _TWICE.fill(name=name, first=first), _ONE_ID)


def refuse_stranger(table: Table, name: str, shipped: Sequence[str]) -> InputError:
    """The error for a rule that neither changes a shipped one nor is one of its own."""
    near = nearest(name, shipped)
    mend = _NEAR.fill(near=near) if near else _WHOLE_RULE
    return table.refuse("id", _STRANGER.fill(name=name), mend)


def refuse_other_way(table: Table, rule: Rule, other: Rule) -> InputError:
    """The error for two rules that read one metric of several far ends in opposite ways."""
    key = "operator" if rule.operator.upward is not other.operator.upward else "far_ends"
    what = _OTHER_WAY.fill(metric=rule.metric.name, other=other.id)
    return table.refuse(key, what, _SAME_WAY.fill(other=other.id))


_NO_METRIC = Text(vi="không có đại lượng «{name}»", en="there is no metric '{name}'")
_OTHER_KIND = Text(vi="«{name}» là đại lượng của {kind}", en="'{name}' is a figure of a {kind}")
_NEAR = Text(vi="có phải ý bạn là «{near}»?", en="did you mean '{near}'?")
_CHOOSE = Text(vi="hãy chọn trong: {names}", en="choose among: {names}")
_WRITE = Text(vi="hãy ghi {what}", en="write {what}")
_REMOVE = Text(vi="hãy bỏ khóa này", en="remove this key")
_CONTRADICTS = Text(vi="mâu thuẫn với «{other}»", en="it contradicts '{other}'")
_ONE_OF = Text(vi="hãy bỏ một trong hai", en="remove one of the two")
_WRONG_SIDE = Text(
    vi="ngưỡng hết cảnh báo {clear} nằm sai phía của điều kiện «{operator} {limit}»",
    en="the clear threshold {clear} is on the wrong side of the condition '{operator} {limit}'",
)
_AT_MOST = Text(vi="hãy ghi số không lớn hơn {limit}", en="write a number not above {limit}")
_AT_LEAST = Text(vi="hãy ghi số không nhỏ hơn {limit}", en="write a number not below {limit}")
_WRONG_BOUND = Text(
    vi="giới hạn này không có nghĩa với điều kiện «{operator}»",
    en="this bound means nothing with the condition '{operator}'",
)
_EMPTY = Text(vi="danh sách rỗng thì quy tắc không bao giờ báo", en="with an empty list the rule would never speak")
_NO_WORD = Text(vi="«{word}» không hợp lệ", en="'{word}' is not valid")
_NO_TIME = Text(vi="«{word}» không kéo dài phút nào", en="'{word}' lasts no minute at all")
_NOT_OF_LINKS = Text(vi="quy tắc về {kind} không có đường truyền", en="a rule about a {kind} has no lines")
_NOT_OF_OFFICES = Text(vi="quy tắc về {kind} không thuộc trụ sở nào", en="a rule about a {kind} belongs to no office")
_BRACES = Text(vi="dấu ngoặc nhọn không đúng ({error})", en="the braces are not right ({error})")
_DOUBLE = Text(
    vi="hãy ghi chỗ điền dạng {{office}}; dấu ngoặc thường thì viết đôi: {{{{ }}}}",
    en="write a place as {{office}}; a plain brace is written twice: {{{{ }}}}",
).fill()
_NO_PLACE = Text(
    vi="chỗ điền {name} không có trong thông điệp về {kind}", en="{name} is no place of a message about a {kind}"
)
_TWICE = Text(vi="quy tắc «{name}» đã có ở rule[{first}]", en="the rule '{name}' stands at rule[{first}] already")
_ONE_ID = Text(vi="hãy đổi id, hoặc gộp hai quy tắc làm một", en="change the id, or make one rule of the two")
_STRANGER = Text(vi="không có quy tắc «{name}» đi kèm doxa", en="doxa ships no rule '{name}'")
_WHOLE_RULE = Text(
    vi="một quy tắc mới cần đủ on, metric, operator, threshold, severity, message",
    en="a new rule needs on, metric, operator, threshold, severity and message",
)
_OTHER_WAY = Text(
    vi="quy tắc «{other}» đọc {metric} theo chiều ngược lại", en="the rule '{other}' reads {metric} the other way"
)
_SAME_WAY = Text(
    vi="hãy đọc cùng một chiều, hoặc tắt «{other}» (enabled = false)",
    en="read it the same way, or switch '{other}' off (enabled = false)",
)

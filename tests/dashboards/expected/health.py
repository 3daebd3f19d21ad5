"""*Sức khỏe hệ thống*: what was said at the looks of month_health.py, told again."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from tests.dashboards.expected.asked import Asked, Choices, Expected, Rows, Told, floored, one_number, told
from tests.dashboards.month import HOUR, MINUTE, S
from tests.dashboards.month_health import LOOKS, Look, Word, shown

__all__ = ["CHOICES", "EXPECTED", "shown"]

STEP: Final = 10 * MINUTE
LOW: Final = 0.1
"""Below this share of free disk the shipped rule `probe-disk` speaks."""
LAST: Final = LOOKS[-1]
Field = Callable[[Asked, Look], float | None]


# --- the collector


def known(look: Look) -> Mapping[str, int]:
    """The counters after a look: one that nobody touched stays."""
    found: dict[str, int] = {}
    for one in LOOKS[: LOOKS.index(look) + 1]:
        found |= one.counters
    return found


def quarantined(asked: Asked, look: Look) -> float:
    return sum(value for name, value in known(look).items() if name.startswith("quarantined."))


def newest_age(asked: Asked, look: Look) -> float:
    [(received,)] = asked.books.rows("SELECT received_us FROM measurement ORDER BY id DESC LIMIT 1")
    received = int(received)
    return max(0.0, (look.at_us(asked.books.month) - received) / S)  # the month holds results that come after the looks


def online(asked: Asked, look: Look) -> float:
    return sum(turns[-1][1] == "online" for turns in asked.books.presence.values())


ITS: Final[Mapping[str, Field]] = {
    "accepted_count": lambda _, look: known(look)["accepted"],
    "duplicate_count": lambda _, look: known(look)["duplicate"],
    "quarantined_count": quarantined,
    "newest_age_s": newest_age,
    "intake_behind_s": lambda _, look: look.behind_s,
    "broker_connected_flag": lambda _, look: float(look.broker),
    "agents_online_count": online,
    "agents_count": lambda asked, _: len(asked.books.place_of),
    "ledger_bytes": lambda asked, look: asked.books.sizes[look.at_us(asked.books.month)],
}


def now(name: str) -> Callable[[Asked], Told]:
    return lambda asked: one_number(name, ITS[name](asked, LAST))


def steps(asked: Asked) -> dict[int, list[Look]]:
    """The looks of each step."""
    found: dict[int, list[Look]] = defaultdict(list)
    for look in LOOKS:
        found[floored(look.at_us(asked.books.month), STEP)].append(look)
    return found


def course(name: str, of: Callable[[list[float]], float]) -> Callable[[Asked], Rows]:
    def expected(asked: Asked) -> Rows:
        rows = Rows()
        for at, looks in steps(asked).items():
            values = [value for look in looks if (value := ITS[name](asked, look)) is not None]
            rows[(), at * 1000] = {name: of(values)}
        return rows

    return expected


def last(values: Sequence[float]) -> float:
    return values[-1]


def grown(name: str) -> Callable[[Asked], Rows]:
    def expected(asked: Asked) -> Rows:
        told = [(at, ITS[name](asked, looks[-1]) or 0) for at, looks in sorted(steps(asked).items())]
        return {((), at * 1000): {"results": b - a} for (_, a), (at, b) in pairwise(told) if b >= a}

    return expected


def letters(*parts: Callable[[Asked], Rows]) -> Callable[[Asked], Told]:
    return lambda asked: {letter: part(asked) for letter, part in zip("ABC", parts, strict=False)}


# --- the stores


def sinks(asked: Asked) -> Told:
    rows: Rows = {(("noc",), None): {"waiting": 0, "behind": 0, "rejected": 0}}
    for name, waits in LAST.sinks.items():
        state = {"waiting": float(waits.error is not None), "behind": waits.behind, "rejected": waits.rejected}
        rows[(name,), None] = state
    return {"A": rows}


def behind(asked: Asked) -> Told:
    rows = Rows()
    for at, looks in steps(asked).items():
        rows[("public",), at * 1000] = {"behind_count": max(look.sinks["public"].behind for look in looks)}
        if looks != [LOOKS[0]]:  # then the store that the test fills had nothing yet
            rows[("noc",), at * 1000] = {"behind_count": 0}
    return {"A": rows}


# --- the probes


def latest(asked: Asked, look: Look, hours: float = 1) -> list[tuple[int, Word]]:
    """When each probe was heard last before a look, and what it said."""
    found: dict[str, tuple[int, Word]] = {}
    for one in LOOKS[: LOOKS.index(look) + 1]:
        for word in one.words:
            found[word.site] = one.at_us(asked.books.month) - word.before_s * S, word
    since = look.at_us(asked.books.month) - hours * HOUR
    return [(at, word) for at, word in found.values() if at > since]


def summed(words: Sequence[Word]) -> dict[str, float]:
    def total(values: Iterable[float | None]) -> float | None:
        told = [value for value in values if value is not None]
        return sum(told) if told else None

    disks = [word.disk for word in words if word.disk is not None]
    return told({
        "agents_count": len(words), "spool_rows_count": total(word.rows for word in words),
        "spool_dropped_count": total(word.dropped for word in words),
        "clock_wrong_count": total(None if word.clock is None else not word.clock for word in words),
        "battery_count": total(word.battery for word in words),
        "disk_low_count": total(disk < LOW for disk in disks), "disk_free_min_ratio": min(disks, default=None),
        "versions_count": len({word.version for word in words}) or None,
    })  # fmt: skip


def together(asked: Asked, look: Look) -> dict[str, dict[str, float]]:
    """By province, and "00"."""
    words = [word for _, word in latest(asked, look) if not word.gone]
    groups: dict[str, list[Word]] = {"00": words}
    for word in words:
        if word.site in asked.books.place_of:
            groups.setdefault(asked.books.province_of(word.site), []).append(word)
    return {code: summed(some) for code, some in groups.items()}


def of_all(name: str) -> Callable[[Asked], Told]:
    return lambda asked: one_number(name, together(asked, LAST)["00"].get(name))


def told_in_steps(asked: Asked, name: str) -> dict[tuple[str, int], list[float]]:
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for at, looks in steps(asked).items():
        for look in looks:
            for code, fields in together(asked, look).items():
                if name in fields:
                    found[code, at * 1000].append(fields[name])
    return found


def by_province(name: str, of: Callable[[list[float]], float]) -> Callable[[Asked], Told]:
    def expected(asked: Asked) -> Told:
        found = told_in_steps(asked, name).items()
        return {"A": {((code,), at): {"value": of(values)} for (code, at), values in found if code != "00"}}

    return expected


def of_the_country(name: str) -> Callable[[Asked], Rows]:
    def expected(asked: Asked) -> Rows:
        found = told_in_steps(asked, name).items()
        return {((), at): {name: max(values)} for (code, at), values in found if code == "00"}

    return expected


def single(asked: Asked) -> dict[tuple[str, ...], dict[str, Any]]:
    """Probes heard in the last hour of the range; the words before a last will still stand."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for look in LOOKS:
        for word in look.words:
            at = look.at_us(asked.books.month) - word.before_s * S
            if not word.gone and asked.to_us - HOUR < at <= asked.to_us:
                where = asked.books.where(word.site) if word.site in asked.books.place_of else {"site": word.site}
                key = (where.get("province", ""), where.get("place", ""), word.site, word.agent)
                said = {
                    "spool": word.rows, "dropped": word.dropped, "disk": word.disk, "clock": word.clock, "battery": word.battery,
                    "version": word.version, "uptime": word.uptime_s,
                }  # fmt: skip
                rows[key] = rows.get(key, {}) | told(said)
    return rows


TROUBLES: Final = ("dropped", "clock", "battery")


def attention(asked: Asked) -> Told:
    rows = Rows()
    for key, said in single(asked).items():
        if said.get("dropped", 0) > 0 or said.get("clock") is False or said.get("battery"):
            rows[key, None] = {name: said[name] for name in TROUBLES if name in said}
    return {"A": rows}


def agents_table(asked: Asked) -> Told:
    rows = Rows()
    for key, said in single(asked).items():
        rows[key, None] = {name: value for name, value in said.items() if name not in TROUBLES}
    return {"A": rows}


EXPECTED: Final[Expected] = {
    "newest_age": now("newest_age_s"),
    "intake_behind": now("intake_behind_s"),
    "broker": now("broker_connected_flag"),
    "agents_online": now("agents_online_count"),
    "agents": now("agents_count"),
    "ledger": now("ledger_bytes"),
    "intake": letters(grown("accepted_count"), grown("duplicate_count"), grown("quarantined_count")),
    "delays": letters(course("intake_behind_s", max), course("newest_age_s", max)),
    "online": letters(course("agents_online_count", last), course("agents_count", last)),
    "ledger_growth": letters(course("ledger_bytes", last)),
    "sinks": sinks,
    "behind": behind,
    "heard": of_all("agents_count"),
    "spooled": of_all("spool_rows_count"),
    "dropped": of_all("spool_dropped_count"),
    "versions": of_all("versions_count"),
    "disk": of_all("disk_free_min_ratio"),
    "disks_low": of_all("disk_low_count"),
    "clocks": of_all("clock_wrong_count"),
    "on_battery": of_all("battery_count"),
    "attention": attention,
    "agents_table": agents_table,
    "by_province_spool_rows_count": by_province("spool_rows_count", max),
    "by_province_spool_dropped_count": by_province("spool_dropped_count", max),
    "by_province_agents_count": by_province("agents_count", min),
    "troubles": letters(*map(of_the_country, ("clock_wrong_count", "disk_low_count", "battery_count"))),
}

CHOICES: Final[Choices] = (("the morning after", "all", {}),)

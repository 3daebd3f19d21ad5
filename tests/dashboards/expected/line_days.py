"""Lines on local days, as areas add them up."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.dashboards.expected.asked import Asked, Key, Rows, Told, floored, one_number, told
from tests.dashboards.month import DAY, Books, Row, day_of


@dataclass(frozen=True)
class LineDay:
    """A line on a local day."""

    at_us: int
    tags: Mapping[str, str]
    row: Row
    books: Books

    def column(self, meter: str, value: str) -> list[float]:
        runs = by_day(self.books, meter).get((self.row.site, self.row.link, self.at_us), ())
        return [run.values[value] for run in runs if run.outcome == "ok" and value in run.values]

    def outcomes(self) -> list[str]:
        """Of its runs of any meter."""
        key = (self.row.site, self.row.link, self.at_us)
        return [run.outcome for meter in self.books.runs for run in by_day(self.books, meter).get(key, ())]

    def middle(self, meter: str, value: str) -> float | None:
        column = self.column(meter, value)
        return median(column) if column else None

    @property
    def share(self) -> float | None:
        """Of its contract, the worse direction; None where it cannot be said."""
        layer = "_wire" if self.row.layer == "wire" else ""
        promised = {"download": self.row.down, "upload": self.row.up}
        shares = []
        for way, rate in promised.items():
            if rate is not None:
                got = self.middle("speed", f"{way}{layer}_mbps")
                if got is None:
                    return None
                shares.append(got / rate)
        return min(shares) if shares else None


_BY_DAY: dict[tuple[int, str], dict[tuple[str, str, int], list[Any]]] = {}


def by_day(books: Books, meter: str) -> dict[tuple[str, str, int], list[Any]]:
    if (id(books), meter) not in _BY_DAY:
        found: dict[tuple[str, str, int], list[Any]] = defaultdict(list)
        for run in books.runs[meter]:
            found[run.site, run.link, floored(run.at_us, DAY)].append(run)
        _BY_DAY[id(books), meter] = found
    return _BY_DAY[id(books), meter]


def line_days(asked: Asked, *names: str) -> list[LineDay]:
    """Every line in force on every day of the range; the month's data begin three days before it."""
    found = []
    for at in range(asked.books.month.start - 3 * DAY, asked.books.month.end, DAY):
        if asked.shows(at):
            for row in asked.books.on(day_of(at)):
                tags = asked.books.tags(row.site, row.link, day_of(at))
                if asked.takes(tags, *names):
                    found.append(LineDay(at, tags, row, asked.books))
    return found


def of_area(asked: Asked) -> list[LineDay]:
    names = [name for name in ("province", "kind", "provider") if name in asked.choice.values]
    return line_days(asked, *names)


def shares(days: Iterable[LineDay]) -> list[float]:
    return [found for day in days if (found := day.share) is not None]


def reached_of(days: Iterable[LineDay]) -> float | None:
    found = shares(days)
    return sum(one >= 1 for one in found) / len(found) if found else None


def below_of(days: Iterable[LineDay]) -> float | None:
    found = shares(days)
    return sum(one < 0.8 for one in found) / len(found) if found else None


def reached(asked: Asked) -> Told:
    return one_number("reached", reached_of(of_area(asked)))


def daily(days: Iterable[LineDay], number: Callable[[Sequence[LineDay]], float | None]) -> list[float]:
    """A figure of each day that has it."""
    groups: dict[int, list[LineDay]] = defaultdict(list)
    for day in days:
        groups[day.at_us].append(day)
    return [found for at in sorted(groups) if (found := number(groups[at])) is not None]


def over_lines(meter: str, value: str) -> Callable[[Sequence[LineDay]], float | None]:
    def number(days: Sequence[LineDay]) -> float | None:
        found = [one for day in days if (one := day.middle(meter, value)) is not None]
        return median(found) if found else None

    return number


def lost_percent(days: Sequence[LineDay]) -> float | None:
    sent = sum(sum(day.column("latency", "sent_count")) for day in days)
    received = sum(sum(day.column("latency", "received_count")) for day in days)
    return 100 * (sent - received) / sent if sent else None


def ipv6_ready(days: Sequence[LineDay]) -> tuple[int, int]:
    """Lines ready by the last test of the day, and lines tested."""
    ready = tested = 0
    for day in days:
        runs = by_day(day.books, "ipv6").get((day.row.site, day.row.link, day.at_us), ())
        judged = (run for run in runs if run.outcome == "ok" and "state_ready_flag" in run.values)
        ok = sorted(judged, key=lambda run: run.at_us)
        if ok:
            tested += 1
            ready += bool(ok[-1].values["state_ready_flag"] or ok[-1].values["state_v6_only_ready_flag"])
    return ready, tested


def by_provider(days: Iterable[LineDay]) -> dict[str, list[LineDay]]:
    groups: dict[str, list[LineDay]] = defaultdict(list)
    for day in days:
        groups[day.tags.get("provider", "")].append(day)
    return groups


def or_none(found: Sequence[float]) -> float | None:
    return median(found) if found else None


def trend(number: Callable[[Sequence[LineDay]], float | None]) -> Callable[[Asked], Told]:
    def expected(asked: Asked) -> Told:
        found = Rows()
        for provider, days in by_provider(of_area(asked)).items():
            for at in {day.at_us for day in days}:
                value = number([day for day in days if day.at_us == at])
                if value is not None:
                    found[(provider,), at * 1000] = {"value": value}
        return {"A": found}

    return expected


def failed_of(days: Iterable[LineDay]) -> float | None:
    ran = [outcome for day in days for outcome in day.outcomes()]
    return ran.count("failed") / len(ran) if ran else None


def compared_providers(asked: Asked) -> Told:
    a, b, c, d = Rows(), Rows(), Rows(), Rows()
    for provider, days in by_provider(of_area(asked)).items():
        key: Key = ((provider,), None)
        newest = max(day.at_us for day in days)
        a[key] = told({
            "lines": sum(day.at_us == newest for day in days),
            "down": or_none(daily(days, over_lines("speed", "download_mbps"))),
            "up": or_none(daily(days, over_lines("speed", "upload_mbps"))),
            "rtt": or_none(daily(days, over_lines("latency", "rtt_p50_ms"))), "loss": or_none(daily(days, lost_percent)),
        })  # fmt: skip
        if (share_ := reached_of(days)) is not None:
            b[key] = told({"reached": share_, "below": below_of(days)})
        if ran := [outcome for day in days for outcome in day.outcomes()]:
            c[key] = {"runs": len(ran), "failed": ran.count("failed") / len(ran)}
        ready, tested = map(sum, zip(*(ipv6_ready([day]) for day in days), strict=True))
        if tested:
            d[key] = {"ipv6": ready / tested}
    return {"A": a, "B": b, "C": c, "D": d}


def of_provinces(asked: Asked, number: Callable[[Sequence[LineDay]], Mapping[str, float | None]]) -> Rows:
    groups: dict[str, list[LineDay]] = defaultdict(list)
    for day in of_area(asked):
        groups[day.tags["province"]].append(day)
    return {((code,), None): cells for code, days in groups.items() if (cells := told(number(days)))}


def contract_shares(asked: Asked) -> Rows:
    return of_provinces(asked, lambda days: {"reached": reached_of(days), "below": below_of(days)})

"""The store of a whole country as line protocol: 3,321 offices with a fixed and a TSLCD line, a year of rollups.

Straight text, no ledger behind it: the same text from the same moment. Values come out of small pools of random ones, so
that they pack about as badly as measured ones. What a page never asks far back is written only as deep as it is asked;
one province (`DEEP`, the one with most communes) gets the whole depth. What that leaves out stands in `docs/benchmarks.md`.
Long, because the pieces share one set of lines, moments and pools.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

from doxa_collector.places.gazetteer import load
from doxa_collector.places.model import Level
from doxa_core.names import unit_of
from doxa_dashboards.catalogue import Tier, look_up, windowed

HOUR: Final = 3600
DAY: Final = 86_400
DAYS: Final = 365
HOURS_DEEP: Final = 30 * 24
"""Windows of an hour in the deep province; elsewhere two days of them."""
FACTS_DAYS: Final = 7
"""How far back places, offices and contracts stand hourly everywhere."""
DEEP: Final = "79"
_POOL: Final = 251
_CHUNKS: Final = 6
_WHEN: Final = date(2026, 11, 21)
_OFFSET: Final = 7 * HOUR
_PROVIDERS: Final = ("VNPT", "Viettel", "FPT\\ Telecom")
_TARGETS: Final = ("f-down", "f-up", "t-down", "t-up")
_NATIONAL: Final = 9
_PROVINCIAL: Final = 8

Make = Callable[[int], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of the store that is loaded in one go."""

    name: str
    tier: Tier
    make: Make
    """Lines of the line protocol with times in seconds, for the moment that the store ends at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    province: str
    place: str
    site: str
    kind: str
    provider: str
    number: int

    @property
    def tags(self) -> str:
        return (
            f",kind={self.kind},link={self.kind},place={self.place},province={self.province}"
            f",provider={self.provider},site={self.site}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Office:
    province: str
    place: str
    name: str

    @property
    def site(self) -> str:
        return f"x{self.place}"

    @property
    def tags(self) -> str:
        return f",place={self.place},province={self.province},site={self.site}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meter:
    """Which values of a meter are written, on which lines; the pages ask no others."""

    kinds: tuple[str, ...]
    values: tuple[str, ...]
    statistics: tuple[str, ...] = ("median",)
    far_ends: int = 1


_METERS: Final = {
    "speed": _Meter(
        kinds=("fixed", "tslcd"),
        values=(
            "download_mbps", "upload_mbps", "loaded_rtt_p95_ms", "download_ip_mbps", "upload_ip_mbps",
            "download_wire_mbps", "upload_wire_mbps",
        ),
    ),
    "latency": _Meter(
        kinds=("fixed", "tslcd"),
        values=("rtt_p50_ms", "rtt_p95_ms", "jitter_rfc3550_ms", "sent_count", "received_count"),
    ),
    "ipv6": _Meter(
        kinds=("fixed",),
        values=(
            "state_none_flag", "state_broken_flag", "state_partial_flag", "state_ready_flag",
            "state_v6_only_ready_flag", "rtt_v6_to_v4_factor", "address_flag", "default_route_flag", "resolver_flag",
            "aaaa_flag", "tcp_flag", "https_flag", "mtu_1280_flag", "mtu_1500_flag", "black_hole_flag",
            "black_hole_inbound_flag",
        ),
    ),
    "snmp": _Meter(
        kinds=("tslcd",),
        values=(
            "download_traffic_wire_mbps", "upload_traffic_wire_mbps", "download_traffic_ip_mbps",
            "upload_traffic_ip_mbps",
        ),
        statistics=("mean", "max"),
    ),
    "node": _Meter(
        kinds=("tslcd",),
        values=("rtt_p50_ms", "rtt_p95_ms", "sent_count", "received_count", "up_flag", "down_s", "silence_max_s"),
        statistics=("median", "max"),
        far_ends=2,
    ),
    "capacity": _Meter(
        kinds=("tslcd",),
        values=(
            "download_ip_mbps", "upload_ip_mbps", "download_wire_mbps", "upload_wire_mbps", "download_udp_mbps",
            "upload_udp_mbps",
        ),
    ),
    "path": _Meter(kinds=("tslcd",), values=("changed_flag", "hop_count", "rtt_p50_ms", "sent_count", "received_count")),
}  # fmt: skip


class Country:
    """Offices and lines, and every piece of their store."""

    def __init__(self) -> None:
        gazetteer = load()
        self.provinces = list(gazetteer.units(Level.PROVINCE, _WHEN))
        units = gazetteer.units(Level.COMMUNE, _WHEN)
        self.offices = [_Office(province=unit.province, place=unit.code, name=unit.name) for unit in units]
        self.lines = [line for number, office in enumerate(self.offices) for line in _lines_of(office, number)]

    def pieces(self) -> list[Piece]:
        """All of them, those that the most queries ask first."""
        return [
            Piece(name="facts", tier=Tier.LONG, make=self._facts),
            Piece(name="areas", tier=Tier.LONG, make=self._areas),
            Piece(name="verdicts", tier=Tier.LONG, make=self._verdicts),
            Piece(name="judged", tier=Tier.LONG, make=self._judged),
            Piece(name="incidents", tier=Tier.LONG, make=self._incidents),
            Piece(name="incidents_5m", tier=Tier.FIVE_MINUTES, make=self._open_counts),
            *self._windows("speed", "1d"),
            Piece(name="presence_1d", tier=Tier.LONG, make=self._presence("1d", DAY, DAYS)),
            *self._windows("latency", "1d"),
            *self._windows("ipv6", "1d"),
            *self._windows("snmp", "1d"),
            *(piece for kind in _METERS for piece in self._hours(kind)),
            Piece(name="contracts", tier=Tier.LONG, make=self._contracts),
            Piece(name="contracts_deep", tier=Tier.LONG, make=self._contracts_deep),
            Piece(name="targets", tier=Tier.LONG, make=self._targets),
            Piece(name="published", tier=Tier.LONG, make=self._published),
            Piece(name="health", tier=Tier.RAW, make=self._health),
            *(self._agents_5m(chunk) for chunk in range(_CHUNKS)),
            Piece(name="runs", tier=Tier.RAW, make=self._single_runs),
            Piece(name="means", tier=Tier.LONG, make=self._means),
            Piece(name="polls_5m", tier=Tier.FIVE_MINUTES, make=self._polls),
            *(self._presence_5m(chunk) for chunk in range(_CHUNKS)),
            Piece(name="presence_1h", tier=Tier.LONG, make=self._presence("1h", HOUR, 30)),
            Piece(name="ipv6_areas", tier=Tier.LONG, make=self._ipv6_areas),
            Piece(name="black_holes", tier=Tier.LONG, make=self._black_holes),
            *(self._portals(chunk) for chunk in range(_CHUNKS)),
            *(self._p95(chunk) for chunk in range(_CHUNKS)),
            *(self._deep_days(kind) for kind in ("capacity", "node", "path")),
        ]

    # --- windows

    def _windows(self, kind: str, length: str) -> Iterator[Piece]:
        """A year of days, in a few pieces."""
        name, lines = f"doxa_{kind}_{length}", [line for line in self.lines if line.kind in _METERS[kind].kinds]
        for chunk in range(_CHUNKS):
            some = lines[chunk::_CHUNKS]

            def make(now: int, some: Sequence[_Line] = some) -> Iterator[str]:
                last = _midnight(now)
                yield from _runs(kind, name, some, range(last - (DAYS - 1) * DAY, last + 1, DAY))

            yield Piece(name=f"{name}-{chunk}", tier=Tier.LONG, make=make)

    def _hours(self, kind: str) -> Iterator[Piece]:
        name, lines = f"doxa_{kind}_1h", [line for line in self.lines if line.kind in _METERS[kind].kinds]

        def make(now: int) -> Iterator[str]:
            for deep, hours in ((True, HOURS_DEEP), (False, 48)):
                some = [line for line in lines if (line.province == DEEP) is deep]
                yield from _runs(kind, name, some, _hourly(now, hours))

        yield Piece(name=name, tier=Tier.LONG, make=make)

    def _deep_days(self, kind: str) -> Piece:
        """A year of days of the deep province's lines: no page asks them of more than one province."""

        def make(now: int) -> Iterator[str]:
            last = _midnight(now)
            yield from _runs(kind, f"doxa_{kind}_1d", self._deep(kind), range(last - (DAYS - 1) * DAY, last + 1, DAY))

        return Piece(name=f"doxa_{kind}_1d-deep", tier=Tier.LONG, make=make)

    def _deep(self, kind: str) -> list[_Line]:
        return [line for line in self.lines if line.province == DEEP and line.kind in _METERS[kind].kinds]

    def _means(self, now: int) -> Iterator[str]:
        """What one page asks besides: the means of the deep province's days."""
        random = Random("means")
        for line in self._deep("speed"):
            head = f"doxa_speed_1d{line.tags},far_end=end0,family=4,task=speed "
            for at in range(_midnight(now) - (DAYS - 1) * DAY, now, DAY):
                down, up = random.uniform(60, 200), random.uniform(60, 200)
                yield f"{head}download_mbps_mean={down:.4f},upload_mbps_mean={up:.4f} {at}"

    def _single_runs(self, now: int) -> Iterator[str]:
        """Single runs of the deep province for 30 days: 12 speed tests and 24 paths a day."""
        random = Random("runs")
        for line in self._deep("speed"):
            tail = f"{line.tags},far_end=end0,family=4,outcome=ok"
            for at in range(now - 30 * DAY, now, 2 * HOUR):
                down, up = random.uniform(60, 200), random.uniform(60, 200)
                yield f"doxa_speed{tail},task=speed download_mbps={down:.4f},upload_mbps={up:.4f},duration_s=3.1 {at}"
        for line in self._deep("path"):
            tail = f"{line.tags},far_end=end0,family=4,outcome=ok"
            for at in range(now - 30 * DAY, now, HOUR):
                yield f"doxa_path{tail},task=path changed_flag={random.randrange(2)},hop_count=9,path_mtu=1500 {at}"

    def _polls(self, now: int) -> Iterator[str]:
        """Five minutes of the deep province's polls for 30 days, of latency for seven; two hours of all others."""
        last = now - now % 300
        for kind, days in (("snmp", 30), ("latency", 7), ("node", 7)):
            for deep, span in ((True, days * DAY), (False, 2 * HOUR)):
                some = [line for line in self.lines if (line.province == DEEP) is deep]
                some = [line for line in some if line.kind in _METERS[kind].kinds]
                yield from _runs(kind, f"doxa_{kind}_5m", some, range(last - span, last + 1, 300))

    # --- facts

    def _facts(self, now: int) -> Iterator[str]:
        times = [str(at) for at in _hourly(now, FACTS_DAYS * 24)]
        for province in self.provinces:
            here = sum(office.province == province.code for office in self.offices)
            label = _escaped(f"{province.code} {province.name}")
            head = f"doxa_place,label={label},level=province,province={province.code}"
            yield from _same(
                head, f"sites_count={here},links_count={2 * here},latitude_deg=16.1,longitude_deg=107.2", times
            )
        for office in self.offices:
            label = _escaped(f"{office.place} {office.name}")
            head = f"doxa_place,label={label},level=commune,place={office.place},province={office.province}"
            yield from _same(head, "sites_count=1,links_count=2", times)
            label = _escaped(f"UBND {office.name}")
            head = f"doxa_site,label={label},place={office.place},province={office.province},site={office.site}"
            yield from _same(head, "links_count=2,probes_count=1", times)

    def _contracts(self, now: int) -> Iterator[str]:
        lately = list(_hourly(now, FACTS_DAYS * 24))
        days = [_midnight(now) - k * DAY for k in range(DAYS)]
        times = [str(at) for at in sorted({*lately, *days})]
        for line in self.lines:
            if line.province != DEEP:
                yield from _same(f"doxa_contract{line.tags}", _contract(line), times)

    def _contracts_deep(self, now: int) -> Iterator[str]:
        times = [str(at) for at in _hourly(now, DAYS * 24)]
        for line in self.lines:
            if line.province == DEEP:
                yield from _same(f"doxa_contract{line.tags}", _contract(line), times)

    def _targets(self, now: int) -> Iterator[str]:
        year, month = _hourly(now, DAYS * 24), _hourly(now, HOURS_DEEP)
        for number in range(_NATIONAL):
            yield from self._target("national", f"n{number}", "country", "00", "00", number, year)
        for province in self.provinces:
            for number in range(_PROVINCIAL):
                code = province.code
                yield from self._target(f"p{code}", f"p{number}", "province", code, code, number, year)
        communes = [office for office in self.offices if office.province == DEEP]
        for at, office in enumerate(communes):
            for number, target in enumerate(_TARGETS):
                times = year if at == 0 else month
                yield from self._target(f"p{DEEP}", target, "commune", DEEP, office.place, number, times)

    @staticmethod
    def _target(
        plan: str, target: str, level: str, province: str, place: str, number: int, times: Sequence[int]
    ) -> Iterator[str]:
        kind, quantity = ("fixed", "tslcd")[number % 4 // 2], ("download", "upload")[number % 2]
        head = (
            f"doxa_target,kind={kind},level={level},operator=>\\=,place={place},plan={plan},province={province}"
            f",quantity={quantity},target={target},unit=Mbps"
        )
        for at in times:
            yield f"{head} threshold={100 + number},due_days={40 + (times[-1] - at) // DAY} {at}"

    def _published(self, now: int) -> Iterator[str]:
        days = [str(_midnight(now) - k * DAY) for k in reversed(range(DAYS))]
        for quantity in ("download", "upload"):
            tail = f",quantity={quantity},source_mark=S,statistic=median"
            for province in self.provinces:
                for kind in ("fixed", "mobile"):
                    head = f"doxa_published,kind={kind},province={province.code}{tail}"
                    yield from _same(head, "published_mbps=187.4,samples_count=31200,samples_goal_count=1000", days)
            for office in self.offices:
                head = f"doxa_published,kind=fixed,place={office.place},province={office.province}{tail}"
                yield from _same(head, "published_mbps=151.2,samples_count=312,samples_goal_count=300", days)

    # --- what was judged and found

    def _areas(self, now: int) -> Iterator[str]:
        random, last = Random("areas"), _midnight(now)
        for province in [*(unit.code for unit in self.provinces), "00"]:
            for kind, provider in (*(("fixed", one) for one in _PROVIDERS), ("tslcd", "CBDTW")):
                for at in range(last - (DAYS - 1) * DAY, last + 1, DAY):
                    yield (
                        f"doxa_area_1d,kind={kind},province={province},provider={provider} lines_count=33,measured_count=32,"
                        f"tested_count=31,contracted_count=30,download_median_mbps={random.uniform(90, 200):.4f},"
                        f"upload_median_mbps={random.uniform(90, 200):.4f},reached_contract_count={random.randrange(31)},"
                        f"below_floor_count={random.randrange(5)},rtt_p50_median_ms={random.uniform(5, 20):.4f},"
                        f"loss_percent={random.random():.4f},ipv6_ready_count=20,ipv6_tested_count=30,runs_count=9000,"
                        f"ok_count=8800,failed_count=150,skipped_count=30,probe_limited_count=15,error_count=5 {at}"
                    )

    def _ipv6_areas(self, now: int) -> Iterator[str]:
        """Every flag and value of the meter, as the series writes them."""
        last = _midnight(now)
        pool = _counted("doxa_ipv6_area_1d")
        for number, province in enumerate([*(unit.code for unit in self.provinces), "00"]):
            for of, (kind, provider) in enumerate((*(("fixed", one) for one in _PROVIDERS), ("tslcd", "CBDTW"))):
                head = f"doxa_ipv6_area_1d,kind={kind},province={province},provider={provider} "
                for k, at in enumerate(range(last - (DAYS - 1) * DAY, last + 1, DAY), 31 * number + 7 * of):
                    yield f"{head}{pool[k % _POOL]} {at}"

    def _black_holes(self, now: int) -> Iterator[str]:
        """On two of a hundred lines, on every fourth day."""
        random, last = Random("holes"), _midnight(now)
        for line in [line for line in self.lines if line.kind == "fixed"][::50]:
            for at in range(last - (DAYS - 1) * DAY, last + 1, DAY):
                if random.random() < 0.25:
                    met = 1 + random.randrange(20)
                    counts = f"out_met_count={met},out_judged_count=24,back_met_count={met // 2},back_judged_count=20"
                    yield f"doxa_black_hole_1d{line.tags} runs_count=24,{counts} {at}"

    def _portals(self, chunk: int) -> Piece:
        """Of every commune, a year of days."""

        def make(now: int) -> Iterator[str]:
            last, pool = _midnight(now), _counted("doxa_portal_1d")
            for line in [line for line in self.lines if line.kind == "fixed"][chunk::_CHUNKS]:
                tags = f",kind={line.kind},place={line.place},province={line.province}"
                for k, at in enumerate(range(last - (DAYS - 1) * DAY, last + 1, DAY), 31 * line.number):
                    yield f"doxa_portal_1d{tags} {pool[k % _POOL]} {at}"

        return Piece(name=f"portals-{chunk}", tier=Tier.LONG, make=make)

    def _p95(self, chunk: int) -> Piece:
        """A year of days of every TSLCD line's polls."""

        def make(now: int) -> Iterator[str]:
            random, last = Random("p95"), _midnight(now)
            fields = sorted(
                f for f in look_up("doxa_p95_1d").fields if f.endswith("_mbps") and not f.startswith("limit")
            )
            pool = []
            for _ in range(_POOL):
                rates = ",".join(f"{name}={random.uniform(5, 99):.4f}" for name in fields)
                shares = ",".join(f"{way}_week_p95_ratio={random.random():.6f}" for way in ("download", "upload"))
                counts = f"samples_count={280 + random.randrange(9)},week_samples_count={2000 + random.randrange(17)}"
                rule = f"limit_down_mbps=90,limit_up_mbps=90,week_outcome_code={random.choice((0, 1, 1, 1, 3))}"
                pool.append(f"{rates},{shares},{counts},{rule}")
            for line in [line for line in self.lines if line.kind == "tslcd"][chunk::_CHUNKS]:
                for k, at in enumerate(range(last - (DAYS - 1) * DAY, last + 1, DAY), 31 * line.number):
                    yield f"doxa_p95_1d{line.tags} {pool[k % _POOL]} {at}"

        return Piece(name=f"p95-{chunk}", tier=Tier.LONG, make=make)

    def _verdicts(self, now: int) -> Iterator[str]:
        random, last = Random("verdicts"), _midnight(now)
        months = [last - 30 * DAY * k for k in reversed(range(12))]
        judged = [("national", f"n{n}", "country", "00", "00") for n in range(_NATIONAL)]
        judged += [
            (f"p{p.code}", f"p{n}", "province", p.code, p.code) for p in self.provinces for n in range(_PROVINCIAL)
        ]
        judged += [(f"p{o.province}", t, "commune", o.province, o.place) for o in self.offices for t in _TARGETS]
        for number, (plan, target, level, province, place) in enumerate(judged):
            kind = ("fixed", "tslcd")[number % 4 // 2]
            head = (
                f"doxa_verdict,kind={kind},level={level},place={place},plan={plan},province={province},target={target}"
            )
            for at in months:
                value, code = random.uniform(60, 200), random.choice((0, 1, 1, 1, 2, 3))
                passed = f",passed_flag={code}" if code < 2 else ""
                yield (
                    f"{head} outcome_code={code},value={value:.4f},n_count=1012,lower={value - 1:.4f},"
                    f"upper={value + 1:.4f},threshold=100{passed} {at}"
                )

    def _judged(self, now: int) -> Iterator[str]:
        """The counts of the verdicts: of the country's plan, and of each province's."""
        last = _midnight(now)
        for plan, province in [("national", "00"), *((f"p{one.code}", one.code) for one in self.provinces)]:
            for kind in ("fixed", "tslcd"):
                for at in (last - 30 * DAY * k for k in reversed(range(12))):
                    yield (
                        f"doxa_judged,kind={kind},plan={plan},province={province} pass_count=120,fail_count=60,"
                        f"probe_limited_count=20,insufficient_count=20 {at}"
                    )

    def _incidents(self, now: int) -> Iterator[str]:
        """20,000 in the year, 300 of them still open; 5,000 changes."""
        random = Random("incidents")
        for number in range(20_000):
            office = random.choice(self.offices)
            state = random.choice((0, 1)) if number > 19_700 else 3
            lasted = "" if state < 2 else f",duration_s={random.uniform(60, 90_000):.3f}"
            yield (
                f"doxa_incident number={number},state_code={state},severity_code={number % 3},"
                f"sites_count={random.choice((1, 1, 1, 4))},muted_flag=0,absorbed_flag={int(random.random() < 0.2)},"
                f'delay_s=40,title="Sự cố {number}",text="{office.name} mất kết nối Internet",cause="line",kind="fixed",'
                f'provider="VNPT",place="{office.place}",province="{office.province}"{lasted} '
                f"{now - (20_000 - number) * DAYS * DAY // 20_000}"
            )
        for number in range(5000):
            office = random.choice(self.offices)
            province = "00" if number % 100 == 0 else office.province
            event = "plan_changed" if number % 100 == 0 else "contract_changed"
            where = "" if number % 100 == 0 else f",place={office.place}"
            at = now - random.randrange(DAYS * DAY)
            yield f'doxa_event,event={event}{where},province={province} number=1,title="Thay đổi",text="100 → 200 Mbps" {at}'

    def _open_counts(self, now: int) -> Iterator[str]:
        random, last = Random("open"), now - now % 300
        for province in self.provinces:
            for severity in ("info", "warning", "critical"):
                head = f"doxa_incident_5m,province={province.code},severity={severity}"
                for at in range(last - 30 * DAY, last + 1, 300):
                    yield f"{head} open_count={int(random.random() * 4)} {at}"
        for severity in ("info", "warning", "critical"):
            for at in range(last - 30 * DAY, last + 1, 300):
                counts = f"open_count=0,all_count={int(random.random() * 90)}"
                yield f"doxa_incident_5m,province=00,severity={severity} {counts} {at}"

    # --- presence and health

    def _presence(self, length: str, step: int, days: int, offices: Sequence[_Office] = ()) -> Make:
        def make(now: int) -> Iterator[str]:
            last = now - (now + _OFFSET) % step
            times = [str(at) for at in range(last - days * DAY, last + 1, step)]
            for number, office in enumerate(offices or self.offices):
                head = f"doxa_presence_{length}{office.tags} "
                for k, at in enumerate(times):
                    away = (k + 17 * number) % 389 < 3
                    told = (
                        "online_ratio=0,silent_count=1,state_code=3"
                        if away
                        else "online_ratio=1,silent_count=0,state_code=0"
                    )
                    yield f"{head}probes_count=1,{told} {at}"

        return make

    def _presence_5m(self, chunk: int) -> Piece:
        make = self._presence("5m", 300, 7, self.offices[chunk::_CHUNKS])
        return Piece(name=f"presence_5m-{chunk}", tier=Tier.FIVE_MINUTES, make=make)

    def _health(self, now: int) -> Iterator[str]:
        random, last = Random("health"), now - now % 300
        for office in self.offices:
            head = f"doxa_agent,agent=pi-{office.site}{office.tags} "
            days = 7 if office.province == DEEP else 1
            for at in range(last - days * DAY, last + 1, 300):
                yield (
                    f"{head}spool_rows_count={int(random.random() * 9)},spool_dropped_count=0,disk_free_ratio=0.71,"
                    f'uptime_s={at % 1_000_000},clock_ok_flag=1,version="0.6.0" {at}'
                )
        for at in range(now - 30 * DAY, now, 60):
            yield (
                f"doxa_collector accepted_count={at},duplicate_count=3,quarantined_count=0,ledger_bytes={at}00,"
                f"broker_connected_flag=1,agents_online_count=3300,agents_count=3321,intake_behind_s=0.2,newest_age_s=1 {at}"
            )
            for sink in ("noc", "public"):
                yield f"doxa_collector,sink={sink} behind_count=12,waiting_flag=0,rejected_count=0 {at}"

    def _agents_5m(self, chunk: int) -> Piece:
        """The probes of each province, and of the country, added up every five minutes of a year."""

        def make(now: int) -> Iterator[str]:
            random, last = Random(f"agents{chunk}"), now - now % 300
            for code in [*(unit.code for unit in self.provinces), "00"][chunk::_CHUNKS]:
                here = sum(code in (office.province, "00") for office in self.offices)
                for at in range(last - DAYS * DAY, last + 1, 300):
                    yield (
                        f"doxa_agents_5m,province={code} agents_count={here - random.randrange(3)}"
                        f",spool_rows_count={random.randrange(9 * here)},spool_dropped_count={at % 1000}"
                        f",clock_wrong_count={random.randrange(4)},battery_count={random.randrange(4)}"
                        f",disk_low_count={random.randrange(2)},disk_free_min_ratio=0.0{random.randrange(100)}"
                        f",versions_count=1 {at}"
                    )

        return Piece(name=f"agents_5m-{chunk}", tier=Tier.FIVE_MINUTES, make=make)


def _lines_of(office: _Office, number: int) -> Iterator[_Line]:
    for kind, provider in (("fixed", _PROVIDERS[number % 3]), ("tslcd", "CBDTW")):
        yield _Line(
            province=office.province, place=office.place, site=office.site, kind=kind, provider=provider, number=number
        )  # fmt: skip


def _runs(kind: str, name: str, lines: Sequence[_Line], times: Sequence[int]) -> Iterator[str]:
    """Windows of a meter at these times, on these lines."""
    pool, stamps = _pool(kind, name), [str(at) for at in times]
    for line in lines:
        for end in range(_METERS[kind].far_ends):
            head, first = f"{name}{line.tags},far_end=end{end},family=4,task={kind} ", 31 * line.number + 7 * end
            for k, at in enumerate(stamps, first):
                yield f"{head}{pool[k % _POOL]} {at}"


def _pool(kind: str, name: str) -> list[str]:
    """Texts of all fields of a window."""
    random, meter, known = Random(name), _METERS[kind], look_up(name).fields
    kept = (*meter.statistics, "sum")
    fields = [f for v in meter.values for f in windowed(v) if unit_of(v) == "flag" or f.rpartition("_")[2] in kept]
    fields += ["runs_count", "ok_count", "failed_count", "skipped_count", "probe_limited_count"]
    if unknown := set(fields) - known:
        raise AssertionError(f"nobody writes {sorted(unknown)} into {name}")
    return [",".join(f"{field}={_value(field, random)}" for field in fields) for _ in range(_POOL)]


def _counted(name: str) -> list[str]:
    """Texts of all fields of a series that counts flags."""
    random = Random(name)

    def told(field: str) -> str:
        if field.endswith("_judged_count") or field == "runs_count":
            return "790"
        return str(random.randrange(791)) if field.endswith("_count") else f"{random.uniform(4, 400):.4f}"

    return [",".join(f"{field}={told(field)}" for field in sorted(look_up(name).fields)) for _ in range(_POOL)]


def _value(field: str, random: Random) -> str:
    whole = {"runs_count": 12, "ok_count": 11, "failed_count": 1, "skipped_count": 0, "probe_limited_count": 0}
    if field in whole:
        return str(whole[field])
    if field == "sent_count_sum":
        return "86400"
    if field == "received_count_sum":
        return str(86_400 - random.randrange(900))
    if field.endswith("_flag_count"):
        return "11"
    if "_flag_" in field:
        return f"{random.random() if random.random() < 0.2 else random.randrange(2)}"
    return f"{random.uniform(60, 210) if 'mbps' in field else random.uniform(4, 40):.4f}"


def _contract(line: _Line) -> str:
    rate = 200 if line.kind == "fixed" else 100
    rates = (
        f"contracted_down_mbps={rate},contracted_up_mbps={rate},floor_down_mbps={rate * 0.8},floor_up_mbps={rate * 0.8}"
    )
    rates += ",samples_goal_count=300,samples_full_count=1000"
    return rates if line.kind == "fixed" else f"{rates},required_mbps=100"


def _same(head: str, fields: str, times: Sequence[str]) -> Iterator[str]:
    told = f"{head} {fields} "
    return (told + at for at in times)


def _hourly(now: int, hours: int) -> range:
    last = now - now % HOUR
    return range(last - (hours - 1) * HOUR, last + 1, HOUR)


def _midnight(now: int) -> int:
    return now - (now + _OFFSET) % DAY


def _escaped(text: str) -> str:
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")

"""The words of the field: n/N, cause, breakdown; and what of TSLCD is hidden."""

from collections.abc import Callable
from datetime import date

from tests.collector.incidents.conftest import START, Feed, MakeAlarm, away, tslcd

from doxa_collector.incidents.atlas import Atlas, atlas_of
from doxa_collector.incidents.correlate import Correlator
from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.settings import Settings
from doxa_collector.incidents.summary import headline, root_name, summary
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import line, node
from doxa_lab.incidents.faults import S
from doxa_lab.incidents.province import INTERNET, Country, Province

MakeFeed = Callable[[], Feed]


def vi(country: Country, atlas: Atlas, it: Feed, *, reveal: bool = False) -> list[str]:
    ground = Ground(country.tree, atlas, Settings())
    return [headline(i, ground, reveal=reveal).vi for i in it.correlator.incidents()]


def lines(country: Country, atlas: Atlas, it: Feed, at_s: float = 0) -> list[str]:
    ground = Ground(country.tree, atlas, Settings())
    return [text.vi for text in summary(it.correlator.incidents(), ground, START + round(at_s * S))]


def test_a_power_failure_reads_as_the_field_writes_it(alarm: MakeAlarm) -> None:
    country = Country(*(Province(code=code, name=name, communes=n) for code, name, n in (
        ("52", "Tỉnh Gia Lai", 135), ("66", "Tỉnh Đắk Lắk", 102), ("56", "Tỉnh Khánh Hòa", 64)
    )))  # fmt: skip
    atlas = atlas_of(country.registry, date(2026, 11, 24), country.carried)
    it = Feed(Correlator(country.tree, atlas))
    dark = [p.site(n) for p, most in zip(country.provinces, (16, 40, 6), strict=True) for n in range(1, most + 1)]
    agents = [(site, a) for site in dark for a in country.carried if a.startswith(site)]
    from doxa_collector.watch.subject import probe

    it.step(8, *(alarm(probe(site, agent), detail={"cause": "power"}) for site, agent in agents))
    it.step(30)
    assert lines(country, atlas, it) == [
        (
            "Cập nhật 8h00 ngày 24/11/2026: 62/301 xã, phường mất kết nối do mất điện "
            "(Đắk Lắk 40/102, Gia Lai 16/135, Khánh Hòa 6/64)"
        )
    ]


def test_where_nothing_is_lost_it_says_so(country: Country, atlas: Atlas, feed: MakeFeed) -> None:
    assert lines(country, atlas, feed(), 3900) == ["Cập nhật 9h05 ngày 24/11/2026: không có điểm đo nào mất kết nối"]


def test_a_battery_is_no_loss_yet(country: Country, atlas: Atlas, feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, alarm(away(7), metric="probe.on_battery_flag", severity=Severity.WARNING))
    it.step(20)
    assert lines(country, atlas, it) == ["Cập nhật 8h00 ngày 24/11/2026: không có điểm đo nào mất kết nối"]
    assert vi(country, atlas, it) == ["Xã số 7 (52007): mất điện từ 08:00 24/11/2026"]


def test_one_office_says_which_network_is_lost_and_which_is_well(
    country: Country, atlas: Atlas, feed: MakeFeed, alarm: MakeAlarm
) -> None:
    it = feed()
    it.step(8, alarm(tslcd(8)))
    it.step(20)
    it.step(30, alarm(away(9), 400), alarm(away(9, 2), 400))
    it.step(60)
    assert vi(country, atlas, it) == [
        "Xã số 8 (52008): mất kết nối TSLCD từ 08:00 24/11/2026; Internet bình thường",
        "Xã số 9 (52009): mất kết nối Internet và TSLCD từ 08:06 24/11/2026",
    ]


def test_a_node_is_named_only_where_it_may_be(country: Country, atlas: Atlas, feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, alarm(node("agg-52")), *(alarm(tslcd(n)) for n in range(1, 131)))
    it.step(20)
    (incident,) = it.correlator.incidents()
    ground = Ground(country.tree, atlas, Settings())
    assert vi(country, atlas, it) == [
        "130/130 xã, phường mất kết nối TSLCD do nút tập trung mất kết nối (Gia Lai 130/130), từ 08:00 24/11/2026"
    ]
    assert [str(root_name(incident, ground, reveal=r)) for r in (False, True)] == [
        "nút tập trung", "Nút tập trung Tỉnh Gia Lai"
    ]  # fmt: skip
    assert not any("agg" in str(text) or "Nút" in str(text) for text in incident.why)


def test_a_provider_of_the_internet_is_named_and_one_of_tslcd_is_not(
    country: Country, atlas: Atlas, feed: MakeFeed, alarm: MakeAlarm
) -> None:
    it = feed()
    vnpt = [n for n in range(1, 131) if Province().provider(n) == "VNPT"]
    it.step(8, *(alarm(line(f"xa-52-{n:03d}", INTERNET)) for n in vnpt))
    it.step(20)
    it.step(1008, *(alarm(tslcd(n), 1000) for n in range(1, 41)))
    it.step(1030)
    internet, hidden = vi(country, atlas, it)
    assert internet.startswith("64/130 xã, phường mất kết nối Internet do sự cố nhà mạng VNPT (Gia Lai 64/130)")
    assert "Bưu điện" not in hidden
    assert "Bưu điện Trung ương" in vi(country, atlas, it, reveal=True)[1]

"""Cards that several pages show, each with the condition of the page: incidents, verdicts, presence in one number."""

from collections.abc import Sequence
from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import codes
from doxa_dashboards.charts import number
from doxa_dashboards.panel import Ask, Card, Link, Words
from doxa_dashboards.query import (
    Column,
    Condition,
    Select,
    compared,
    computed,
    either,
    equal,
    field,
    last,
    newest,
    of_newest,
    select,
    total,
    within,
)
from doxa_dashboards.tables import Col, copied, grid

NOW: Final = "1h"
"""How old the newest window of five minutes may be to count as now."""
FACTS: Final = "2d"
"""How old a fact may be that is written hourly, and daily when the collector catches up."""
PERIODS: Final = "800d"
"""How long ago the latest judged period may have begun: a year, with another one until it is judged."""

CONTRACTED: Final = compared("contracted_count", ">", 0)
"""Areas and days in which a line could be held against its contract: what shares of contracts divide by."""

_INCIDENT: Final = ("number", "state_code", "severity_code", "cause", "province", "place", "text", "sites_count")
_COUNTED: Final = compared("absorbed_flag", "=", 0)
_LASTS: Final = compared("state_code", "<", codes.OPEN_BELOW)
_OVER: Final = compared("state_code", ">=", codes.OPEN_BELOW)

PROVIDER: Final = Col(name="provider", title=Text(vi="Nhà mạng", en="Provider"), width=130)
AGE: Final = Col(name="age", title=Text(vi="Cách đây", en="Opened ago"), unit="age", width=130)


def names(source: str, counted: str, *where: Condition, by: str, more: Sequence[Column] = ()) -> Select:
    """What each place (`doxa_place`) or office (`doxa_site`) is called, with a count of it and what stands beside (`more`).

    The label is read off the newest point: one that was renamed, under the same code, has its last name only.
    """
    columns = (field("label"), last(f"{counted}_count", counted), *more)
    return newest(source, *columns, lasts=FACTS, where=where, by=by)


def incidents(
    *where: Condition, title: Text, width: int = 24, link: Link | None = None, provider: bool = False
) -> Card:
    """Incidents that were opened in the range; with a column that names the `provider`."""
    names = (*_INCIDENT, "provider") if provider else _INCIDENT
    columns = tuple(field(name) for name in names)
    lasting = select("doxa_incident", *columns, where=(_COUNTED, _LASTS, *where))
    # A store keeps the length that an incident had before it broke out again: it is read only of those that are over.
    over = select("doxa_incident", *columns, field("duration_s"), where=(_COUNTED, _OVER, *where))
    words = Words(
        title=title,
        meaning=Text(
            vi="Sự cố được mở trong khoảng thời gian, mới nhất ở trên. Thời gian là lúc mở sự cố, chậm hơn lúc bắt đầu "
            "khoảng một phút; ô thời lượng trống là sự cố chưa kết thúc. Sự cố đã gộp vào sự cố lớn hơn không hiện ở đây.",
            en="Incidents opened in the range, newest first. The time is when it was opened, about a minute after it "
            "began; an empty length means that it lasts. One that became part of a wider one is not shown.",
        ),
        nothing=Text(vi="Không có sự cố nào trong khoảng thời gian này", en="No incident in this range"),
    )
    return _incidents("incidents", words, (lasting, over), width, link)


def incidents_now(*where: Condition, width: int = 24, link: Link | None = None, age: bool = False) -> Card:
    """Incidents that last, whatever range the page shows; with a column that says for how long (`age`)."""
    lasting = Select(
        columns=tuple(field(name) for name in _INCIDENT),
        source="doxa_incident",
        where=(_COUNTED, _LASTS, within("365d"), *where),
        ranged=False,
    )
    words = Words(
        title=Text(vi="Sự cố đang xảy ra", en="Incidents now"),
        meaning=Text(
            vi="Sự cố chưa khôi phục, mở trong vòng một năm, không phụ thuộc khoảng thời gian đang xem. Sự cố đã gộp vào "
            "sự cố lớn hơn không hiện ở đây.",
            en="Incidents not resolved, opened within a year, whatever range is shown. One that became part of a wider "
            "one is not shown.",
        ),
        nothing=Text(vi="Không có sự cố nào đang xảy ra", en="No incident at present"),
    )
    return _incidents("incidents_now", words, (lasting,), width, link, age=age)


def _incidents(
    key: str, words: Words, found: Sequence[Select], width: int, link: Link | None, *, age: bool = False
) -> Card:
    columns = [
        Col(name="Time", title=Text(vi="Mở lúc", en="Opened"), width=160),
        Col(name="number", title=Text(vi="Số", en="No."), unit="count", width=70),
        Col(name="severity_code", title=Text(vi="Mức độ", en="Severity"), unit="code", codes=codes.SEVERITY, width=150),
        Col(name="state_code", title=Text(vi="Tình trạng", en="State"), unit="code", codes=codes.INCIDENT, width=125),
        Col(name="province", title=Text(vi="Tỉnh", en="Province"), width=60),
        Col(name="place", title=Text(vi="Xã", en="Commune"), link=link, width=80),
        Col(name="cause", title=Text(vi="Nguyên nhân", en="Cause"), words=codes.CAUSES, width=190),
        Col(name="text", title=Text(vi="Nội dung", en="What"), long=True),
        Col(name="sites_count", title=Text(vi="Số trụ sở", en="Offices"), unit="count", width=90),
    ]
    if any(column.name == PROVIDER.name for column in found[0].columns):
        columns.append(PROVIDER)
    if len(found) > 1:
        columns.append(Col(name="duration_s", title=Text(vi="Thời lượng", en="Length"), unit="length", width=100))
    if age:
        columns.insert(1, AGE)
    asks = [Ask(select=one) for one in found]
    steps = [copied("Time", AGE.name)] if age else []
    return grid(key, words, *asks, columns=columns, steps=steps, order="Time", width=width, height=9)


def _stood(*outcomes: str) -> tuple[Column, ...]:
    """How many targets stand at each outcome by their latest verdict, at the end of the range."""
    return tuple(last(f"{outcome}_count", outcome) for outcome in outcomes)


def passed(*where: Condition) -> Card:
    """% đạt: of the verdicts that decided."""
    found = newest("doxa_judged", *_stood("pass", "fail"), lasts=PERIODS, where=where, by="plan province kind")
    share = computed("{p} / ({p} + {f})", "passed", p=total("pass"), f=total("fail"))
    decided = either(compared("pass", ">", 0), compared("fail", ">", 0))
    asked = select(found, share, where=(decided,))
    return number(
        "passed",
        Words(
            title=Text(vi="Tỷ lệ đạt", en="Share passed"),
            meaning=Text(
                vi="Tỷ lệ kết luận «đạt» trong các kết luận đạt hoặc không đạt: kỳ gần nhất của mỗi đơn vị và chỉ tiêu, tính đến cuối khoảng thời gian. "
                "«Chưa đủ mẫu» và «thiết bị đo giới hạn» không tính vào.",
                en="The share of 'pass' in the verdicts pass or fail: the latest of each place and target, up to the end of the range. "
                "'Insufficient samples' and 'probe limited' do not count.",
            ),
            nothing=Text(vi="Chưa có kết luận nào", en="Nothing decided yet"),
        ),
        Ask(select=asked),
        unit="ratio",
    )


def judged(*where: Condition) -> Card:
    """How many verdicts there are, decided or not."""
    names_ = ("pass", "fail", "probe_limited", "insufficient")
    found = newest("doxa_judged", *_stood(*names_), lasts=PERIODS, where=where, by="plan province kind")
    every = computed("{a} + {b} + {c} + {d}", "judged", **{k: total(v) for k, v in zip("abcd", names_, strict=True)})
    asked = select(found, every)
    return number(
        "judged",
        Words(
            title=Text(vi="Số kết luận", en="Verdicts"),
            meaning=Text(
                vi="Mỗi đơn vị (xã, tỉnh, cả nước) và mỗi chỉ tiêu tính một kết luận: kỳ gần nhất tính đến cuối khoảng thời gian, kể cả «chưa đủ mẫu» và «thiết bị đo giới hạn».",
                en="One a place (commune, province, country) and target: the latest period up to the end of the range, with 'insufficient samples' and 'probe limited'.",
            ),
            nothing=Text(vi="Chưa đánh giá", en="Not judged yet"),
        ),
        Ask(select=asked),
        unit="count",
    )


def open_in_the_country() -> Card:
    """How many incidents last in the whole country, each counted once."""
    meaning = Text(
        vi="Số sự cố chưa khôi phục ở cuối khoảng thời gian (độ mịn năm phút), mỗi sự cố tính một lần dù lan nhiều tỉnh. "
        "0 nghĩa là đã kiểm tra và không có.",
        en="Incidents not resolved at the end of the range, by five minutes, each counted once however many provinces it "
        "reaches. 0 means looked at and none.",
    )
    return _open("all_count", meaning, equal("province", COUNTRY))


def open_incidents(*where: Condition) -> Card:
    """How many incidents last."""
    meaning = Text(
        vi="Số sự cố chưa khôi phục ở cuối khoảng thời gian (độ mịn năm phút). Sự cố lan nhiều tỉnh được tính một lần ở mỗi "
        "tỉnh. 0 nghĩa là đã kiểm tra và không có.",
        en="Incidents not resolved at the end of the range, by five minutes. One that reaches several provinces counts in "
        "each of them. 0 means looked at and none.",
    )
    return _open("open_count", meaning, *where)


def _open(counted: str, meaning: Text, *where: Condition) -> Card:
    asked = of_newest(
        "doxa_incident_5m", counted, total(counted, "open"), lasts=NOW, where=where, by="province severity"
    )
    return number(
        "open_incidents",
        Words(
            title=Text(vi="Sự cố đang xảy ra", en="Open incidents"),
            meaning=meaning,
            nothing=Text(vi="Chưa có số liệu", en="No figures"),
        ),
        Ask(select=asked),
        unit="count",
    )


def silent(*where: Condition) -> Card:
    """How many probes are not heard."""
    asked = of_newest(
        "doxa_presence_5m", "silent_count", total("silent_count", "silent"), lasts=NOW, where=where, by="site"
    )
    return number(
        "silent",
        Words(
            title=Text(vi="Thiết bị mất liên lạc", en="Silent probes"),
            meaning=Text(
                vi="Số thiết bị đo không liên lạc được ở cuối khoảng thời gian, cộng mọi trụ sở.",
                en="Probes that are not heard at the end of the range, over all offices.",
            ),
            nothing=Text(vi="Chưa có số liệu", en="No figures"),
        ),
        Ask(select=asked),
        unit="count",
    )


def reached(*where: Condition) -> Card:
    """The share of measured lines that reached their contract."""
    share = computed("{r} / {c}", "reached", r=total("reached_contract_count"), c=total("contracted_count"))
    asked = select("doxa_area_1d", share, where=(*where, CONTRACTED))
    return number(
        "reached",
        Words(
            title=Text(vi="Đạt tốc độ hợp đồng", en="Reached the contract"),
            meaning=Text(
                vi="Tỷ lệ đường truyền có trung vị trong ngày đạt tốc độ hợp đồng cả hai chiều, trong số đường truyền có hợp đồng và đo được cả hai chiều ngày đó; cộng các ngày của khoảng thời gian.",
                en="Of the lines with a contract that were measured both ways each day, the share whose medians reached it; over "
                "the days "
                "of the range.",
            ),
            nothing=Text(vi="Chưa đo được đường truyền nào", en="No line measured yet"),
        ),
        Ask(select=asked),
        unit="ratio",
    )


def offices(*where: Condition) -> Card:
    """How many offices there are."""
    asked = of_newest(
        "doxa_place", "sites_count", total("sites_count", "sites"), lasts=FACTS, where=where, by="province"
    )
    return number(
        "offices",
        Words(
            title=Text(vi="Trụ sở có điểm đo", en="Offices"),
            meaning=Text(
                vi="Số trụ sở đã đăng ký điểm đo, dù thiết bị đang trực tuyến hay không.",
                en="Offices that are registered, whether their probes are online or not.",
            ),
            nothing=Text(vi="Chưa đăng ký", en="None registered"),
        ),
        Ask(select=asked),
        unit="count",
    )

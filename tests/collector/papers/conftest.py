"""One sample of every paper, with figures that no other figure equals, so that a mix-up shows."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from doxa_collector.papers.drafts import acceptance_evidence
from doxa_collector.papers.drafts.acceptance import acceptance_record
from doxa_collector.papers.drafts.acceptance_records import AcceptanceRecord
from doxa_collector.papers.drafts.incident import AffectedOffice, HistoryEntry, IncidentReport, incident_report
from doxa_collector.papers.drafts.notice import Loss, Notice, Share, notice_paper
from doxa_collector.papers.drafts.progress import progress_report
from doxa_collector.papers.drafts.progress_records import (
    CommuneRow,
    CommuneTable,
    Evidence,
    HandRow,
    Known,
    Measured,
    Progress,
    TargetRow,
    Trend,
    TrendMonth,
)
from doxa_collector.papers.drafts.registration import P95Day, P95Way, RegisteredLine, Registration, registration_annex
from doxa_collector.papers.drafts.tslcd_month import tslcd_month
from doxa_collector.papers.drafts.tslcd_records import (
    TslcdDemand,
    TslcdIncident,
    TslcdLine,
    TslcdMonth,
    TslcdProof,
    TslcdWay,
)
from doxa_collector.papers.model import Document
from doxa_collector.papers.period import ReportPeriod
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import Ground
from doxa_collector.plans.model import Mark, Operator
from doxa_collector.verdict import VerdictOutcome

EVIDENCE = Path(__file__).parents[2] / "agent" / "acceptance" / "acceptance-1.json"
SETTINGS = PaperSettings(
    agency="SỞ KHOA HỌC VÀ CÔNG NGHỆ",
    parent="ỦY BAN NHÂN DÂN TỈNH LẠNG SƠN",
    short="SKHCN",
    place="Lạng Sơn",
    signer=("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"),
    recipients=("Ủy ban nhân dân tỉnh (để b/c)", "Các xã, phường", "Lưu: VT, HTS"),
)
AT = datetime(2026, 11, 24, 0, 58, tzinfo=UTC)
NOVEMBER = ReportPeriod(first=date(2026, 11, 1), last=date(2026, 11, 30))
TENANTS = ("Đồng Đăng", "Kỳ Lừa", "Tam Thanh", "Lương Văn Tri", "Hữu Lũng", "Bắc Sơn", "Thất Khê", "Đình Lập")
PASS, FAIL, LIMITED, OPEN = (
    VerdictOutcome.PASS,
    VerdictOutcome.FAIL,
    VerdictOutcome.PROBE_LIMITED,
    VerdictOutcome.INSUFFICIENT,
)


def progress(communes: int = 8) -> Progress:
    """A report with each outcome, a rounding trap (101,96 against 102), gaps, doubtful sources."""
    source = "bài báo dẫn số liệu VNNIC tháng 9/2025"
    rows = (
        TargetRow(
            label="A1",
            title="Tốc độ tải xuống di động theo i-Speed",
            words="Tốc độ băng rộng di động (tốc độ tải xuống theo i-Speed) đạt tối thiểu 42Mbps.",
            line="A:47",
            operator=Operator.AT_LEAST,
            value=42,
            unit="Mbps",
            due=date(2025, 12, 31),
            baseline=Known(value=34.41, unit="Mbps", when="Quý II/2023"),
            ispeed=True,
            published=Known(value=83.48, unit="Mbps", when="9/2025", statistic="trung vị", mark=Mark.S, source=source),
            outcome=OPEN,
            samples=0,
            needed=300,
            explanation="Chưa đủ dữ liệu (chỉ tiêu ≥ 42 Mbps) – chưa có mẫu đo nào trong kỳ",
            notes=("chưa có mẫu đo nào trong kỳ", "đã quá hạn của chỉ tiêu"),
        ),
        TargetRow(
            label="A2",
            title="Tốc độ tải xuống cố định theo i-Speed",
            words="Tốc độ băng rộng cố định (tốc độ tải xuống theo i-Speed) đạt tối thiểu 102Mbps.",
            line="A:57",
            operator=Operator.AT_LEAST,
            value=102,
            unit="Mbps",
            due=date(2025, 12, 31),
            baseline=Known(value=85.07, unit="Mbps", when="Quý II/2023"),
            ispeed=True,
            published=Known(value=272.44, unit="Mbps", when="9/2025", statistic="trung vị", mark=Mark.S, source=source),
            measured=Measured(
                value=101.96, unit="Mbps", statistic="trung vị", layer="tầng IP", lower=101.72, upper=102.23
            ),
            outcome=FAIL,
            samples=1312,
            needed=300,
            explanation="Không đạt: đo tại trụ sở, trung vị 101,96 Mbps (tầng IP, n = 1312) so với ≥ 102 Mbps",
            notes=("cận tin cậy 95 % còn chứa mức chỉ tiêu, kết quả có thể đổi khi thêm mẫu",),
        ),
        TargetRow(
            label="B3",
            title="Trụ sở cấp xã có kết nối TSLCD từ 100 Mbps",
            words="100% trụ sở UBND cấp xã có kết nối mạng Truyền số liệu chuyên dùng với tốc độ tối thiểu là 100Mbps",
            line="B:30",
            operator=Operator.EQUAL,
            value=100,
            unit="%",
            measured=Measured(value=86.11, unit="%", statistic="31/36 trụ sở"),
            outcome=FAIL,
            samples=36,
            counted="trụ sở",
            notes=("5 trụ sở dưới mức yêu cầu",),
        ),
        TargetRow(
            label="B1",
            title="Tốc độ tải xuống di động trung bình",
            demand="thuộc nhóm 5 tỉnh, thành phố cao nhất cả nước",
            outcome=OPEN,
            counted="tỉnh",
            notes=("cần số liệu công bố của tất cả các tỉnh",),
        ),
        TargetRow(
            label="C2",
            title="Tốc độ tải xuống cố định theo i-Speed",
            operator=Operator.AT_LEAST,
            operator_mark=Mark.I,
            value=91,
            unit="Mb/s",
            ispeed=True,
            measured=Measured(value=73.25, unit="Mb/s", statistic="trung vị", layer="tầng ứng dụng"),
            outcome=LIMITED,
            samples=412,
            notes=("các mẫu dưới chỉ tiêu do thiết bị đo giới hạn, không kết luận được về đường truyền",),
        ),
    )
    hand = (
        HandRow(
            label="A-2",
            title="Hộ gia đình có cáp quang",
            operator=Operator.AT_LEAST,
            value=75,
            unit="%",
            baseline=Known(value=67.75, unit="%", when="2023"),
            entered=Known(value=79.35, unit="%", when="10/2026", source="Báo cáo số 12/BC-VHXH"),
            entered_by="Nguyễn Văn A",
            outcome=PASS,
        ),
        HandRow(label="A-5", title="Thôn có FTTH", operator=Operator.AT_LEAST, value=95, unit="%", outcome=OPEN),
    )
    table = CommuneTable(
        label="A2",
        title="Tốc độ tải xuống cố định",
        operator=Operator.AT_LEAST,
        value=102,
        rows=tuple(commune(at) for at in range(communes)),
    )
    months = tuple(TrendMonth(label=f"{m:02d}/2026", value=None) if m == 4 else _month(m) for m in range(1, 12))
    return Progress(
        plan_title="Kế hoạch Phát triển hạ tầng số trên địa bàn xã Hồng Phong giai đoạn 2023 - 2025",
        place="xã Đồng Đăng, tỉnh Lạng Sơn",
        period=NOVEMBER,
        made_on=date(2026, 12, 1),
        rows=rows,
        hand=hand,
        communes=(table,),
        trends=(
            Trend(
                label="A2", title="Tải xuống cố định", unit="Mbps", months=months, target=102, target_words="≥ 102 Mbps"
            ),
        ),
        grounds=(
            Ground(words="Kế hoạch Phát triển hạ tầng số trên địa bàn xã Hồng Phong giai đoạn 2023 - 2025"),
            Ground(words="Quyết định số 36/QĐ-TTg năm 2024", mark=Mark.S, source="bản trích trên mạng"),
        ),
        offices=36,
        offices_with_probe=33,
        evidence=Evidence(
            first="px-1/1/1",
            last="px-1/1/99812",
            sha256="0123456789abcdef" * 4,
            methods=("speed librespeed/1",),
            plan_version="1",
        ),
    )


def commune(at: int) -> CommuneRow:
    """The row of one commune; every fifth has no figure."""
    measured = (
        None if at % 5 == 4 else Measured(value=90.13 + 1.37 * at, unit="Mbps", statistic="trung vị", layer="tầng IP")
    )
    outcome = OPEN if measured is None else PASS if measured.value >= 102 else FAIL
    return CommuneRow(
        code=f"{6100 + at:05d}",
        name=f"Xã {TENANTS[at % len(TENANTS)]}",
        link="VNPT, cố định",
        published=Known(value=120.5 + at, unit="Mbps", when="9/2026", statistic="trung vị") if at % 3 else None,
        measured=measured,
        samples=0 if measured is None else 301 + at,
        needed=300,
        outcome=outcome,
    )


def _month(month: int) -> TrendMonth:
    value = 88.3 + 1.4 * month
    return TrendMonth(label=f"{month:02d}/2026", value=value, lower=value - 2.1, upper=value + 1.9)


def acceptance(*, of: Path = EVIDENCE) -> AcceptanceRecord:
    """The golden evidence of the agent's own tests."""
    return AcceptanceRecord(
        run=acceptance_evidence.read(of.read_bytes(), str(of.name)),
        office="Trụ sở UBND xã Đồng Đăng",
        provider="VNPT Lạng Sơn",
        contract="HĐ 245/2026",
        grounds=(Ground(words="Hợp đồng số 245/2026 giữa hai bên"),),
    )


def month(lines: int = 3) -> TslcdMonth:
    """Lines with figures, one without any."""
    found = [
        TslcdLine(
            code=f"{6180 + at:05d}",
            place=f"Xã {TENANTS[at % len(TENANTS)]}",
            link="tslcd",
            provider="VNPT",
            down_mbps=100.0,
            up_mbps=100.0,
            availability_ratio=0.9987 - at / 1000,
            availability_from="phép đo latency trên đường: 43.180 lần, 12 lần không có trả lời, cách nhau 60 giây",
            unknown_s=7200.0 + 1800 * at,
            outages=at,
            down_s=3723.0 * at,
            rtt_p50_ms=4.21 + at,
            rtt_p95_ms=9.87 + at,
            loss_ratio=0.0012 + at / 10000,
            pdv_p95_ms=2.35 + at,
            ways=(tslcd_way("download", 0.512 + at / 5, at), tslcd_way("upload", 0.203 + at / 50, at)),
            weeks_met=30 - at,
            weeks_above=at,
            p95_outcome=FAIL if 0.512 + at / 5 > 0.9 else PASS,
            demand=TslcdDemand(
                label="B3", title="Kế hoạch", mbps=100.0, outcome=PASS, value_mbps=96.5 + at, samples=41
            ),
            incidents=(
                TslcdIncident(number=70 + at, cause="mất điện", began=AT, ended=AT + timedelta(minutes=17 * at)),
            ),
            proof=TslcdProof(n=8640 - at, first=100 + at, last=90000 + at, sha256="0123456789abcdef" * 4),
        )
        for at in range(lines)
    ]
    empty = TslcdLine(
        code="06299",
        place="Xã Bình Gia",
        link="tslcd",
        reasons=("chưa có mẫu lưu lượng",),
        notes=("thiết bị đầu cuối chưa cho đọc SNMP",),
    )
    return TslcdMonth(area="tỉnh Lạng Sơn", period=NOVEMBER, made_on=date(2026, 12, 2), lines=(*found, empty))


def tslcd_way(direction: str, base: float, at: int) -> TslcdWay:
    """One direction, a day of which is missing."""
    days = tuple(
        P95Day(
            day=date(2026, 11, 1 + n), samples=0 if n == 9 else 288 - n % 3, expected=288, capacity_mbps=100.0,
            p95_mbps=None if n == 9 else 100 * base + n / 7, ratio=None if n == 9 else base + n / 700,
        )
        for n in range(30)
    )  # fmt: skip
    return TslcdWay(
        direction=direction, samples=8640 - at, expected=8640, p95_mbps=100 * base, p95_ratio=base, peak_ratio=base + 0.004,
        peak_first=date(2026, 11, 9), peak_last=date(2026, 11, 15), days=days,
    )  # fmt: skip


def registration() -> Registration:
    """Two lines: one above the limit with its week, one without figures."""
    ways = tuple(
        P95Way(
            direction=name,
            outcome=outcome,
            ratio=base,
            sentence=f"{'Không đạt' if outcome is FAIL else 'Đạt'} ({words}): bách phân vị 95 của 7 ngày",
            days=tuple(
                P95Day(
                    day=date(2026, 11, 9) + timedelta(days=at),
                    samples=288 - 3 * at,
                    expected=288,
                    p95_mbps=None if at == 6 else 100 * base + at / 7,
                    capacity_mbps=100.0,
                    ratio=None if at == 6 else base + at / 700,
                )
                for at in range(7)
            ),
        )
        for name, words, base, outcome in (("download", "tải xuống", 0.9312, FAIL), ("upload", "tải lên", 0.4125, PASS))
    )
    return Registration(
        area="tỉnh Lạng Sơn",
        year=2027,
        made_on=date(2026, 12, 20),
        lines=(
            RegisteredLine(
                code="06184",
                place="Xã Đồng Đăng",
                link="tslcd-1",
                provider="VNPT",
                channels=1,
                have_mbps=100.0,
                want_mbps=200.0,
                ways=ways,
            ),
            RegisteredLine(code="06187", place="Phường Kỳ Lừa", link="tslcd-1", have_mbps=100.0, want_mbps=110.0),
        ),
    )


def incident(offices: int = 12) -> IncidentReport:
    """A power failure over two provinces."""
    began = datetime(2026, 11, 24, 0, 58, tzinfo=UTC)
    hit = tuple(
        AffectedOffice(
            code=f"{23500 + at:05d}",
            name=f"Xã {TENANTS[at % len(TENANTS)]}",
            province="Gia Lai" if at % 3 else "Đắk Lắk",
            lines="Internet, TSLCD",
            began=began + timedelta(minutes=at),
            ended=None if at == 3 else began + timedelta(minutes=61 + 7 * at),
        )
        for at in range(offices)
    )
    return IncidentReport(
        number=118,
        headline="62/301 xã, phường mất kết nối do mất điện (Gia Lai 41/135, Đắk Lắk 21/166), từ 7h58 ngày 24/11/2026",
        cause="mất điện",
        inferred=True,
        severity="nghiêm trọng",
        state="đã khôi phục",
        area="Gia Lai, Đắk Lắk",
        provider="nhiều nhà mạng",
        root="BRAS-PLKU-02",
        began=began,
        detected=began + timedelta(minutes=4),
        acknowledged=began + timedelta(minutes=11),
        resolved=began + timedelta(minutes=185),
        watched=301,
        offices=hit,
        why=("58 điểm đo báo mất nguồn trước khi im lặng", "các đường của cả hai nhà mạng cùng mất từ 10.20.30.40"),
        history=(
            HistoryEntry(at=began + timedelta(minutes=5), text="Tự động mở sự cố"),
            HistoryEntry(at=began + timedelta(minutes=11), text="đã tiếp nhận", actor="trực ban"),
        ),
        made_on=date(2026, 11, 25),
    )


def notice() -> Notice:
    """The example of the field."""
    shares = (Share(name="Gia Lai", lost=16, watched=135), Share(name="Đắk Lắk", lost=46, watched=166))
    return Notice(
        at=datetime(2026, 11, 24, 1, 0, tzinfo=UTC),
        losses=(
            Loss(cause="mất điện", shares=shares),
            Loss(cause="", shares=(Share(name="Lạng Sơn", lost=2, watched=65),)),
        ),
    )


MAKERS: dict[str, Callable[[PaperSettings], Document]] = {
    "progress": lambda settings: progress_report(progress(), settings),
    "acceptance": lambda settings: acceptance_record(acceptance(), settings),
    "tslcd_month": lambda settings: tslcd_month(month(), settings),
    "registration": lambda settings: registration_annex(registration(), settings),
    "incident": lambda settings: incident_report(incident(), settings),
    "notice": lambda settings: notice_paper(notice(), settings),
}


@pytest.fixture(params=sorted(MAKERS), scope="session")
def paper(request: pytest.FixtureRequest) -> Document:
    """Each paper in turn."""
    return MAKERS[request.param](SETTINGS)

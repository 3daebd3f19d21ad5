"""Five reports from one ledger: every row that the five plans set stands in them, with its own words, and no other.

The rows are typed from the documents, letter by letter, and not read from the plan files: what the files lose, these find.
The month is June 2025, the last in which all five places of the documents stood: xã Hồng Phong, tỉnh Bình Dương, thị xã Mỹ
Hào, and 63 provinces.
"""

import csv
import io
import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.collector.assess.conftest import Books
from tests.collector.papers.reading import pdf_text, sheets, squeezed
from tests.collector.report.conftest import PLANS, configured, say

from doxa_collector.assess import Settings, run
from doxa_collector.figures.cli import main as figures
from doxa_collector.figures.template import HEADER
from doxa_collector.ledger.engine import open_ledger
from doxa_collector.papers.parts import titled
from doxa_collector.places.gazetteer import load
from doxa_collector.places.model import Level
from doxa_collector.plans import load_plans
from doxa_collector.plans.model import Kind

JUNE = "2025-06"
OFFICES = {"06205": "20", "25747": "74", "12103": "33", "18073": "42", "03388": "12"}
"""A commune of each plan's place, and its province then."""

Row = tuple[str, str | None, float | None, str | None, str, str, float | None]
WANTED: dict[str, tuple[Row, ...]] = {
    # label, operator, value, unit (Mb/s is Mbps; the words keep it), words, line, baseline
    "a-hong-phong": (
        ("A1", ">=", 42, "Mbps", "Tốc độ băng rộng di động (tốc độ tải xuống theo i-Speed) đạt tối thiểu 42Mbps.", "A:47", 34.41),
        ("A2", ">=", 102, "Mbps", "Tốc độ băng rộng cố định (tốc độ tải xuống theo i-Speed) đạt tối thiểu 102Mbps.", "A:57", 85.07),
        ("tslcd", None, None, None, "Triển khai mạng truyền số liệu chuyên dùng trở thành hạ tầng truyền dẫn căn bản thống nhất, ổn định, an toàn, thông suốt, kết nối từ cấp tỉnh đến cấp xã, kết nối các hệ thống thông tin, nền tảng, ứng dụng phục vụ Chính quyền số, kinh tế số, xã hội số của xã.", "A:117", None),
        ("node-monitoring", None, None, None, "có chức năng về giám sát mạng lưới đến từng nút mạng", "A:23", None),
        ("mobile-subscribers", ">=", 90, "trên 100 dân", "Số thuê bao băng rộng di động/100 dân đạt 90%.", "A:39", 80.69),
        ("smartphone-subscribers", ">=", 90, "%", "Tỷ lệ thuê bao sử dụng điện thoại thông minh (SMP)/tổng thuê bao điện thoại di động đạt 90%.", "A:41", 80.2),
        ("adult-smartphones", ">=", 90, "%", "Tỷ lệ dân số trưởng thành có điện thoại thông minh đạt 90%.", "A:45", 70),
        ("hamlets-mobile", ">=", 98, "%", "Phấn đấu tỷ lệ thôn phủ sóng băng rộng di động đạt 98%.", "A:49", 92),
        ("fixed-subscribers", ">=", 18, "trên 100 dân", "Số thuê bao băng rộng cố định/100 dân đạt 18%.", "A:53", 17.38),
        ("households-fixed", ">=", 75, "%", "Tỷ lệ hộ gia đình có băng rộng cố định đạt 75%.", "A:55", 67.75),
        ("hamlets-ftth", ">=", 95, "%", "Tỷ lệ thôn phủ mạng băng rộng cố định (cáp quang FTTH) đạt 95%.", "A:59", 87),
        ("shared-bts", None, None, None, "Tỷ lệ dùng chung trạm BTS là 16%", "A:85", 16),
        ("platforms-state", "=", 100, "%", "Phấn đấu 100% cơ quan, 70% doanh nghiệp sử dụng nền tảng số phục vụ chuyển đổi số.", "A:102", None),
        ("platforms-firms", ">=", 70, "%", "Phấn đấu 100% cơ quan, 70% doanh nghiệp sử dụng nền tảng số phục vụ chuyển đổi số.", "A:102", None),
        ("cloud-state", "=", 100, "%", "Phấn đấu 100% cơ quan dùng hệ sinh thái điện toán đám mây phục vụ chính quyền số.", "A:63", None),
        ("cloud-firms", ">=", 70, "%", "Phấn đấu 70% doanh nghiệp trên địa bàn xã sử dụng dịch vụ điện toán đám mây do doanh nghiệp trong nước cung cấp.", "A:65", None),
    ),
    "b-binh-duong": (
        ("B1", "rank<=", 5, "", "100% khu phố, ấp trên địa bàn tỉnh được cung cấp dịch vụ băng rộng di động với tốc độ tải xuống trung bình thuộc nhóm 5 tỉnh, thành phố cao nhất cả nước.", "B:25", None),
        ("B2", "rank<=", 5, "", "100% khu phố, ấp trên địa bàn tỉnh được cung cấp dịch vụ băng rộng cố định cáp quang với tốc độ tải xuống trung bình thuộc nhóm 5 tỉnh, thành phố cao nhất cả nước.", "B:26", None),
        ("B3", "=", 100, "%", "100% trụ sở UBND cấp xã có kết nối mạng Truyền số liệu chuyên dùng với tốc độ tối thiểu là 100Mbps.", "B:30", None),
        ("ipv6", None, None, None, "Chuyển đổi hệ thống thông tin của tỉnh sang sử dụng địa chỉ giao thức Internet thế hệ mới (IPv6).", "B:54", None),
        ("shared-bts", ">=", 30, "%", "Tối thiểu 30% cột ăng ten phục vụ phát sóng viễn thông di động được dùng chung (ít nhất là 2 nhà mạng).", "B:27", None),
        ("shared-ducts", "=", 100, "%", "100% hạ tầng kỹ thuật ngầm (phục vụ cáp viễn thông) được đầu tư dùng chung.", "B:28", None),
        ("shared-poles", "=", 100, "%", "100% cột điện được dùng chung (vừa treo cáp điện, vừa treo cáp viễn thông, trừ các tuyến đường, khu vực đã thực hiện hạ ngầm cáp viễn thông).", "B:29", None),
        ("households-fixed", ">", 90, "%", "Trên 90% hộ gia đình có kết nối Internet băng rộng cáp quang.", "B:32", None),
        ("internet-users", ">", 95, "%", "Trên 95% dân số có sử dụng Internet.", "B:33", None),
        ("adult-smartphones", ">", 95, "%", "Trên 95% dân số ở độ tuổi trưởng thành có điện thoại thông minh.", "B:34", None),
        ("smart-device-households", "=", 100, "%", "100% hộ gia đình có ít nhất 01 thiết bị thông minh (điện thoại thông minh, máy tính bảng, máy tính).", "B:35", None),
        ("cloud-state", "=", 100, "%", "Triển khai công nghệ điện toán đám mây cho Trung tâm dữ liệu tỉnh, đáp ứng 100% nhu cầu của các cơ quan trong tỉnh.", "B:38", None),
        ("cloud-firms", ">=", 70, "%", "70% doanh nghiệp trên địa bàn tỉnh sử dụng dịch vụ điện toán đám mây do doanh nghiệp trong nước cung cấp.", "B:39", None),
        ("platforms-state", "=", 100, "%", "100% cơ quan, tổ chức nhà nước và 70% doanh nghiệp sử dụng nền tảng số phục vụ chuyển đổi số;", "B:45", None),
        ("platforms-firms", ">=", 70, "%", "100% cơ quan, tổ chức nhà nước và 70% doanh nghiệp sử dụng nền tảng số phục vụ chuyển đổi số;", "B:45", None),
    ),
    "c-my-hao": (
        ("C1", ">=", 36, "Mbps", "Tốc độ băng rộng di động (tốc độ tải xuống theo i-Speed): 36Mb/s.", "C:39", None),
        ("C2", ">=", 91, "Mbps", "Tốc độ băng rộng cố định (tốc độ tải xuống theo i-Speed): 91Mb/s.", "C:48", None),
        ("ipv6", None, None, None, "Chuyển đổi mạng lưới, hệ thống thông tin sang sử dụng các địa chỉ giao thức Internet thế hệ mới (Ipv6);", "C:74", None),
        ("tslcd", None, None, None, "Phát triển mạng truyền số liệu chuyên dùng trở thành hạ tầng truyền dẫn căn bản thống nhất, ổn định, an toàn, thông suốt, kết nối từ cấp tỉnh đến cấp xã, kết nối các hệ thống thông tin, nền tảng, ứng dụng phục vụ chính quyền số, kinh tế số, xã hội số.", "C:80", None),
        ("mobile-subscribers", ">=", 90, "trên 100 dân", "Số thuê bao băng rộng di động/100 dân: 90%", "C:34", None),
        ("smartphone-subscribers", ">=", 92, "%", "Tỷ lệ thuê bao sử dụng điện thoại thông minh /tổng thuê bao điện thoại di động: 92%", "C:36", None),
        ("adult-smartphones", ">=", 92, "%", "Tỷ lệ dân số trưởng thành có điện thoại thông minh: 92%", "C:38", None),
        ("hamlets-mobile", "=", 100, "%", "Tỷ lệ thôn được phủ sóng di động băng rộng: 100%.", "C:41", None),
        ("shared-bts", ">=", 25, "%", "Tỷ lệ dùng chung vị trí BTS: 25%.", "C:42", None),
        ("fixed-subscribers", ">=", 22, "trên 100 dân", "Số thuê bao băng rộng cố định/100 dân: 22", "C:46", None),
        ("households-fixed", ">=", 97, "%", "Tỷ lệ hộ gia đình có truy nhập Internet băng rộng và cáp quang: 97%.", "C:47", None),
        ("hamlets-ftth", "=", 100, "%", "Tỷ lệ thôn được phủ băng rộng cố định (cáp quang FTTH): 100%.", "C:49", None),
        ("platforms-state", ">=", 70, "%", "70% cơ quan Nhà nước sử dụng nền tảng số có tính chất hạ tầng;", "C:63", None),
        ("platforms-firms", ">=", 50, "%", "50% doanh nghiệp sử dụng nền tảng số có tính chất hạ tầng.", "C:64", None),
    ),
    "d-ha-tinh": (
        ("D1", ">=", 71, "Mbps", "Tốc độ băng rộng di động (tốc độ tải xuống theo i-Speed) đạt 71 Mb/s.", "D:40", None),
        ("D2", ">=", 150, "Mbps", "Tốc độ băng rộng cố định (tốc độ tải xuống theo i-Speed) đạt150 Mb/s.", "D:46", None),
        ("D3", "=", 100, "%", "Tỷ lệ UBND cấp xã kết nối mạng Truyền số liệu chuyên dùng đạt 100%.", "D:50", None),
        ("D4", "=", 100, "%", "Hạ tầng mạng truy cập băng rộng cố định được đầu tư, nâng cấp bảo đảm 100% người sử dụng truy nhập với tốc độ trên 1Gb/s.", "D:59", None),
        ("ipv6", None, None, None, "Chuyển đổi toàn bộ mạng lưới, hệ thống thông tin, ứng dụng công nghệ thông tin sang ứng dụng địa chỉ giao thức Internet thế hệ mới (Ipv6).", "D:162", None),
        ("tslcd", None, None, None, "Duy trì và đảm bảo kết nối thông suốt mạng truyền số liệu chuyên dùng 04 cấp từ Trung ương đến xã; sử dụng đồng bộ, tập trung các dịch vụ cung cấp trên mạng truyền số liệu chuyên dùng.", "D:167", None),
        ("mobile-subscribers", ">=", 95.2, "trên 100 dân", "Số thuê bao băng rộng di động đạt 95,2 thuê bao/100 dân.", "D:37", None),
        ("smartphone-subscribers", ">=", 95, "%", "Tỷ lệ thuê bao sử dụng điện thoại thông minh/tổng thuê bao điện thoại di động đạt 95 %.", "D:38", None),
        ("adult-smartphones", ">", 85, "%", "Tỷ lệ dân số trưởng thành có điện thoại thông minh đạt trên 85%.", "D:39", None),
        ("adult-smartphones-2030", ">", 95, "%", "Tỷ lệ dân số trưởng thành có điện thoại thông minh đạt trên 95%.", "D:58", None),
        ("hamlets-mobile", ">=", 99.85, "%", "Tỷ lệ thôn, bản được phủ sóng di động băng rộng đạt 99,85%.", "D:41", None),
        ("shared-bts", ">=", 30, "%", "Tỷ lệ dùng chung vị trí trạm thu phát sóng thông tin di động BTS đạt 30%.", "D:42", None),
        ("households-fixed", ">=", 80, "%", "Tỷ lệ phần trăm hộ gia đình có truy nhập Internet băng rộng cáp quang đạt 80%.", "D:45", None),
        ("hamlets-ftth", ">=", 93, "%", "Tỷ lệ thôn, bản được phủ băng rộng cố định (cáp quang FTTH) đạt 93%.", "D:47", None),
        ("shared-poles", ">=", 80, "%", "Tỷ lệ dùng chung cột treo cáp đạt 80%.", "D:48", None),
        ("shared-ducts", ">=", 70, "%", "Tỷ lệ dùng chung cống bể cáp đạt 70%.", "D:49", None),
        ("cloud-systems", ">", 50, "%", "Tỷ lệ hệ thống thông tin dùng chung cấp tỉnh có sử dụng dịch vụ điện toán đám mây đạt trên 50%.", "D:52", None),
        ("cloud-systems-2030", "=", 100, "%", "100% hệ thống thông tin dùng chung cấp tỉnh có sử dụng dịch vụ điện toán đám mây đáp ứng các tiêu chuẩn quy định.", "D:63", None),
        ("cloud-state-2030", "=", 100, "%", "100% cơ quan nhà nước, doanh nghiệp nhà nước và trên 50% người dân sử dụng các dịch vụ điện toán đám mây do doanh nghiệp trong nước cung cấp.", "D:61", None),
        ("cloud-people-2030", ">", 50, "%", "100% cơ quan nhà nước, doanh nghiệp nhà nước và trên 50% người dân sử dụng các dịch vụ điện toán đám mây do doanh nghiệp trong nước cung cấp.", "D:61", None),
        ("platforms-state", "=", 100, "%", "Tỷ lệ cơ quan, tổ chức nhà nước sử dụng nền tảng số có tính chất hạ tầng đạt 100%.", "D:55", None),
        ("platforms-firms", ">=", 70, "%", "Tỷ lệ doanh nghiệp sử dụng nền tảng số có tính chất hạ tầng đạt 70%.", "D:56", None),
        ("platforms-state-2030", "=", 100, "%", "100% cơ quan, tổ chức nhà nước, 70% doanh nghiệp sử dụng nền tảng số phục vụ chuyển đổi số quốc gia.", "D:62", None),
        ("platforms-firms-2030", ">=", 70, "%", "100% cơ quan, tổ chức nhà nước, 70% doanh nghiệp sử dụng nền tảng số phục vụ chuyển đổi số quốc gia.", "D:62", None),
    ),
    "e-lai-chau": (
        ("E1", ">=", 80, "Mbps", "Tỷ lệ dân số được phủ sóng di động 4G đạt 100%, tốc độ trung bình đạt 80Mb/s.", "E:151", None),
        ("coverage-4g", "=", 100, "%", "Tỷ lệ dân số được phủ sóng di động 4G đạt 100%, tốc độ trung bình đạt 80Mb/s.", "E:151", None),
        ("E2", "=", 100, "%", "100% các tổ chức kinh tế xã hội như doanh nghiệp, cơ sở sản xuất, kinh doanh, trường học, bệnh viện, công sở có kết nối Internet cáp quang tốc độ cao.", "E:155", None),
        ("ipv6", None, None, None, "Chuyển đổi toàn bộ mạng lưới, hệ thống thông tin, ứng dụng công nghệ thông tin sang ứng dụng địa chỉ giao thức Internet thế hệ mới (IPv6).", "E:225", None),
        ("tslcd", None, None, None, "Duy trì và nâng chất mạng truyền số liệu chuyên dùng của các cơ quan Đảng và Nhà nước đến cấp xã.", "E:213", None),
        ("node-monitoring", None, None, None, "có chức năng về giám sát mạng lưới đến từng nút mạng", "E:129", None),
        ("adult-smartphones", ">=", 80, "%", "80% dân số ở độ tuổi trưởng thành có điện thoại thông minh.", "E:149", None),
        ("adult-smartphones-2030", ">=", 95, "%", "95% dân số ở độ tuổi trưởng thành có điện thoại thông minh.", "E:179", None),
        ("smart-device-households", "=", 100, "%", "100% các hộ gia đình có ít nhất 1 thiết bị thông minh.", "E:141", None),
        ("households-fixed", ">=", 80, "%", "80% các hộ gia đình có Internet cáp quang.", "E:143", 41.5),
        ("households-fixed-2030", "=", 100, "%", "100% hộ gia đình được phủ mạng Internet cáp quang.", "E:177", None),
        ("hamlets-mobile", "=", 100, "%", "Hạ tầng viễn thông băng rộng (di động, cố định) phủ 100% các thôn, bản, tổ dân phố trên toàn tỉnh.", "E:137", None),
        ("hamlets-ftth", "=", 100, "%", "Hạ tầng viễn thông băng rộng (di động, cố định) phủ 100% các thôn, bản, tổ dân phố trên toàn tỉnh.", "E:137", 73),
        ("shared-bts-new", ">=", 40, "%", "Tỷ lệ trạm thu phát sóng di động (BTS) phát triển mới dùng chung hạ tầng hiện trạng đạt 40% trên tổng số trạm phát triển mới.", "E:161", None),
        ("shared-bts-new-2030", ">=", 50, "%", "Tỷ lệ trạm BTS phát triển mới dùng chung hạ tầng hiện trạng đạt 50% trên tổng số trạm phát triển mới.", "E:185, E:187", None),
        ("cloud-firms", ">=", 80, "%", "80% doanh nghiệp trên địa bàn tỉnh sử dụng dịch vụ điện toán đám mây.", "E:165", None),
        ("cloud-state", "=", 100, "%", "100% cơ quan quản lý nhà nước sử dụng dịch vụ điện toán đám mây của doanh nghiệp cung cấp dịch vụ trong nước.", "E:167", None),
    ),
}  # fmt: skip
BASELINES = {
    "a-hong-phong": {"A1": "Quý II/2023", "adult-smartphones": "năm 2021", "households-fixed": "Quý II/2023"},
    "e-lai-chau": {"households-fixed": "văn bản không ghi thời điểm", "hamlets-ftth": "văn bản không ghi thời điểm"},
}
"""Of when a baseline is."""
OUTSIDE = 7
"""The province of tỉnh Bình Dương by mobile download: behind six others."""


@dataclass(frozen=True)
class Reports:
    """What `doxa report progress` wrote, by plan."""

    files: dict[str, dict[str, bytes]]
    before: dict[str, Any]
    """Of plan B before the other provinces' figures were brought."""

    def data(self, plan: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files[plan]["json"])["data"]
        return found

    def rows(self, plan: str) -> dict[str, dict[str, Any]]:
        data = self.data(plan)
        return {row["label"]: row for row in (*data["rows"], *data["hand"])}


def measured(books: Books) -> None:
    """An office with three lines at each plan's place, and three runs a line."""
    start = datetime.fromisoformat(f"{JUNE}-10T08:00:00+07:00")
    for commune, province in OFFICES.items():
        books.place(province, level="province", province=province, name=f"Tỉnh số {province}")
        books.place(commune, province=province, name=f"Xã số {commune}")
        books.office(f"x{commune}", commune, "fixed", "mobile", "tslcd")
        for at, kind in enumerate(("fixed", "mobile", "tslcd")):
            rates = {"download_mbps": 93.25 + at, "download_ip_mbps": 96.5 + at, "upload_mbps": 41.5}
            books.runs(f"x{commune}", kind, [rates] * 3, start=start)


def entered(books: Books) -> None:
    """What people report of every indicator that has a number: the number and a little more."""
    for plan in PLANS.values():
        place = next(one for one in plan.places if one.valid_from is None)
        for target in plan.targets:
            if target.kind is Kind.MANUAL and target.value is not None and target.unit is not None:
                books.indicator(
                    target.id, target.value + 0.25, plan=plan.id, place=place.code, unit=target.unit.value,
                    as_of=f"{JUNE}-20", source=f"Báo cáo về {target.id}",
                )  # fmt: skip


def template(path: Path) -> Path:
    """The template as a Sở fills it in: both kinds of line of all 63 provinces of the month."""
    codes = ["74", *(u.code for u in load().units(Level.PROVINCE, date(2025, 6, 30)) if u.code != "74")]
    out = io.StringIO(newline="")
    lines = csv.writer(out, delimiter=";")
    lines.writerow(HEADER)
    for kind, own in (("di động", OUTSIDE), ("cố định", 3)):
        for n, code in enumerate(codes):
            place = own if n == 0 else n if n < own else n + 1
            lines.writerow([code, "", "", "06/2025", kind, "trung bình", f"{500 - place},25", "", "900", ""])
    path.write_bytes(out.getvalue().encode("utf-8-sig"))
    return path


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """The whole way: measurements, figures, indicators, one closed month, five papers."""
    folder = tmp_path_factory.mktemp("five")
    engine = open_ledger(folder / "ledger.sqlite")
    books = Books(engine)
    measured(books)
    entered(books)
    config = configured(books, folder)
    asked = ("progress", "b-binh-duong", "--period", JUNE)
    before = json.loads(next(iter(say(config, folder / "before", *asked).values())))["data"]
    bring = ["--config", str(config), "--by", "Lan", "--json"]
    assert figures(["import", "--shipped", *bring]) == 0
    assert figures(["import", str(template(folder / "mau.csv")), *bring]) == 0
    rules = Settings(min_samples=3, decide_by="estimate", final_after_days=0)
    run(engine, load_plans(), rules, datetime.fromisoformat("2025-07-01T00:00:01+07:00"))
    files = {}
    for plan in WANTED:
        form = "json,xlsx,pdf" if plan == "b-binh-duong" else "json,xlsx"
        found = say(config, folder / plan, "progress", plan, "--period", JUNE, form=form)
        files[plan] = {name.rpartition(".")[2]: content for name, content in found.items()}
    engine.dispose()
    return Reports(files, before)


def test_the_documents_have_so_many_rows() -> None:
    assert {plan: len(rows) for plan, rows in WANTED.items()} == {
        "a-hong-phong": 16, "b-binh-duong": 15, "c-my-hao": 14, "d-ha-tinh": 24, "e-lai-chau": 17,
    }  # fmt: skip


@pytest.mark.parametrize("plan", WANTED)
def test_every_row_of_the_document_stands_in_the_report_and_no_other(reports: Reports, plan: str) -> None:
    rows = reports.rows(plan)
    for label, operator, value, unit, words, line, baseline in WANTED[plan]:
        row = rows.pop(label)
        assert (row["operator"], row["value"], row["unit"] or None) == (operator, value, unit or None), label
        assert (row["baseline"] or {"value": None})["value"] == baseline, label
        if "words" in row:
            assert (row["words"], row["line"]) == (words, line), label
        else:
            assert row["title"].endswith(f"\n«{words}» ({line})"), label
        when = BASELINES.get(plan, {}).get(label)
        assert when is None or row["baseline"]["when"] == when, label
    assert not rows


@pytest.mark.parametrize("plan", WANTED)
def test_the_workbook_says_the_same_rows(reports: Reports, plan: str) -> None:
    book = sheets(reports.files[plan]["xlsx"])
    lines = [line for name, rows in book.items() if name.startswith("Chỉ tiêu") for line in rows]
    read = {squeezed(" ".join(str(cell) for cell in line if cell is not None)): line for line in lines}
    titles = {target.label: target.title.vi for target in PLANS[plan].targets}
    for label, operator, _, _, words, line, baseline in WANTED[plan]:
        (own,) = (
            cells for text, cells in read.items()
            if squeezed(f"«{words}» ({line})") in text and titled(label, titles[label]) in map(str, cells)
        )  # fmt: skip
        assert baseline is None or baseline in own, label
        if operator is not None:
            sign = {">=": "≥", ">": ">", "=": "=", "rank<=": "thứ hạng ≤ 5 trong 34"}[operator]
            assert any(str(cell).startswith(f"{sign} ") for cell in own), label


def test_what_people_entered_stands_beside_the_demand_with_its_paper(reports: Reports) -> None:
    seen = 0
    for plan in WANTED:
        for row in reports.data(plan)["hand"]:
            if row["value"] is None:
                assert row["entered"] is None
                continue
            seen += 1
            assert row["entered"]["value"] == row["value"] + 0.25
            assert (row["entered"]["source"], row["entered_by"]) == (f"Báo cáo về {row['label']}", "a person")
            assert row["outcome"] == ("fail" if row["operator"] == "=" else "pass"), row["label"]
    assert seen == 62, "counted in the documents"


def test_the_ranks_wait_for_the_other_provinces_and_are_then_decided(reports: Reports) -> None:
    waiting = {row["label"]: row for row in reports.before["rows"]}
    decided = reports.rows("b-binh-duong")
    for label, outcome, place in (("B1", "fail", OUTSIDE), ("B2", "pass", 3)):
        assert (waiting[label]["outcome"], waiting[label]["published"]) == ("insufficient", None)
        assert "Cần số liệu công bố của tất cả các tỉnh." in waiting[label]["notes"]
        assert waiting[label]["explanation"].startswith("Chưa đủ dữ liệu")
        assert (decided[label]["outcome"], decided[label]["samples"]) == (outcome, 63)
        assert f"Thứ {place} trong 63 tỉnh, thành phố có số liệu công bố." in decided[label]["notes"]
        assert decided[label]["published"]["value"] == 500.25 - place
        assert decided[label]["measured"] is None, "a rank is never measured at offices"
    assert (reports.before["provisional"], reports.data("b-binh-duong")["provisional"]) == (True, False)


def test_the_pdf_of_plan_b_says_its_demands_in_the_words_of_the_plan(reports: Reports) -> None:
    read = pdf_text(reports.files["b-binh-duong"]["pdf"])
    for _, _, _, _, words, line, _ in WANTED["b-binh-duong"]:
        assert squeezed(f"«{words}» ({line})") in read
    assert squeezed("Thứ 7 trong 63 tỉnh, thành phố có số liệu công bố") in read

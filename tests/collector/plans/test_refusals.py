"""A bad plan file is refused with exactly this sentence: the file, the key, what is wrong and how to mend it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from doxa_collector.plans import read_plan
from doxa_core.errors import InputError

Change = tuple[str, str]

X1 = 'operator = ">="\nvalue = 102\nunit = "Mbps"\nispeed = true'
X2_LEVEL = 'operator = ">="\nvalue = 100\nunit = "Mbps"\n[target.x2.condition.measure]'
X4 = 'operator = ">"\nvalue = 85\nunit = "%"'

ROWS: list[tuple[str, tuple[Change, ...], str, str]] = [
    (
        "an unknown key at the top",
        (('issuer = "UBND xã X"', 'issuer = "UBND xã X"\nnotes = "x"'),),
        "notes: khóa này không tồn tại; có phải ý bạn là «note»?",
        "notes: this key does not exist; did you mean 'note'?",
    ),
    (
        "an unknown key",
        (('clause = "II.2"', 'clauze = "II.2"'),),
        "target.x1.clause: thiếu khóa bắt buộc này (có khóa gần giống «clauze»); hãy ghi một chuỗi không rỗng",
        "target.x1.clause: this required key is missing (there is a similar key 'clauze'); write a text that is not empty",
    ),
    (
        "a key that exists nowhere",
        (("ispeed = true", 'ispeed = true\ncolour = "red"'),),
        "target.x1.colour: khóa này không tồn tại; các khóa được dùng: baseline, caveats, clause, condition, due, due_mark, ispeed, kind, lines, mark, measure, note, operator, operator_mark, quoted, rank_among, title, unit, value, words",
        "target.x1.colour: this key does not exist; the keys known here: baseline, caveats, clause, condition, due, due_mark, ispeed, kind, lines, mark, measure, note, operator, operator_mark, quoted, rank_among, title, unit, value, words",
    ),
    (
        "a level without an operator",
        ((X1, 'value = 102\nunit = "Mbps"\nispeed = true'),),
        "target.x1.operator: chỉ tiêu loại level thiếu khóa này; hãy bổ sung, hoặc đổi kind",
        "target.x1.operator: a target of kind level lacks this key; add it, or change kind",
    ),
    (
        "a level without a value",
        ((X1, 'operator = ">="\nispeed = true'),),
        "target.x1.value: chỉ tiêu loại level thiếu khóa này; hãy bổ sung, hoặc đổi kind",
        "target.x1.value: a target of kind level lacks this key; add it, or change kind",
    ),
    (
        "a value without a unit",
        ((X1, 'operator = ">="\nvalue = 102\nispeed = true'),),
        "target.x1.unit: thiếu khóa này trong khi có «value»; hãy ghi cả hai hoặc bỏ cả hai",
        "target.x1.unit: this key is missing while 'value' is given; write both or neither",
    ),
    (
        "an operator that does not exist",
        ((X1, 'operator = "=>"\nvalue = 102\nunit = "Mbps"\nispeed = true'),),
        "target.x1.operator: giá trị '=>' không hợp lệ; hãy ghi một trong: >=, >, =, <=, <, rank<=",
        "target.x1.operator: the value '=>' is not valid; write one of: >=, >, =, <=, <, rank<=",
    ),
    (
        "a level that must be equal",
        ((X1, 'operator = "="\nvalue = 102\nunit = "Mbps"\nispeed = true'),),
        "target.x1.operator: một mức đo không bao giờ bằng đúng một con số; hãy ghi >=, >, <= hoặc <",
        "target.x1.operator: a measured level never equals a number exactly; write >=, >, <= or <",
    ),
    (
        "megabytes",
        ((X1, 'operator = ">="\nvalue = 102\nunit = "MB/s"\nispeed = true'),),
        "target.x1.unit: «MB/s» đếm byte, chỉ tiêu đường truyền đếm bit; hãy ghi Mbps nếu văn bản viết Mb/s; 1 MB/s = 8 Mbps",
        "target.x1.unit: 'MB/s' counts bytes, a line's target counts bits; write Mbps if the document says Mb/s; 1 MB/s = 8 Mbps",
    ),
    (
        "gigabytes",
        ((X1, 'operator = ">="\nvalue = 102\nunit = "GB/s"\nispeed = true'),),
        "target.x1.unit: «GB/s» đếm byte, chỉ tiêu đường truyền đếm bit; hãy ghi Mbps nếu văn bản viết Mb/s; 1 GB/s = 8 Gbps",
        "target.x1.unit: 'GB/s' counts bytes, a line's target counts bits; write Mbps if the document says Mb/s; 1 GB/s = 8 Gbps",
    ),
    (
        "an unknown unit",
        ((X1, 'operator = ">="\nvalue = 102\nunit = "mbps"\nispeed = true'),),
        "target.x1.unit: đơn vị «mbps» không có trong danh sách; hãy ghi một trong: Mbps, Mb/s, Mbit/s, Gbps, Gb/s, Gbit/s, ms, %, per_100_people, rank",
        "target.x1.unit: the unit 'mbps' is not known; write one of: Mbps, Mb/s, Mbit/s, Gbps, Gb/s, Gbit/s, ms, %, per_100_people, rank",
    ),
    (
        "gigabits where the words say megabits",
        ((X1, 'operator = ">="\nvalue = 102\nunit = "Gb/s"\nispeed = true'),),
        "target.x1.value: lời văn không có số 102000 Mbps (có: 102); hãy kiểm tra số, đơn vị và dấu thập phân (khóa decimal)",
        "target.x1.value: the words have no 102000 Mbps (they have: 102); check the number, the unit and the decimal sign (key decimal)",
    ),
    (
        "a number that the words do not have",
        ((X1, 'operator = ">="\nvalue = 120\nunit = "Mbps"\nispeed = true'),),
        "target.x1.value: lời văn không có số 120 Mbps (có: 102); hãy kiểm tra số, đơn vị và dấu thập phân (khóa decimal)",
        "target.x1.value: the words have no 120 Mbps (they have: 102); check the number, the unit and the decimal sign (key decimal)",
    ),
    (
        "a decimal sign of the other kind",
        (('decimal = "comma"', 'decimal = "point"'),),
        "target.x1.baseline.value: lời văn không có số 85.07 Mbps (có: 8507); hãy kiểm tra số, đơn vị và dấu thập phân (khóa decimal)",
        "target.x1.baseline.value: the words have no 85.07 Mbps (they have: 8507); check the number, the unit and the decimal sign (key decimal)",
    ),
    (
        "a target of nothing",
        ((X1, 'operator = ">="\nvalue = 0\nunit = "Mbps"\nispeed = true'),),
        "target.x1.value: một chỉ tiêu không thể bằng 0 hoặc âm; hãy ghi số của văn bản, hoặc bỏ khóa này nếu văn bản không nêu số",
        "target.x1.value: a target cannot be 0 or negative; write the document's number, or leave the key out where it has none",
    ),
    (
        "a rate held against a ratio",
        (('value = "download_mbps"\nlink_kind = "fixed"', 'value = "loss_ratio"\nlink_kind = "fixed"'),),
        "target.x1.unit: đơn vị Mbps không so được với giá trị đo «loss_ratio»; hãy sửa đơn vị hoặc measure.value",
        "target.x1.unit: the unit Mbps cannot be compared with the measured value 'loss_ratio'; mend the unit or measure.value",
    ),
    (
        "a value that has no unit",
        (('value = "download_mbps"\nlink_kind = "fixed"', 'value = "download"\nlink_kind = "fixed"'),),
        "target.x1.measure.value: «download» không phải tên giá trị đo; hãy ghi tên kết thúc bằng đơn vị, ví dụ download_mbps",
        "target.x1.measure.value: 'download' is not the name of a measured value; write a name that ends in its unit, such as download_mbps",
    ),
    (
        "i-Speed at the IP layer",
        (
            (
                'value = "download_mbps"\nlink_kind = "fixed"\nlayer = "payload"',
                'value = "download_ip_mbps"\nlink_kind = "fixed"\nlayer = "ip"',
            ),
        ),
        'target.x1.measure.layer: i-Speed đo ở tầng ứng dụng, chỉ tiêu theo i-Speed không thể đo ở tầng khác; hãy ghi layer = "payload" và value = "download_mbps"',
        'target.x1.measure.layer: i-Speed measures payload; a target by i-Speed cannot be measured at another layer; write layer = "payload" and value = "download_mbps"',
    ),
    (
        "i-Speed that the words do not say",
        ((" (tốc độ tải xuống theo i-Speed)", ""),),
        "target.x1.ispeed: lời văn không viết «theo i-Speed»; hãy ghi ispeed đúng như lời văn",
        "target.x1.ispeed: the words do not say 'theo i-Speed'; write ispeed as the words have it",
    ),
    (
        "i-Speed forgotten",
        (("ispeed = true\n", ""),),
        "target.x1.ispeed: lời văn viết «theo i-Speed»; hãy ghi ispeed đúng như lời văn",
        "target.x1.ispeed: the words say 'theo i-Speed'; write ispeed as the words have it",
    ),
    (
        "a layer that is not the value's",
        (
            (
                'value = "download_ip_mbps"\nlink_kind = "tslcd"\nlayer = "ip"',
                'value = "download_ip_mbps"\nlink_kind = "tslcd"\nlayer = "wire"',
            ),
        ),
        "target.x2.condition.measure.layer: giá trị đo «download_ip_mbps» thuộc tầng ip; hãy ghi layer đúng với tên giá trị đo",
        "target.x2.condition.measure.layer: the measured value 'download_ip_mbps' is of the layer ip; write the layer that the value's name has",
    ),
    (
        "a share above 100 %",
        (('value = 100\nunit = "%"', 'value = 101\nunit = "%"'),),
        "target.x2.value: tỷ lệ 101 % lớn hơn 100 %; hãy ghi số từ 0 đến 100",
        "target.x2.value: a share of 101 % is more than 100 %; write a number from 0 to 100",
    ),
    (
        "a share in megabits",
        (('value = 100\nunit = "%"', 'value = 100\nunit = "Mbps"'),),
        'target.x2.unit: một tỷ lệ tính bằng %, không phải Mbps; hãy ghi unit = "%"; mức phải đạt ghi trong [condition]',
        'target.x2.unit: a share is counted in %, not in Mbps; write unit = "%"; the level to meet stands in [condition]',
    ),
    (
        "a condition without its operator",
        ((X2_LEVEL, 'value = 100\nunit = "Mbps"\n[target.x2.condition.measure]'),),
        "target.x2.condition.operator: measure, operator và value của điều kiện phải đi cùng nhau; hãy ghi cả ba, hoặc bỏ cả ba nếu chỉ cần có kết nối",
        "target.x2.condition.operator: a condition's measure, operator and value go together; write all three, or none where a connection is enough",
    ),
    (
        "a condition about another line",
        (('[target.x2.condition]\nlink_kind = "tslcd"', '[target.x2.condition]\nlink_kind = "fixed"'),),
        "target.x2.condition.link_kind: điều kiện nói về đường fixed nhưng đo đường tslcd; hãy ghi cùng một loại đường truyền",
        "target.x2.condition.link_kind: the condition is about a fixed link but measures a tslcd link; write the same kind of link in both",
    ),
    (
        "a share without a condition",
        (
            (
                '[target.x2.condition]\nlink_kind = "tslcd"\noperator = ">="\nvalue = 100\nunit = "Mbps"\n[target.x2.condition.measure]\nmeter = "speed"\nvalue = "download_ip_mbps"\nlink_kind = "tslcd"\nlayer = "ip"\n',
                "",
            ),
        ),
        "target.x2.condition: chỉ tiêu loại share thiếu khóa này; hãy bổ sung, hoặc đổi kind",
        "target.x2.condition: a target of kind share lacks this key; add it, or change kind",
    ),
    (
        "a rank among nobody",
        (("rank_among = 34\n", ""),),
        "target.x3.rank_among: chỉ tiêu loại rank thiếu khóa này; hãy bổ sung, hoặc đổi kind",
        "target.x3.rank_among: a target of kind rank lacks this key; add it, or change kind",
    ),
    (
        "a rank that is a level",
        (('kind = "rank"', 'kind = "manual"'),),
        "target.x3.measure: chỉ tiêu loại manual không dùng khóa này; hãy bỏ khóa này, hoặc đổi kind",
        "target.x3.measure: a target of kind manual has no use for this key; leave it out, or change kind",
    ),
    (
        "a manual target that measures",
        ((X4, 'operator = ">"\nvalue = 85\nunit = "%"\nrank_among = 34'),),
        "target.x4.rank_among: chỉ tiêu loại manual không dùng khóa này; hãy bỏ khóa này, hoặc đổi kind",
        "target.x4.rank_among: a target of kind manual has no use for this key; leave it out, or change kind",
    ),
    (
        "a due date before the plan",
        (('clause = "II.2"\ndue = 2025-12-31', 'clause = "II.2"\ndue = 2022-12-31'),),
        "target.x1.due: hạn 2022-12-31 nằm ngoài thời gian của kế hoạch (2023-01-01 … 2025-12-31); hãy sửa due, hoặc valid_from / valid_to",
        "target.x1.due: the due date 2022-12-31 lies outside the plan's validity (2023-01-01 … 2025-12-31); mend due, or valid_from / valid_to",
    ),
    (
        "a number without a due date",
        (('clause = "II.2"\ndue = 2025-12-31\n', 'clause = "II.2"\n'),),
        "target.x1.due: một con số phải đạt cần có hạn; hãy ghi due = 2025-12-31 nếu văn bản viết «đến năm 2025»",
        "target.x1.due: a number to reach needs a due date; write due = 2025-12-31 where the document says 'to the year 2025'",
    ),
    (
        "a plan that ends before it begins",
        (("valid_to = 2025-12-31", "valid_to = 2022-12-31"),),
        "valid_to: kế hoạch kết thúc 2022-12-31 trước khi bắt đầu 2023-01-01; hãy sửa valid_from hoặc valid_to",
        "valid_to: the plan ends on 2022-12-31, before it begins on 2023-01-01; mend valid_from or valid_to",
    ),
    (
        "a date in quotes",
        (("valid_to = 2025-12-31", 'valid_to = "2025-12-31"'),),
        "valid_to: giá trị '2025-12-31' không hợp lệ; hãy ghi ngày dạng 2025-12-31, không có dấu nháy",
        "valid_to: the value '2025-12-31' is not valid; write a date such as 2025-12-31, without quotes",
    ),
    (
        "a baseline in another unit",
        (('value = 85.07\nunit = "Mbps"', 'value = 85.07\nunit = "%"'),),
        "target.x1.baseline.unit: hiện trạng tính bằng % nhưng chỉ tiêu tính bằng Mbps; hãy đưa về cùng một đơn vị",
        "target.x1.baseline.unit: the baseline is in % but the target in Mbps; bring both to one unit",
    ),
    (
        "a baseline that its words do not have",
        (("value = 85.07", "value = 85.7"),),
        "target.x1.baseline.value: lời văn không có số 85.7 Mbps (có: 85.07); hãy kiểm tra số, đơn vị và dấu thập phân (khóa decimal)",
        "target.x1.baseline.value: the words have no 85.7 Mbps (they have: 85.07); check the number, the unit and the decimal sign (key decimal)",
    ),
    (
        "an operator that the words do not state",
        (("đạt tối thiểu 102Mbps", "đạt 102Mbps"),),
        'target.x1.operator_mark: lời văn không tự nói «≥»; hãy ghi operator_mark = "I" (suy luận)',
        "target.x1.operator_mark: the words themselves do not say '≥'; write operator_mark = \"I\" (our inference)",
    ),
    (
        "an operator weaker than the words",
        ((X4, 'operator = ">="\noperator_mark = "I"\nvalue = 85\nunit = "%"'),),
        'target.x4.operator: lời văn viết «trên 85»; hãy ghi operator = ">"',
        "target.x4.operator: the words say 'trên 85' (more than); write operator = \">\"",
    ),
    (
        "a line of another plan",
        (('lines = ["X:57"]', 'lines = ["A:57"]'),),
        'target.x1.lines: «A:57» không phải số dòng của kế hoạch X; hãy ghi dạng ["X:47"]',
        "target.x1.lines: 'A:57' is not a line number of plan X; write it as [\"X:47\"]",
    ),
    (
        "a quotation without a line",
        (('lines = ["X:57"]', "lines = []"),),
        'target.x1.lines: lời văn phải có số dòng; hãy ghi dạng ["X:47"]',
        'target.x1.lines: a quotation needs its line number; write it as ["X:47"]',
    ),
    (
        "an unknown caveat",
        (("ispeed = true", 'ispeed = true\ncaveats = ["sunny"]'),),
        "target.x1.caveats: không có lưu ý «sunny»; hãy chọn trong: offices_only, medium_not_measured, users_by_offices",
        "target.x1.caveats: there is no caveat 'sunny'; choose from: offices_only, medium_not_measured, users_by_offices",
    ),
    (
        "a commune code that lost its zero",
        (('code = "06184"', 'code = "618"'),),
        "place[1].code: mã «618» không phải mã cấp commune (5 chữ số); hãy giữ các số 0 ở đầu, trong dấu nháy",
        "place[1].code: the code '618' is not a commune code (5 digits); keep leading zeros, in quotes",
    ),
    (
        "a code that lost its zero",
        (('code = "06184"', 'code = "6184"'),),
        "place[1].code: giá trị '6184' không hợp lệ; hãy ghi mã 2 chữ số (tỉnh), 3 (huyện) hoặc 5 (xã) trong dấu nháy, giữ số 0 ở đầu, ví dụ \"06184\"",
        "place[1].code: the value '6184' is not valid; write a code of 2 digits (province), 3 (district) or 5 (commune) in quotes with leading zeros, such as \"06184\"",
    ),
    (
        "an inheritance that nobody decided",
        (('province = "20"', 'province = "20"\ninherits_from = "xã Hồng Phong"'),),
        "place[1].inherits: inherits và inherits_from phải đi cùng nhau; việc kế thừa chỉ tiêu do đơn vị sử dụng quyết định: hãy ghi cả hai",
        "place[1].inherits: inherits and inherits_from go together; whether a merged unit inherits is the customer's decision: write both",
    ),
    (
        "one code twice at one time",
        (
            (
                "[target.x1]\n",
                '[[place]]\ncode = "06184"\nname = "khác"\nlevel = "commune"\nprovince = "20"\n[target.x1]\n',
            ),
        ),
        "place: mã 06184 đứng hai lần trong cùng một thời gian; hãy tách bằng valid_from / valid_to",
        "place: the code 06184 stands twice at one time; part them by valid_from / valid_to",
    ),
    (
        "an area without communes",
        (('level = "commune"', 'level = "area"'),),
        'place[1].members: một vùng phải kể tên các đơn vị cấp xã của nó; hãy ghi members = ["25747", …]',
        'place[1].members: an area must name its communes; write members = ["25747", …]',
    ),
    (
        "a commune named twice",
        (('level = "commune"', 'level = "area"\nmembers = ["25747", "25747"]\nunits = 2'),),
        "place[1].members: 1 mã khác nhau trong 2 mã, units = 2; hãy bỏ mã trùng hoặc sửa units",
        "place[1].members: 1 different codes among 2, units = 2; remove the repeated code or mend units",
    ),
    (
        "no place at all",
        (('[[place]]\ncode = "06184"\nname = "xã Đồng Đăng"\nlevel = "commune"\nprovince = "20"\n', ""),),
        "place: kế hoạch chưa nêu địa bàn nào; hãy thêm một bảng [[place]]",
        "place: the plan names no place; add a table [[place]]",
    ),
    (
        "a target's name in capitals",
        (("[target.x4]", "[target.X4]"),),
        "target.X4: tên không hợp lệ; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
        "target.X4: the name is not valid; write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang",
    ),
    (
        "TOML that is none",
        (('id = "x-plan"', "id = "),),
        "không đúng cú pháp TOML (Invalid value (at line 1, column 6)); hãy sửa tại vị trí đó",
        "it is not valid TOML (Invalid value (at line 1, column 6)); mend it at that place",
    ),
]


@pytest.mark.parametrize(("changes", "vi", "en"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_a_bad_plan_is_refused_with_this_sentence(
    write_plan: Callable[..., Path], changes: tuple[Change, ...], vi: str, en: str
) -> None:
    path = write_plan(*changes)
    with pytest.raises(InputError) as caught:
        read_plan(path)
    assert caught.value.exit_code == 2
    assert caught.value.text.vi == f"{path}: {vi}"
    assert caught.value.text.en == f"{path}: {en}"


def test_the_plan_that_they_all_start_from_is_good(write_plan: Callable[..., Path]) -> None:
    plan = read_plan(write_plan())
    assert [target.id for target in plan.targets] == ["x1", "x2", "x3", "x4"]
    assert plan.targets[1].condition is not None
    assert plan.targets[1].condition.value == 100

"""The codes that a verdict carries, and what they say to people."""

from typing import Final

from doxa_core.language import Text

REASONS: Final[dict[str, Text]] = {
    # why there is no answer
    "too_few_samples": Text(vi="chưa đủ số mẫu tối thiểu", en="fewer samples than the minimum"),
    "too_few_days": Text(
        vi="số ngày có đo ít hơn mức tối thiểu", en="tests on fewer days than the minimum"
    ),
    "within_uncertainty": Text(
        vi="mức chỉ tiêu còn nằm giữa hai cận tin cậy, chưa phân định được đạt hay không đạt",
        en="the target still lies between the two bounds: neither pass nor fail is certain",
    ),
    "skips_decide": Text(
        vi="các lần đo bị bỏ qua đủ để đổi kết luận: tính đủ cả những giờ bị bỏ qua thì kết luận không còn chắc chắn",
        en="the skipped tests could change the answer: with the hours in which they were due it is not certain any more",
    ),
    "value_not_kept": Text(
        vi="giá trị mà chỉ tiêu nêu không được tổng hợp theo ngày, nên chưa đánh giá được",
        en="the value that the target names is not rolled up by day, so it cannot be judged",
    ),
    "no_samples": Text(vi="chưa có mẫu đo nào trong kỳ", en="no sample in this period"),
    "no_offices": Text(vi="danh mục chưa có trụ sở nào của địa bàn này", en="the registry has no office of this place"),
    "no_links": Text(vi="các trụ sở chưa khai báo đường truyền loại này", en="no link of this kind is registered"),
    "between_layers": Text(
        vi="văn bản không nêu tầng: chưa đạt ở tầng này nhưng đạt ở tầng ngoài cùng; hãy ghi tầng theo hợp đồng",
        en="the document names no layer: missed at this layer, met at the outermost one; register the contract's layer",
    ),
    "outermost_open": Text(
        vi="văn bản không nêu tầng: chưa đạt ở tầng này, còn ở tầng ngoài cùng thì chưa phân định được; hãy ghi tầng theo hợp đồng",
        en="the document names no layer: missed at this layer, undecided at the outermost one; register the contract's layer",
    ),
    "goodput_only": Text(
        vi="văn bản không nêu tầng và chỉ có số đo ở tầng ứng dụng",
        en="the document names no layer, and there are payload figures only",
    ),
    "offices_unknown": Text(vi="còn trụ sở chưa đủ dữ liệu", en="some offices have not enough evidence"),
    "offices_missing": Text(
        vi="danh mục còn thiếu trụ sở của một số đơn vị cấp xã", en="the registry lacks the offices of some communes"
    ),
    "needs_other_provinces": Text(
        vi="cần số liệu công bố của tất cả các tỉnh", en="it needs the published figures of all provinces"
    ),
    "no_own_figure": Text(
        vi="chưa có số liệu công bố của chính địa bàn này", en="this place's own published figure is missing"
    ),
    "not_entered": Text(vi="chưa nhập số liệu", en="no figure was entered"),
    "unit_differs": Text(
        vi="số liệu nhập tay khác đơn vị với chỉ tiêu", en="the entered figure has another unit than the target"
    ),
    "no_target_value": Text(vi="văn bản không đặt con số phải đạt", en="the document sets no number to reach"),
    # of the p95 rule
    "above_capacity_share": Text(vi="vượt ngưỡng dung lượng", en="above the share of the capacity"),
    "days_incomplete": Text(
        vi="có ngày chưa đủ mẫu (cần ít nhất 274/288)", en="some days have too few samples (274 of 288 are needed)"
    ),
    "missing_samples_decide": Text(
        vi="các mẫu thiếu đủ để đổi kết luận", en="the missing samples could change the answer"
    ),
    "no_seven_days": Text(
        vi="trong tháng chưa có 7 ngày liên tục nào đã hết và nằm trọn trong thời gian hợp đồng",
        en="no seven consecutive days of the month are over and within the contract's days",
    ),
    "no_capacity": Text(
        vi="danh mục chưa ghi dung lượng hợp đồng của chiều này cho mọi ngày",
        en="the registry does not give this direction's contracted rate for every day",
    ),
    "layer_not_named": Text(
        vi="hợp đồng không nêu tầng: số nêu ở tầng khung", en="the contract names no layer: figures at the frame layer"
    ),
    "layer_not_counted": Text(
        vi="thiết bị đầu cuối không đếm được ở tầng mà hợp đồng nêu",
        en="the terminal does not count at the layer that the contract names",
    ),
    # what limited it
    "probe_was_limit": Text(
        vi="các mẫu dưới chỉ tiêu do thiết bị đo giới hạn, không kết luận được về đường truyền",
        en="the samples below the target were limited by the probe and say nothing of the line",
    ),
    # about one office of a share
    "no_link": Text(vi="danh mục không có đường truyền loại này cho trụ sở", en="the registry has no such link for the office"),
    "no_probe": Text(vi="trụ sở chưa có thiết bị đo", en="the office has no probe"),
    "no_lines": Text(vi="trụ sở chưa khai báo đường truyền nào", en="no link at all is registered for the office"),
    "link_down": Text(vi="mọi lần đo gần đây đều không qua", en="no recent test came through"),
    "no_recent_evidence": Text(vi="gần đây chưa có lần đo nào qua", en="nothing came through lately"),
    "below": Text(vi="dưới mức yêu cầu", en="below the required level"),
    # what the reader must know besides
    "by_estimate": Text(
        vi="kết luận theo trị số ước lượng của bản trình diễn, chưa xét cận tin cậy",
        en="decided by the estimate alone, as in a demonstration: no bound was asked",
    ),
    "contract_layer": Text(vi="tính ở tầng mà hợp đồng nêu", en="counted at the layer that the contract names"),
    "mixed_layers": Text(
        vi="các hợp đồng nêu những tầng khác nhau, tính theo tầng của chỉ tiêu",
        en="the contracts name different layers; counted at the target's",
    ),
    "many_failed": Text(vi="hơn 10 % lần đo không thành", en="more than 10 % of the tests failed"),
    "many_skipped": Text(vi="hơn một nửa số lần đo bị bỏ qua", en="more than half of the tests were skipped"),
    "without_value": Text(
        vi="có lần đo không cho giá trị ở tầng này", en="some tests gave no value at this layer"
    ),
    "overdue": Text(vi="đã quá hạn của chỉ tiêu", en="the target's due date has passed"),
    "not_due": Text(vi="chỉ tiêu chưa đến hạn", en="the target is not due yet"),
    "entered_by_hand": Text(vi="số liệu nhập tay", en="a figure entered by hand"),
    "from_published": Text(vi="tính từ số liệu công bố đã nhập", en="from imported published figures"),
    "former_province": Text(
        vi="địa bàn không còn là một tỉnh: xếp cạnh các tỉnh hiện có như thêm một tỉnh",
        en="the area is no province any more: counted beside today's provinces as one more",
    ),
    "offices_only": Text(
        vi="đo tại trụ sở, không phải tại người dân trên địa bàn", en="measured at offices, not where the people are"
    ),
    "medium_not_measured": Text(
        vi="phép đo không phân biệt được cáp quang với loại dây khác", en="a test cannot tell fibre from another medium"
    ),
    "users_by_offices": Text(
        vi="trụ sở được lấy thay cho người sử dụng", en="offices stand for the users that the document means"
    ),
}  # fmt: skip


def reason_text(code: str) -> Text:
    """What a code says; an unknown one (from a newer version) as it stands."""
    return REASONS.get(code, Text(vi=code, en=code))


DECIDING: Final = frozenset(
    {
        "too_few_samples", "too_few_days", "within_uncertainty", "skips_decide", "no_samples", "no_offices", "no_links",
        "between_layers",
        "outermost_open", "goodput_only", "value_not_kept", "offices_unknown", "offices_missing", "needs_other_provinces",
        "no_own_figure", "not_entered", "unit_differs", "no_target_value", "probe_was_limit", "no_link", "link_down",
        "no_probe", "no_capacity", "no_seven_days", "days_incomplete", "missing_samples_decide", "layer_not_counted",
    }
)  # fmt: skip
"""The codes that say why the outcome is what it is; the others are what a reader must know besides."""

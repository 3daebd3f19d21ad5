"""The table of the latest verdicts, which several pages show for their own part of the country."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import cards, codes
from doxa_dashboards.panel import KINDS, Ask, Card, Words
from doxa_dashboards.query import Column, Condition, Select, compared, field, last, newest, select
from doxa_dashboards.tables import Col, grid

_PLACE: Final = Col(name="place", title=Text(vi="Phạm vi (mã)", en="Place (code)"), width=120)
_MEANING: Final = Col(name="title", title=Text(vi="Nội dung chỉ tiêu", en="What is demanded"), long=True)
"""The one column without a width: it takes what the others leave."""


def verdicts(*where: Condition, nothing: Text, of_places: bool = False) -> Card:
    """The latest verdict of each target; one row a place too where the condition leaves several (`of_places`)."""
    by = "plan target place kind" if of_places else "plan target kind"

    def judged(*beside: Column) -> Select:
        return newest("doxa_verdict", last("outcome_code", "outcome"), *beside, lasts=cards.PERIODS, where=where, by=by)

    told = judged(field("threshold"), field("n_count", "n"), field("title"), field("unit"))
    # A store keeps the value that a period had before it was judged anew without one: it is read only where one counts.
    valued = select(
        judged(field("value")), field("value"), where=(compared("outcome", "<", codes.UNDECIDED_FROM),), by=by
    )
    return grid(
        "verdicts",
        Words(
            title=Text(vi="Kết quả đánh giá gần nhất theo chỉ tiêu", en="Latest verdicts by target"),
            meaning=Text(
                vi="Kết luận của kỳ đánh giá gần nhất tính đến cuối khoảng thời gian. «Chưa đủ mẫu» và «thiết bị đo giới hạn» "
                "không phải là không đạt. Ngưỡng lấy từ kế hoạch đang có hiệu lực của kỳ đó.",
                en="The verdict of the latest period up to the end of the range. 'Insufficient samples' and 'probe limited' are no "
                "fail. The threshold is that of the plan in force then.",
            ),
            nothing=nothing,
        ),
        Ask(select=told),
        Ask(select=valued),
        columns=[
            Col(name="plan", title=Text(vi="Kế hoạch", en="Plan"), width=130),
            Col(name="target", title=Text(vi="Mã chỉ tiêu", en="Target (id)"), width=130),
            _MEANING,
            *([_PLACE] if of_places else []),
            Col(name="kind", title=Text(vi="Loại", en="Kind"), words=KINDS, width=150),
            Col(name="outcome", title=Text(vi="Kết quả", en="Outcome"), unit="code", codes=codes.VERDICT, width=190),
            Col(name="value", title=Text(vi="Giá trị đo", en="Measured"), unit="value", width=105),
            Col(name="threshold", title=Text(vi="Ngưỡng", en="Threshold"), unit="value", width=90),
            Col(name="unit", title=Text(vi="Đơn vị", en="Unit"), width=110),
            Col(name="n", title=Text(vi="Số mẫu", en="Samples"), unit="count", width=90),
        ],
        order="outcome",
        descending=False,
        height=7,
    )

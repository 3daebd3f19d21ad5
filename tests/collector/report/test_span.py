"""The period that a report is asked for."""

from datetime import UTC, date, datetime

import pytest

from doxa_collector.report.span import Span, SpanKind, asked_span
from doxa_core.errors import InputError
from doxa_core.moments import microseconds

NOW = microseconds(datetime(2026, 11, 21, 20, 0, tzinfo=UTC))
"""Already the 22nd in Vietnam."""


@pytest.mark.parametrize(
    ("asked", "kind", "first", "last", "name", "judged"),
    [
        (None, "month", "2026-11-01", "2026-11-30", "2026-11", "2026-11"),
        ("2026-02", "month", "2026-02-01", "2026-02-28", "2026-02", "2026-02"),
        ("2026-Q4", "quarter", "2026-10-01", "2026-12-31", "2026-Q4", "2026-11"),
        ("2026-q1", "quarter", "2026-01-01", "2026-03-31", "2026-Q1", "2026-03"),
        ("2026", "year", "2026-01-01", "2026-12-31", "2026", "2026-11"),
        ("2025", "year", "2025-01-01", "2025-12-31", "2025", "2025-12"),
        ("2026-03-15..2026-05-20", "days", "2026-03-15", "2026-05-20", "2026-03-15_2026-05-20", "2026-05"),
        ("2026-11-22..2026-11-22", "days", "2026-11-22", "2026-11-22", "2026-11-22_2026-11-22", "2026-11"),
    ],
)
def test_a_period_is_read_and_judged_by_its_last_month_that_has_begun(
    asked: str | None, kind: str, first: str, last: str, name: str, judged: str
) -> None:
    found = asked_span(asked, NOW)
    assert (found.kind, found.first.isoformat(), found.last.isoformat(), found.name) == (kind, first, last, name)
    assert found.judged_month(date(2026, 11, 22)).month == judged


def test_the_months_of_a_span_are_those_that_it_touches() -> None:
    span = Span(kind=SpanKind.DAYS, first=date(2025, 12, 31), last=date(2026, 2, 1))
    assert [period.month for period in span.months()] == ["2025-12", "2026-01", "2026-02"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("2026-13", "không phải một kỳ báo cáo"),
        ("2026-Q5", "không phải một kỳ báo cáo"),
        ("26", "không phải một kỳ báo cáo"),
        ("2026-02-30..2026-03-01", "không phải một kỳ báo cáo"),
        ("2026-02-01...2026-03-01", "không phải một kỳ báo cáo"),
        ("2026-12", "kỳ này chưa tới"),
        ("2027-Q1", "kỳ này chưa tới"),
        ("2027", "kỳ này chưa tới"),
        ("2026-05-20..2026-03-15", "ngày cuối đứng trước ngày đầu"),
        ("2026-11-01..2026-11-23", "ngày cuối chưa tới; hãy ghi ngày cuối không muộn hơn 22/11/2026"),
        ("2025-01-01..2026-01-02", "kỳ này dài hơn một năm"),
    ],
)
def test_what_is_no_period_is_refused_with_this_sentence(asked: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        asked_span(asked, NOW)
    assert str(refused.value).startswith(f"--period {asked}: {sentence}")

"""Numbers and units as documents write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.plans.model import Operator, Unit
from doxa_collector.plans.quantities import counts_bytes, normal_unit, numbers_in, stated_above, states


@pytest.mark.parametrize(
    ("words", "comma", "rates"),
    [
        ("tối thiểu 42Mbps.", True, {42}),
        ("36Mb/s", True, {36}),
        ("đạt150 Mb/s.", True, {150}),
        ("tốc độ trên 1Gb/s", True, {1000}),
        ("0,1 Gb/s", True, {100}),
        ("34.41 Mbps", False, {34.41}),
        ("34.41 Mbps", True, {3441}),
        ("1,024 Mbps", False, {1024}),
        ("100 MB/s", True, set[float]()),
        ("100%", True, set[float]()),
        ("80Mb/s và 100%", True, {80}),
    ],
)
def test_rates_are_found_in_megabits(words: str, comma: bool, rates: set[float]) -> None:
    assert numbers_in(words, Unit.MBPS, decimal_comma=comma) == rates


@pytest.mark.parametrize(
    ("words", "comma", "numbers"),
    [
        ("đạt 95,2 thuê bao/100 dân", True, {95.2, 100}),
        ("99,85%", True, {99.85}),
        ("hơn 3.200 vị trí", True, {3200}),
        ("80.69%", False, {80.69}),
        ("đạt 100%, tốc độ đạt 80Mb/s", True, {100}),
    ],
)
def test_other_numbers_leave_the_rates_out(words: str, comma: bool, numbers: set[float]) -> None:
    assert numbers_in(words, Unit.PERCENT, decimal_comma=comma) == numbers


@given(st.text(), st.booleans(), st.sampled_from(Unit))
def test_any_text_can_be_searched(words: str, comma: bool, unit: Unit) -> None:
    numbers_in(words, unit, decimal_comma=comma)
    stated_above(words, 1, decimal_comma=comma)


@pytest.mark.parametrize(
    "written", ["MB/s", "MBps", "GB/s", "kB/s", "KB/s", "B/s", "MiB/s", "Mbyte/s".replace("byte", "Byte")]
)
def test_byte_rates_are_told_from_bit_rates(written: str) -> None:
    assert counts_bytes(written)
    assert normal_unit(written) is None


@pytest.mark.parametrize(
    ("written", "factor"), [("Mbps", 1), ("Mb/s", 1), ("Mbit/s", 1), ("Gbps", 1000), ("Gb/s", 1000)]
)
def test_bit_rates_are_normalised(written: str, factor: float) -> None:
    assert normal_unit(written) == (Unit.MBPS, factor)
    assert not counts_bytes(written)


@pytest.mark.parametrize(
    ("operator", "words", "said"),
    [
        (Operator.AT_LEAST, "đạt tối thiểu 42Mbps", True),
        (Operator.AT_LEAST, "Tối thiểu 30% cột", True),
        (Operator.AT_LEAST, "đạt 42Mbps", False),
        (Operator.AT_LEAST, ": 36Mb/s", False),
        (Operator.ABOVE, "đạt trên 85%", True),
        (Operator.ABOVE, "trên địa bàn tỉnh đạt 85%", False),
        (Operator.EQUAL, "100% trụ sở", True),
        (Operator.EQUAL, "95% trụ sở", False),
        (Operator.RANK_AT_MOST, "thuộc nhóm 5 tỉnh", True),
        (Operator.BELOW, "xuống dưới 5%", True),
        (Operator.AT_MOST, "không quá 50 ms", True),
    ],
)
def test_only_its_own_words_state_an_operator(operator: Operator, words: str, said: bool) -> None:
    assert states(operator, words) is said

"""Fixtures for plan files: a small good plan, the sources, the language in force."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doxa_core import language

REPOSITORY = Path(__file__).parents[3]

GOOD = """\
id = "x-plan"
version = "1"
letter = "X"
title = "Kế hoạch X"
issuer = "UBND xã X"
source = "x.txt"
decimal = "comma"
valid_from = 2023-01-01
valid_to = 2025-12-31

[[place]]
code = "06184"
name = "xã Đồng Đăng"
level = "commune"
province = "20"

[target.x1]
kind = "level"
title = { vi = "Tốc độ tải xuống", en = "Download" }
words = "Tốc độ (tốc độ tải xuống theo i-Speed) đạt tối thiểu 102Mbps."
lines = ["X:57"]
clause = "II.2"
due = 2025-12-31
operator = ">="
value = 102
unit = "Mbps"
ispeed = true
[target.x1.measure]
meter = "speed"
value = "download_mbps"
link_kind = "fixed"
layer = "payload"
[target.x1.baseline]
value = 85.07
unit = "Mbps"
words = "Tốc độ là 85,07Mbps"
line = "X:91"

[target.x2]
kind = "share"
title = { vi = "Trụ sở có TSLCD", en = "Offices on TSLCD" }
words = "100% trụ sở có kết nối với tốc độ tối thiểu là 0,1 Gb/s."
lines = ["X:30"]
clause = "a"
due = 2025-12-31
operator = "="
value = 100
unit = "%"
[target.x2.condition]
link_kind = "tslcd"
operator = ">="
value = 100
unit = "Mbps"
[target.x2.condition.measure]
meter = "speed"
value = "download_ip_mbps"
link_kind = "tslcd"
layer = "ip"

[target.x3]
kind = "rank"
title = { vi = "Nhóm 5 tỉnh", en = "Top five" }
words = "thuộc nhóm 5 tỉnh cao nhất"
lines = ["X:25"]
clause = "a"
due = 2025-12-31
operator = "rank<="
value = 5
unit = "rank"
rank_among = 34
[target.x3.measure]
meter = "speed"
value = "download_mbps"
link_kind = "mobile"
layer = "payload"

[target.x4]
kind = "manual"
title = { vi = "Người lớn có điện thoại thông minh", en = "Adults with a smartphone" }
words = "đạt trên 85%"
lines = ["X:39"]
clause = "a"
due = 2025-12-31
operator = ">"
value = 85
unit = "%"
"""


@pytest.fixture
def write_plan(tmp_path: Path) -> Callable[..., Path]:
    """Writes the good plan with pieces replaced, each of which must be there."""

    def write(*changes: tuple[str, str], name: str = "x.toml") -> Path:
        text = GOOD
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the good plan"
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def sources() -> Path:
    """The folder of the five documents: beside the project, or where DOXA_PLAN_SOURCES says. Missing is a failure."""
    folder = Path(os.environ.get("DOXA_PLAN_SOURCES", REPOSITORY.parent / "shared" / "plan-sources"))
    assert folder.is_dir(), f"the plans' sources are missing: {folder}"
    return folder


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test begins in Vietnamese and leaves no language behind."""
    monkeypatch.delenv("DOXA_LANG", raising=False)
    language._chosen.clear()
    yield
    language._chosen.clear()

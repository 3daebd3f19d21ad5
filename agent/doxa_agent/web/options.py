"""What a `web` task expects of a page, and how long it waits."""

import re
from dataclasses import dataclass
from typing import Final

from doxa_core.language import Text
from doxa_core.strict import Table

MARGIN_S: Final = 1.0
_TARGET: Final = re.compile(r"/[!-~]{0,2000}")
_NO_FRAGMENT: Final = re.compile(r"[^#]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a run."""

    target: str | None = None
    """Path and query; None takes the far end's folder."""
    expect_status: tuple[int, ...] | None = None
    """What the last answer's status may be; None: 200–299."""
    expect_text: str | None = None
    """What the page must contain, in UTF-8."""
    timeout_s: float = 10.0
    """For the whole page over one family, redirects included."""
    redirects: int = 5
    """So many are followed."""
    body_limit: int = 1024 * 1024
    """Octets of a body at most."""


def read_options(table: Table) -> Options:
    """`path`, `expect_status`, `expect_text`, `timeout_s`, `redirects`, `body_limit_bytes`."""
    target = table.text("path", None, pattern=_TARGET, wanted=_A_TARGET)
    if target is not None and not _NO_FRAGMENT.fullmatch(target):
        raise table.refuse("path", _FRAGMENT, _A_TARGET)
    return Options(
        target=target,
        expect_status=table.integers("expect_status", 200, 599),
        expect_text=table.text("expect_text", None),
        timeout_s=table.number("timeout_s", 0.5, 120.0, 10.0),
        redirects=table.integer("redirects", 0, 20, 5),
        body_limit=table.integer("body_limit_bytes", 1024, 16 * 1024 * 1024, 1024 * 1024),
    )


def seconds(options: Options, far_ends: int) -> float:
    """The worst case: one page after the other, each over both families."""
    return 2 * far_ends * options.timeout_s + MARGIN_S


_A_TARGET: Final = Text(
    vi="đường dẫn bắt đầu bằng /, ký tự ASCII, ví dụ /trang-chu?lang=vi",
    en="a path that begins with /, in ASCII, such as /home?lang=vi",
)
_FRAGMENT: Final = Text(vi="phần sau dấu # không được gửi đi", en="what follows a # is never sent")

"""What the terminal shows: columns that stand under each other, in Vietnamese, redrawn in place only on a terminal."""

import io

from doxa_core.language import Text
from doxa_lab.country.office import read_offices
from doxa_lab.demo.ground import Loopback
from doxa_lab.demo.results import Results
from doxa_lab.demo.screen import Screen
from doxa_lab.demo.verdicts import Verdicts


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(screen: Screen, times: int = 1) -> None:
    ground = Loopback()
    ground.build(read_offices())
    for _ in range(times):
        screen.show(ground, Results(), Verdicts(), "http://127.0.0.1:8800/", {"xa-phong-tho/tslcd"})


def test_a_plain_output_gets_no_control_codes_and_no_repetition() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen._last = ("", -1e9)
    show(screen, 3)
    text = out.getvalue()
    assert "\x1b" not in text
    assert text.count("http://127.0.0.1:8800/") == 1
    rows = [line for line in text.splitlines() if "fixed" in line]
    assert len(rows) == 5
    assert len({row.index("fixed") for row in rows}) == 1
    assert "[đang đứt]" in text


def test_a_terminal_is_redrawn_in_place() -> None:
    out = Terminal()
    show(Screen(out), 2)
    lines = out.getvalue().split("\x1b[")
    assert len(lines) == 3  # one move up, one clearing
    assert lines[1] == f"{lines[0].count(chr(10))}F"


def test_quiet_says_nothing() -> None:
    out = io.StringIO()
    screen = Screen(out, quiet=True)
    show(screen)
    screen.tell(Text(vi="x", en="x"))
    assert out.getvalue() == ""

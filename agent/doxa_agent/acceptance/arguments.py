"""The arguments of `doxa agent accept`: declared and read; imports nothing that measures."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from doxa_core.language import Text
from doxa_core.layers import Layer

_MOST_MBPS = 10_000.0
_MOST_STEP_S = 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them; `--config` and `--json` are the group's own."""
    parser.add_argument("link", metavar=str(LINK), help=str(LINK_HELP))
    parser.add_argument("--far-end", metavar=str(NAME), help=str(FAR_END_HELP))
    rate = number_between(1, _MOST_MBPS)
    parser.add_argument("--down", type=rate, required=True, metavar="MBPS", help=str(DOWN_HELP))
    parser.add_argument("--up", type=rate, required=True, metavar="MBPS", help=str(UP_HELP))
    layers = [layer.value for layer in Layer]
    parser.add_argument("--layer", choices=layers, default=Layer.IP.value, help=str(LAYER_HELP))
    parser.add_argument("--form", choices=["short", "full"], default="short", help=str(FORM_HELP))
    parser.add_argument("--steps", type=percents, metavar="25,50,75,90,100", help=str(STEPS_HELP))
    parser.add_argument("--step-seconds", type=whole_between(5, _MOST_STEP_S), metavar="S", help=str(STEP_SECONDS_HELP))
    parser.add_argument("--family", type=int, choices=[4, 6], help=str(FAMILY_HELP))
    parser.add_argument("--tolerance", type=number_between(0, 20), metavar="%", help=str(TOLERANCE_HELP))
    parser.add_argument("--max-loss", type=number_between(0, 100), metavar="%", help=str(LOSS_HELP))
    parser.add_argument("--max-rtt", type=number_between(0.1, 60_000), metavar="MS", help=str(RTT_HELP))
    parser.add_argument("--max-delay-variation", type=number_between(0.1, 60_000), metavar="MS", help=str(PDV_HELP))
    parser.add_argument("--min-mtu", type=whole_between(68, 65_535), metavar="BYTE", help=str(MTU_HELP))
    parser.add_argument("--output", type=Path, metavar=str(FILE), help=str(OUTPUT_HELP))
    parser.add_argument("--yes", action="store_true", help=str(YES_HELP))


def number_between(lowest: float, highest: float) -> Callable[[str], float]:
    """A reader of numbers within bounds, for argparse; a comma may stand for the decimal point."""

    def read(text: str) -> float:
        try:
            found = float(text.replace(",", "."))
        except ValueError:
            found = math.nan
        if not lowest <= found <= highest:  # also what is not a number
            raise argparse.ArgumentTypeError(str(BETWEEN.fill(text=text, lowest=f"{lowest:g}", highest=f"{highest:g}")))
        return found

    return read


def whole_between(lowest: int, highest: int) -> Callable[[str], int]:
    """A reader of whole numbers within bounds, for argparse."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 9 or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(str(WHOLE.fill(text=text, lowest=lowest, highest=highest)))
        return int(text)

    return read


def percents(text: str) -> tuple[float, ...]:
    """Rising percents of the contracted rate, such as `25,50,75,90,100`."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    sound = found and all(0 < one <= 100 for one in found) and list(found) == sorted(set(found))
    if not sound or len(found) > 20:
        raise argparse.ArgumentTypeError(str(RISING.fill(text=text)))
    return found


LINK = Text(vi="ĐƯỜNG_TRUYỀN", en="LINK")
NAME = Text(vi="TÊN", en="NAME")
FILE = Text(vi="TỆP", en="FILE")
BETWEEN = Text(
    vi="«{text}» không hợp lệ, hãy ghi một số từ {lowest} đến {highest}",
    en="'{text}' is not valid, write a number from {lowest} to {highest}",
)
WHOLE = Text(
    vi="«{text}» không hợp lệ, hãy ghi một số nguyên từ {lowest} đến {highest}",
    en="'{text}' is not valid, write a whole number from {lowest} to {highest}",
)
RISING = Text(
    vi="«{text}» không hợp lệ, hãy ghi các phần trăm tăng dần, ví dụ 25,50,75,90,100",
    en="'{text}' is not valid, write rising percents such as 25,50,75,90,100",
)
LINK_HELP = Text(vi="tên đường truyền trong tệp cấu hình", en="the link's name in the configuration")
FAR_END_HELP = Text(
    vi="đầu xa trong kế hoạch (mặc định: đầu xa đầu tiên mà kế hoạch đo qua đường này)",
    en="a far end of the plan (default: the first that the plan measures over this link)",
)
DOWN_HELP = Text(vi="tốc độ tải xuống theo hợp đồng, Mbps", en="the contracted download rate, Mbps")
UP_HELP = Text(vi="tốc độ tải lên theo hợp đồng, Mbps", en="the contracted upload rate, Mbps")
LAYER_HELP = Text(
    vi="lớp mà hợp đồng tính tốc độ; hợp đồng không ghi thì là ip (mặc định)",
    en="the layer at which the contract counts its rate; ip (the default) where it names none",
)
FORM_HELP = Text(
    vi="short: các bước ngắn (mặc định); full: thêm lần chạy dài 15 phút mỗi chiều và TCP 30 giây",
    en="short: the steps (default); full: with a long run of 15 minutes a direction, and TCP for 30 s",
)
STEPS_HELP = Text(vi="các bước, phần trăm tốc độ hợp đồng", en="the steps, percent of the contracted rate")
STEP_SECONDS_HELP = Text(vi="thời gian mỗi bước, giây (mặc định 10)", en="the time of each step, s (default 10)")
FAMILY_HELP = Text(vi="buộc dùng IPv4 hoặc IPv6", en="force IPv4 or IPv6")
TOLERANCE_HELP = Text(
    vi="dung sai của tốc độ, phần trăm (mặc định 3)", en="how far the rate may fall short, percent (default 3)"
)
LOSS_HELP = Text(vi="ngưỡng mất gói, phần trăm (mặc định 0,1)", en="the largest loss, percent (default 0.1)")
RTT_HELP = Text(
    vi="ngưỡng độ trễ p95, ms (mặc định: không xét)", en="the largest p95 round trip, ms (default: not judged)"
)
PDV_HELP = Text(
    vi="ngưỡng biến động trễ khi có tải, ms (mặc định: không xét)",
    en="the largest delay variation under load, ms (default: not judged)",
)
MTU_HELP = Text(vi="MTU tối thiểu, byte (mặc định: không xét)", en="the smallest path MTU (default: not judged)")
OUTPUT_HELP = Text(vi="ghi kết quả JSON vào tệp này (không ghi đè)", en="write the JSON to this file (never over one)")
YES_HELP = Text(vi="không hỏi lại trước khi đo", en="do not ask before measuring")

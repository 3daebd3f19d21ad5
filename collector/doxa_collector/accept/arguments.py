"""The arguments of `doxa accept`: declared and read; imports nothing that draws or measures."""

import argparse
import math
from pathlib import Path
from typing import Final

from doxa_collector.accept.contracted import DEFAULT_REGISTRY
from doxa_collector.papers import forms
from doxa_core.language import Text
from doxa_core.layers import Layer

FORMATS: Final = "docx,pdf"
DEFAULT_AGENT: Final = Path("/etc/doxa/agent.toml")
CONTRACT: Final = ("down", "up", "layer", "provider", "technology", "number", "office")
"""Options that say what the contract is."""
TEST: Final = (
    "far_end", "form", "steps", "step_seconds", "family",
    "tolerance", "max_loss", "max_rtt", "max_delay_variation", "min_mtu",
)  # fmt: skip
"""Options that go on to `doxa agent accept` as they are; it checks them before anything is sent."""


def parser() -> argparse.ArgumentParser:
    """All of them."""
    top = argparse.ArgumentParser(
        prog="doxa accept",
        description=str(_ABOUT),
        epilog=str(_EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("site", nargs="?", metavar=str(_SITE), help=str(_SITE_HELP))
    top.add_argument("link", nargs="?", metavar=str(_LINK), help=str(_LINK_HELP))
    top.add_argument("--from", dest="source", type=Path, metavar=str(_FILE), help=str(_FROM))
    top.add_argument("--check", type=Path, metavar=str(_FILE), help=str(_CHECK))
    top.add_argument("--hash", metavar="SHA256", help=str(_HASH))
    top.add_argument("--json", action="store_true", help=str(_JSON))
    _paper(top.add_argument_group(str(_PAPER_GROUP)))
    _contract(top.add_argument_group(str(_CONTRACT_GROUP)))
    _test(top.add_argument_group(str(_TEST_GROUP)))
    return top


def _paper(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--format", default=FORMATS, metavar=FORMATS, help=str(_FORMAT))
    group.add_argument("--out", type=Path, default=Path(), metavar=str(_FOLDER), help=str(_OUT))
    group.add_argument("--settings", type=Path, metavar=str(_FILE), help=str(_SETTINGS))
    group.add_argument("--force", action="store_true", help=str(_FORCE))


def _contract(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--registry", type=Path, metavar=str(_FILE), help=str(_REGISTRY))
    group.add_argument("--down", type=_mbps, metavar="MBPS", help=str(_DOWN))
    group.add_argument("--up", type=_mbps, metavar="MBPS", help=str(_UP))
    group.add_argument("--layer", choices=[layer.value for layer in Layer], help=str(_LAYER))
    group.add_argument("--provider", metavar=str(_NAME), help=str(_PROVIDER))
    group.add_argument("--technology", metavar=str(_NAME), help=str(_TECHNOLOGY))
    group.add_argument("--contract", dest="number", metavar=str(_NUMBER), help=str(_CONTRACT_NUMBER))
    group.add_argument("--office", metavar=str(_NAME), help=str(_OFFICE))


def _test(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--agent", type=Path, metavar=str(_FILE), help=str(_AGENT))
    group.add_argument("--yes", action="store_true", help=str(_YES))
    for name in TEST:
        group.add_argument(f"--{name.replace('_', '-')}", metavar=_METAVARS[name], help=str(_TEST_HELP[name]))


def passed_on(args: argparse.Namespace) -> list[str]:
    """What goes on to the agent; the equals sign lets a value begin with a dash."""
    found = [f"--{name.replace('_', '-')}={getattr(args, name)}" for name in TEST if getattr(args, name) is not None]
    return [*found, "--yes"] if args.yes else found


def _mbps(text: str) -> float:
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        found = math.nan
    if not 1 <= found <= 10_000:  # also what is not a number
        raise argparse.ArgumentTypeError(str(_BETWEEN.fill(text=text)))
    return found


_SITE = Text(vi="ĐIỂM-ĐO", en="SITE")
_LINK = Text(vi="ĐƯỜNG-TRUYỀN", en="LINK")
_FILE = Text(vi="TỆP", en="FILE")
_FOLDER = Text(vi="THƯ-MỤC", en="FOLDER")
_NAME = Text(vi="TÊN", en="NAME")
_NUMBER = Text(vi="SỐ", en="NUMBER")
_ABOUT = Text(
    vi="Nghiệm thu một đường truyền: đo, giữ tệp bằng chứng, lập dự thảo Biên bản nghiệm thu (số, ngày, chữ ký để trống).\n"
    "Không cần Internet, không cần máy chủ. Mã trả về: 0 đạt, 1 không đạt, 2 nhập sai, 3 thiết bị đo giới hạn, 4 chưa đủ\n"
    "căn cứ. Với --from: 0 khi đã lập biên bản. Với --check: 0 khi khớp, 1 khi không khớp.",
    en="Accept a line: measure, keep the evidence as one file, draft the record of acceptance (number, date, signatures blank).\n"
    "Needs no Internet and no server. Exit codes: 0 pass, 1 fail, 2 bad input, 3 probe limited, 4 insufficient. With\n"
    "--from: 0 when the paper is made. With --check: 0 where the hashes are the same, 1 where not.",
)
_EXAMPLES = Text(
    vi="ví dụ: doxa accept xa-dong-dang internet --out bien-ban --settings paper.toml\n"
    "       doxa accept xa-dong-dang internet --from bang-chung-….jsonl --format pdf\n"
    "       doxa accept --check bang-chung-….jsonl --hash sha256:…",
    en="example: doxa accept xa-dong-dang internet --out papers --settings paper.toml\n"
    "         doxa accept xa-dong-dang internet --from bang-chung-….jsonl --format pdf\n"
    "         doxa accept --check bang-chung-….jsonl --hash sha256:…",
)
_SITE_HELP = Text(vi="mã điểm đo", en="the site's name")
_LINK_HELP = Text(vi="tên đường truyền", en="the link's name")
_FROM = Text(
    vi="không đo, lập biên bản từ tệp bằng chứng hoặc kết quả của «doxa agent accept --output»",
    en="measure nothing, make the paper from a bundle or from what 'doxa agent accept --output' wrote",
)
_CHECK = Text(vi="kiểm tra một tệp bằng chứng", en="check a bundle")
_HASH = Text(
    vi="mã băm trên biên bản (quét mã QR hoặc gõ tám nhóm trong dấu nháy), dùng với --check",
    en="the hash on the paper (scan the QR picture, or type its eight groups in quotes), with --check",
)
_JSON = Text(vi="in kết quả dạng JSON cho máy đọc", en="print the result as JSON for machines")
_PAPER_GROUP = Text(vi="biên bản", en="the paper")
_FORMAT = Text(
    vi=f"các định dạng, cách nhau bằng dấu phẩy: {', '.join(forms.names())} (mặc định {FORMATS})",
    en=f"formats with commas between: {', '.join(forms.names())} (default {FORMATS})",
)
_OUT = Text(vi="thư mục ghi tệp (mặc định: thư mục này)", en="where the files go (default: this folder)")
_SETTINGS = Text(
    vi="tệp có bảng [paper] (cơ quan, địa danh, phông chữ) và [accept] (căn cứ, các bên)",
    en="a file with the tables [paper] (agency, place, fonts) and [accept] (grounds, parties)",
)
_FORCE = Text(
    vi="thay biên bản cùng tên đã có (không bao giờ thay tệp bằng chứng khác nội dung)",
    en="replace papers of the same name (never evidence of another content)",
)
_CONTRACT_GROUP = Text(vi="hợp đồng (thay hoặc bổ sung sổ đăng ký)", en="the contract (over what the registry says)")
_REGISTRY = Text(
    vi=f"sổ đăng ký sites.toml (mặc định {DEFAULT_REGISTRY} nếu có)",
    en=f"the registry sites.toml (default {DEFAULT_REGISTRY} where it is)",
)
_DOWN = Text(vi="tốc độ tải xuống theo hợp đồng", en="the contracted download rate")
_UP = Text(vi="tốc độ tải lên theo hợp đồng", en="the contracted upload rate")
_LAYER = Text(vi="tầng mà hợp đồng tính tốc độ", en="the layer at which the contract counts")
_PROVIDER = Text(vi="nhà cung cấp", en="the provider")
_TECHNOLOGY = Text(vi="công nghệ, ví dụ FTTH", en="the technology, such as FTTH")
_CONTRACT_NUMBER = Text(vi="số hợp đồng", en="the contract's number")
_OFFICE = Text(vi="tên trụ sở trên biên bản", en="the office's name on the paper")
_TEST_GROUP = Text(vi="phép đo (xem doxa agent accept --help)", en="the test (see doxa agent accept --help)")
_AGENT = Text(
    vi=f"cấu hình thiết bị đo (mặc định {DEFAULT_AGENT})", en=f"the probe's configuration (default {DEFAULT_AGENT})"
)
_YES = Text(vi="không hỏi lại trước khi đo", en="do not ask before measuring")
_METAVARS: Final = {
    "far_end": "NAME", "form": "short|full", "steps": "25,50,75,90,100", "step_seconds": "S", "family": "4|6",
    "tolerance": "PERCENT", "max_loss": "PERCENT", "max_rtt": "MS", "max_delay_variation": "MS", "min_mtu": "BYTE",
}  # fmt: skip
_TEST_HELP: Final = {
    "far_end": Text(vi="đầu xa của phép đo", en="the far end"),
    "form": Text(vi="dạng ngắn hoặc đầy đủ", en="the short or the full form"),
    "steps": Text(vi="các bước, phần trăm tốc độ hợp đồng", en="the steps, percent of the contracted rate"),
    "step_seconds": Text(vi="thời gian mỗi bước, giây", en="the time of each step"),
    "family": Text(vi="buộc dùng IPv4 hoặc IPv6", en="force IPv4 or IPv6"),
    "tolerance": Text(vi="dung sai của tốc độ, phần trăm", en="how far the rate may fall short, percent"),
    "max_loss": Text(vi="ngưỡng mất gói, phần trăm", en="the largest loss, percent"),
    "max_rtt": Text(vi="ngưỡng độ trễ p95", en="the largest p95 round trip"),
    "max_delay_variation": Text(vi="ngưỡng biến động trễ khi có tải", en="the largest delay variation under load"),
    "min_mtu": Text(vi="MTU tối thiểu", en="the smallest path MTU"),
}
_BETWEEN = Text(
    vi="«{text}» không hợp lệ, hãy ghi một số từ 1 đến 10000",
    en="'{text}' is not valid, write a number from 1 to 10000",
)

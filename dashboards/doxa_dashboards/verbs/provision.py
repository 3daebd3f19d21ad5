"""`doxa dashboards provision`: the same as plain files that Grafana reads at its start."""

import argparse
from pathlib import Path, PurePosixPath
from typing import Final

from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text
from doxa_dashboards.publish.files import HEADER, files_of
from doxa_dashboards.publish.library import pages_in
from doxa_dashboards.verbs import _publishing

SUMMARY: Final = Text(
    vi="ghi tệp provisioning cho Grafana, khi không dùng API",
    en="write provisioning files for a Grafana without the API",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--config`, `--org`, `--out`, `--server`, `--secrets`, `--pages`, `--check`."""
    parser.epilog = str(_EXAMPLE)
    _publishing.add_common(parser)
    parser.add_argument("--out", type=Path, required=True, metavar=str(_FOLDER), help=str(_OUT))
    parser.add_argument(
        "--server", type=PurePosixPath, default=_SERVER_DEFAULT, metavar=str(_FOLDER), help=str(_SERVER)
    )
    parser.add_argument(
        "--secrets", type=PurePosixPath, default=_SECRETS_DEFAULT, metavar=str(_FOLDER), help=str(_SECRETS)
    )
    parser.add_argument("--pages", type=PurePosixPath, metavar=str(_FOLDER), help=str(_PAGES))
    parser.add_argument("--check", action="store_true", help=str(_CHECK))


def run(args: argparse.Namespace) -> int:
    """Write what differs and remove files of ours that no longer belong; with `--check` only say so, exit 1."""
    for name in ("server", "secrets", "pages"):
        given = getattr(args, name)
        if given is not None and not (given.is_absolute() and "$" not in str(given) and "}" not in str(given)):
            raise InputError(f"--{name}", _RELATIVE, _ABSOLUTE)
    orgs = _publishing.chosen_orgs(args, files=False)
    files = files_of(orgs, pages_in, server=args.server, secrets=args.secrets, json_at=args.pages)
    try:
        changed = [name for name, text in sorted(files.items()) if _read(args.out / name) != text]
        stale = sorted(_ours(args.out) - files.keys())
        if not args.check:
            _write(args.out, {name: files[name] for name in changed}, stale)
    except OSError as error:
        raise OperationError(_REFUSED.fill(path=error.filename or args.out, why=error.strerror or error)) from None
    for name in [*changed, *stale]:
        print(f"  {'-' if name in stale else '~'} {name}")  # noqa: T201
    print((_FOUND if args.check else _DONE).fill(n=len(files), changed=len(changed) + len(stale), folder=args.out))  # noqa: T201
    return 1 if args.check and (changed or stale) else 0


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None


def _ours(folder: Path) -> set[str]:
    """Files that we wrote: YAML by its first line, pages by where they lie and their name."""
    yaml = [file for file in folder.glob("*/doxa-*.yaml") if (_read(file) or "").startswith(HEADER)]
    pages = folder.glob("dashboards/*/doxa-*/doxa-*.json")
    return {file.relative_to(folder).as_posix() for file in (*yaml, *pages)}


def _write(folder: Path, files: dict[str, str], stale: list[str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for name in stale:
        (folder / name).unlink()


_SERVER_DEFAULT: Final = PurePosixPath("/etc/grafana/provisioning")
_SECRETS_DEFAULT: Final = PurePosixPath("/run/secrets")
_FOLDER = Text(vi="THƯ_MỤC", en="FOLDER")
_OUT = Text(vi="nơi ghi tệp", en="where to write")
_SERVER = Text(
    vi="thư mục provisioning trên máy Grafana (mặc định: %(default)s)",
    en="the provisioning folder on Grafana's server (default: %(default)s)",
)
_SECRETS = Text(
    vi="thư mục chứa mã bí mật trên máy Grafana, cùng tên tệp như trong cấu hình (mặc định: %(default)s)",
    en="the folder of secrets on Grafana's server, files named as in the settings (default: %(default)s)",
)
_PAGES = Text(
    vi="thư mục trên máy Grafana đã có JSON của các bảng (TỔ_CHỨC/THƯ_MỤC/*.json); không ghi JSON nữa",
    en="a folder on Grafana's server that has the dashboards' JSON already (ORG/FOLDER/*.json); then none is written",
)
_CHECK = Text(vi="chỉ so sánh, mã thoát 1 nếu khác", en="only compare, exit 1 if different")
_EXAMPLE = Text(
    vi="ví dụ: doxa dashboards provision --config grafana.toml --out provisioning",
    en="example: doxa dashboards provision --config grafana.toml --out provisioning",
)
_RELATIVE = Text(vi="không phải đường dẫn tuyệt đối dùng được", en="it is no usable absolute path")
_ABSOLUTE = Text(vi="hãy ghi dạng /etc/grafana/provisioning", en="write it like /etc/grafana/provisioning")
_REFUSED = Text(vi="không ghi được vào {path}: {why}", en="cannot write to {path}: {why}")
_DONE = Text(vi="{n} tệp, {changed} đã ghi lại trong {folder}", en="{n} files, {changed} changed in {folder}")
_FOUND = Text(vi="{n} tệp, {changed} khác trong {folder}", en="{n} files, {changed} differ in {folder}")

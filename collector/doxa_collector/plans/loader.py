"""Loading plans: one strict TOML file each, refused whole where it is wrong, with the place and the cure."""

from datetime import date
from pathlib import Path
from typing import Final

from doxa_collector.plans.checks import check_target
from doxa_collector.plans.model import Mark, Plan, PlanPlace, Target
from doxa_collector.plans.placing import check_place, check_places
from doxa_collector.plans.reading import LINE, LINE_WANTED, read_place, read_target
from doxa_collector.plans.strictly import read_mark, read_optional_sentence, refuse
from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_core.strict import Table, read_toml

INSTALLED: Final = Path(__file__).parent / "files"
"""Where the wheel puts the shipped plans."""
CHECKOUT: Final = Path(__file__).parents[3] / "plans"
"""Where they stand in the repository."""


def default_folder() -> Path:
    """The folder of the shipped plans."""
    for folder in (INSTALLED, CHECKOUT):
        if folder.is_dir():
            return folder
    raise OperationError(
        Text(
            vi=f"không tìm thấy thư mục kế hoạch ({INSTALLED}); hãy cài lại doxa, hoặc ghi [plans] folder trong cấu hình",
            en=f"the folder of plans is missing ({INSTALLED}); install doxa again, or set [plans] folder",
        )
    )


def plan_files(folder: Path | None = None) -> list[Path]:
    """The plan files of a folder (the shipped ones by default), sorted; not those of its sub-folders."""
    chosen = default_folder() if folder is None else folder
    if not chosen.is_dir():
        raise OperationError(
            Text(
                vi=f"{chosen}: không phải thư mục; hãy kiểm tra [plans] folder",
                en=f"{chosen}: not a folder; check [plans] folder",
            )
        )
    return sorted(path for path in chosen.glob("*.toml") if path.is_file())


def load_plans(folder: Path | None = None) -> tuple[Plan, ...]:
    """Every plan of a folder (the shipped ones by default), in the order of the file names.

    Raises `InputError` for the first wrong file and for two files with one plan id.
    """
    return load_files(plan_files(folder))


def load_files(paths: list[Path]) -> tuple[Plan, ...]:
    """The plans of these files; `InputError` for two with one id."""
    seen: dict[str, Path] = {}
    return tuple(read_plan(path, seen) for path in paths)


def read_plan(path: Path, seen: dict[str, Path] | None = None) -> Plan:
    """The plan in one file, or `InputError`; `seen` (plan id → file) refuses a second file of one id and remembers it."""
    table = read_toml(path)
    plan = plan_of(table)
    if seen is not None and (other := seen.setdefault(plan.id, path)) != path:
        raise refuse(
            table, "id",
            (f"kế hoạch «{plan.id}» đã có trong {other}", f"the plan '{plan.id}' is already in {other}"),
            ("hãy đổi id, hoặc bỏ một trong hai tệp", "change the id, or remove one of the two files"),
        )  # fmt: skip
    return plan


def plan_of(table: Table) -> Plan:
    """The plan in a table, complete and free of contradictions, or `InputError`."""
    letter = table.choice("letter", [chr(code) for code in range(ord("A"), ord("Z") + 1)])
    decimal_comma = table.choice("decimal", ("point", "comma")) == "comma"
    valid = _validity(table)
    places = _places(table)
    plan = Plan(
        id=table.identifier("id"),
        version=_version(table),
        letter=letter,
        title=table.text("title"),
        document=table.text("document", None),
        issuer=table.text("issuer"),
        issued=table.day("issued", None),
        issued_words=table.text("issued_words", None),
        issued_line=table.text("issued_line", None, pattern=LINE, wanted=LINE_WANTED),
        source=table.text("source"),
        mark=read_mark(table, "mark", Mark.V),
        valid_from=valid[0],
        valid_to=valid[1],
        period_mark=read_mark(table, "period_mark", Mark.I),
        judge_until=table.day("judge_until", None),
        note=read_optional_sentence(table, "note"),
        places=places,
        targets=_targets(table, letter, valid, decimal_comma=decimal_comma),
    )
    table.close()
    return plan


def _version(table: Table) -> str:
    version = table.text("version")
    if len(version) > 40:
        raise refuse(
            table, "version",
            (f"phiên bản dài {len(version)} ký tự", f"the version has {len(version)} characters"),
            ("hãy giữ trong 40 ký tự", "keep it within 40"),
        )  # fmt: skip
    return version


def _validity(table: Table) -> tuple[date, date]:
    valid_from, valid_to = table.day("valid_from"), table.day("valid_to")
    if valid_to < valid_from:
        raise refuse(
            table, "valid_to",
            (f"kế hoạch kết thúc {valid_to} trước khi bắt đầu {valid_from}",
             f"the plan ends on {valid_to}, before it begins on {valid_from}"),
            ("hãy sửa valid_from hoặc valid_to", "mend valid_from or valid_to"),
        )  # fmt: skip
    return valid_from, valid_to


def _places(table: Table) -> tuple[PlanPlace, ...]:
    found: list[PlanPlace] = []
    for inner in table.array("place"):
        place = read_place(inner)
        check_place(place, inner)
        found.append(place)
    check_places(found, table)
    return tuple(found)


def _targets(table: Table, letter: str, valid: tuple[date, date], *, decimal_comma: bool) -> tuple[Target, ...]:
    found: list[Target] = []
    for name, inner in table.tables("target"):
        target = read_target(name, inner)
        check_target(target, inner, letter, valid, decimal_comma=decimal_comma)
        found.append(target)
    if not found:
        raise refuse(
            table, "target",
            ("kế hoạch chưa có chỉ tiêu nào", "the plan has no target"),
            ("hãy thêm một bảng [target.TÊN]", "add a table [target.NAME]"),
        )  # fmt: skip
    return tuple(found)

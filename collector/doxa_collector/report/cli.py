"""`doxa report progress PLAN` and `doxa report incident N`: papers from the ledger, as drafts that people sign."""

import argparse
from datetime import UTC, datetime
from typing import Final

from doxa_collector import asking
from doxa_collector.incidents import store
from doxa_collector.incidents.atlas import read_atlas
from doxa_collector.incidents.explain import Ground
from doxa_collector.ledger.engine import reading
from doxa_collector.papers.drafts.incident import incident_report
from doxa_collector.period import local_day
from doxa_collector.report import national_verb, notice_verb, progress_verb, registration_verb, tslcd_verb
from doxa_collector.report.incident_data import day_of, incident_of
from doxa_collector.report.making import Command, files_of, opened, tree_of, verb, wanted_formats, write_paper
from doxa_collector.report.settings import read_paper
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.moments import microseconds

_LARGEST: Final = 2**63 - 1


def main(argv: list[str]) -> int:
    """Run one command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="doxa report", description=str(_ABOUT), epilog=asking.example("progress d-ha-tinh")
    )
    verbs = top.add_subparsers(required=True, metavar=str(_COMMAND))
    progress_verb.add(verbs)
    national_verb.add(verbs)
    two = verb(verbs, "incident", _INCIDENT, incident, "incident 118 --format docx,pdf")
    two.add_argument("number", type=int, metavar=str(_NUMBER), help=str(_OF_LIST))
    tslcd_verb.add(verbs)
    registration_verb.add(verbs)
    notice_verb.add(verbs)
    return top


# --- the two papers


def incident(args: argparse.Namespace) -> int:
    """One incident with its offices and history."""
    wanted, paper = wanted_formats(args.format), read_paper(args.settings)
    number = args.number
    with opened(args) as (engine, settings), reading(engine) as conn:
        found = store.get(conn, number) if 0 < number <= _LARGEST else None
        if found is None:
            raise InputError(str(Text(vi=f"sự cố {number}", en=f"incident {number}")), _NO_INCIDENT, _SEE_LIST)
        files = files_of(args, "bao-cao-su-co", str(number), forms_wanted=wanted)
        history = store.entries(conn, number)
        ground = Ground(tree_of(settings), read_atlas(conn, day_of(found.began_us)), settings.incidents)
    today = local_day(microseconds(datetime.now(UTC)))
    data = incident_of(found, history, ground, today, reveal=paper.words.reveal)
    write_paper(incident_report(data, paper.words), files, paper, args)
    return 0


_ABOUT = Text(
    vi="Lập dự thảo báo cáo từ sổ cái: số, ngày và chữ ký để trống cho người ký.",
    en="Drafts of papers from the ledger: number, date and signature stay blank for who signs.",
)
_COMMAND = Text(vi="LỆNH", en="COMMAND")
_INCIDENT = Text(vi="báo cáo một sự cố", en="the report of one incident")
_NUMBER = Text(vi="SỐ", en="NUMBER")
_OF_LIST = Text(vi="số trong doxa incidents list", en="its number in doxa incidents list")
_NO_INCIDENT = Text(vi="không có sự cố này", en="there is no such incident")
_SEE_LIST = Text(vi="hãy xem doxa incidents list", en="see doxa incidents list")

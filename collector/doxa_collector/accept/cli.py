"""`doxa accept SITE LINK`: the acceptance test of a line, its evidence as one file, and the record that people sign."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Final

from doxa_collector import asking
from doxa_collector.accept import arguments, bundle, keeping, running
from doxa_collector.accept.checking import grouped, is_same, read_hash
from doxa_collector.accept.contracted import BOTH, DEFAULT_REGISTRY, REGISTRY, Contracted, contracted
from doxa_collector.accept.record import record_of
from doxa_collector.accept.settings import Ceremony, read_ceremony
from doxa_collector.papers import forms
from doxa_collector.papers.drafts.acceptance import acceptance_record
from doxa_collector.papers.drafts.acceptance_evidence import MAX_BYTES
from doxa_collector.papers.drafts.acceptance_records import Run
from doxa_collector.report.settings import Paper, read_paper
from doxa_collector.verdict import VerdictOutcome
from doxa_core import __version__
from doxa_core.errors import DoxaError, InputError
from doxa_core.language import VIETNAM_TIME, Text
from doxa_core.layers import Layer
from doxa_core.strict import read_toml

_PRINTED: Final = frozenset({"docx", "pdf"})
"""Formats that need fonts."""


def main(argv: list[str]) -> int:
    """Run the command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = arguments.parser().parse_args(argv)
    _refuse_mixtures(args)
    if args.check is not None:
        return check(args)
    return again(args) if args.source is not None else accept(args)


def _refuse_mixtures(args: argparse.Namespace) -> None:
    """Options that say nothing in this way of use are refused: somebody expects something of them."""
    test = [name for name in (*arguments.TEST, "agent") if getattr(args, name) is not None] + ["yes"] * args.yes
    if args.hash is not None and args.check is None:
        raise InputError("--hash", _NEEDS.fill(option="--check"), _ADD.fill(option="--check"))
    if args.check is not None:
        others = [
            name for name in (*arguments.CONTRACT, "source", "registry", "site") if getattr(args, name) is not None
        ]
        _refuse((*others, *test), "--check")
    elif args.source is not None:
        _refuse(test, "--from")
    elif args.site is None or args.link is None:
        raise InputError("doxa accept", _WHICH, _NAME_THEM)


def _refuse(names: Sequence[str], beside: str) -> None:
    if names:
        shown = {"source": "--from", "number": "--contract", "site": str(Text(vi="điểm đo", en="site"))}
        option = shown.get(names[0], f"--{names[0].replace('_', '-')}")
        raise InputError(option, _NOT_BESIDE.fill(option=beside), _LEAVE_OUT)


# --- the three ways


def accept(args: argparse.Namespace) -> int:
    """Measure, keep, write; the exit code is the outcome's."""
    wanted = _wanted(args)
    contract = _contract(args, args.site, args.link, asking.today())  # first: what was named on the command line
    _check_site(args.agent or arguments.DEFAULT_AGENT, args.site)
    down, up = _rates(contract)
    order = running.Order(
        link=args.link,
        agent=args.agent or arguments.DEFAULT_AGENT,
        down_mbps=down,
        up_mbps=up,
        layer=(contract.layer or Layer.IP).value,
        options=arguments.passed_on(args),
    )
    with keeping.room(args.out) as result:
        code = running.measure(order, result)
        if not result.exists():
            return code
        evidence = _kept(result, contract, args.out)
    _papers(evidence, wanted, args)
    return code


def again(args: argparse.Namespace) -> int:
    """The paper from a file that was kept, or that a probe sent."""
    wanted, where = _wanted(args), str(args.source)
    document = keeping.read(args.source, bundle.MAX_BYTES)
    if bundle.is_bundle(document):
        _refuse(
            [name for name in (*arguments.CONTRACT, "registry") if getattr(args, name) is not None], str(_OF_BUNDLE)
        )
        evidence = bundle.read(document, where)
        _check_names(evidence.run, args)
    else:
        run, line, signature = bundle.read_result(document, where)
        _check_names(run, args)
        day = run.started.astimezone(VIETNAM_TIME).date()
        contract = _completed(_contract(args, run.site, run.line.name, day), run)
        bundle.check_contract(run, contract, where)
        evidence = bundle.Evidence(run=run, contract=contract, program=__version__, result=line, signature=signature)
        keeping.refuse(keeping.files(evidence, wanted.formats, args.out), force=args.force)
        keeping.keep(evidence, args.out)
    _papers(evidence, wanted, args)
    return 0


def check(args: argparse.Namespace) -> int:
    """Whether a file is whole, and the one whose hash stands on a paper."""
    on_paper = None if args.hash is None else read_hash(args.hash)
    evidence = bundle.read(keeping.read(args.check, bundle.MAX_BYTES), str(args.check))
    same = None if on_paper is None else is_same(evidence.sha256, on_paper)
    if args.json:
        print(json.dumps({**bundle.summary(evidence), "matches": same}, ensure_ascii=False))
    else:
        for line in _said(evidence, same):
            print(line)
    return 1 if same is False else 0


def _said(evidence: bundle.Evidence, same: bool | None) -> list[Text]:  # noqa: FBT001 - an answer, not a switch
    run = evidence.run
    here = run.started.astimezone(VIETNAM_TIME)
    found: list[Text] = [
        _WHOLE.fill(site=run.site, link=run.line.name, when=f"{here:%H:%M %d/%m/%Y}", outcome=TITLES[run.outcome]),
        Text(vi=f"sha256: {grouped(evidence.sha256)}", en=f"sha256: {grouped(evidence.sha256)}"),
    ]
    if evidence.signature is not None:
        found.append(_SIGNED)
    return [*found, _BY_EYE if same is None else _SAME if same else _DIFFERENT]


# --- before


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be written, found possible before anything is measured."""

    formats: tuple[str, ...]
    paper: Paper
    ceremony: Ceremony


def _wanted(args: argparse.Namespace) -> _Wanted:
    formats = tuple(dict.fromkeys(word.strip().lower() for word in args.format.split(",") if word.strip()))
    if not formats or set(formats) - set(forms.names()):
        raise InputError(f"--format {args.format}", _NO_FORMAT, _FORMATS.fill(names=", ".join(forms.names())))
    paper, ceremony = read_paper(args.settings), read_ceremony(args.settings)
    for name in formats:  # a missing package is said now
        import_module(f"{forms.__name__}.as_{name}")
    if _PRINTED.intersection(formats):
        from doxa_collector.papers import fonts

        fonts.load(paper.look.fonts)
    return _Wanted(formats=formats, paper=paper, ceremony=ceremony)


def _check_site(agent: Path, site: str) -> None:
    """The probe stands at another office: better said now than after the line was filled for minutes."""
    if (here := read_toml(agent).text("site")) != site:
        raise InputError(str(agent), _ELSEWHERE.fill(here=here, site=site), _RIGHT_SITE.fill(here=here))


def _own_registry() -> Path | None:
    """This machine's registry, if it has one. One that we may not read is named, too: reading it says why."""
    try:
        return DEFAULT_REGISTRY if DEFAULT_REGISTRY.exists() else None
    except PermissionError:
        return DEFAULT_REGISTRY


def _contract(args: argparse.Namespace, site: str, link: str, day: date) -> Contracted:
    file = args.registry or _own_registry()
    said = {
        "down_mbps": args.down, "up_mbps": args.up, "layer": None if args.layer is None else Layer(args.layer),
        "provider": args.provider, "technology": args.technology, "number": args.number, "office": args.office,
    }  # fmt: skip
    return contracted(file, site, link, day, said)


def _rates(contract: Contracted) -> tuple[float, float]:
    if contract.down_mbps is None:
        raise InputError("--down", _NO_RATE, _WRITE_RATE.fill(option="--down"))
    if contract.up_mbps is None:
        raise InputError("--up", _NO_RATE, _WRITE_RATE.fill(option="--up"))
    return contract.down_mbps, contract.up_mbps


def _completed(contract: Contracted, run: Run) -> Contracted:
    """What nobody says of the promised rates is what the test was run for: it was said at the test."""
    whole = replace(
        contract,
        down_mbps=run.line.down_mbps if contract.down_mbps is None else contract.down_mbps,
        up_mbps=run.line.up_mbps if contract.up_mbps is None else contract.up_mbps,
        layer=contract.layer or (None if run.line.layer is Layer.IP else run.line.layer),
    )
    return replace(whole, source=BOTH) if whole != contract and contract.source == REGISTRY else whole


def _check_names(run: Run, args: argparse.Namespace) -> None:
    """The file must be of the line that was named."""
    for said, here in ((args.site, run.site), (args.link, run.line.name)):
        if said is not None and said != here:
            raise InputError(str(args.source), _OTHER.fill(said=said, here=here), _RIGHT_FILE)


# --- after


def _kept(result: Path, contract: Contracted, out: Path) -> bundle.Evidence:
    """The child's result as a bundle on the disk; where that fails, the result stays and is named."""
    try:
        run, line, signature = bundle.read_result(keeping.read(result, MAX_BYTES), str(result))
        bundle.check_contract(run, contract, str(result))
        evidence = bundle.Evidence(run=run, contract=contract, program=__version__, result=line, signature=signature)
        keeping.keep(evidence, out)
    except DoxaError:
        print(_RESULT_STAYS.fill(file=result), file=sys.stderr)
        raise
    result.unlink()
    return evidence


def _papers(evidence: bundle.Evidence, wanted: _Wanted, args: argparse.Namespace) -> None:
    """Write them, and say what there is now."""
    files = keeping.files(evidence, wanted.formats, args.out)
    document = acceptance_record(record_of(evidence, wanted.ceremony), wanted.paper.words)
    try:
        keeping.write(document, files, wanted.paper.look, force=args.force)
    except DoxaError:
        if args.source is None:
            print(_EVIDENCE_STAYS.fill(file=args.out / evidence.name), file=sys.stderr)
        raise
    if args.json:
        told = {**bundle.summary(evidence), "folder": str(args.out), "papers": [file.name for file in files]}
        print(json.dumps(told, ensure_ascii=False))
        return
    for file in files:
        print(_WRITTEN.fill(file=file))
    print(_EVIDENCE.fill(name=evidence.name, sha256=grouped(evidence.sha256)))
    print(_OUTCOME.fill(outcome=TITLES[evidence.run.outcome]))


TITLES: Final = {
    VerdictOutcome.PASS: Text(vi="ĐẠT", en="PASS"),
    VerdictOutcome.FAIL: Text(vi="KHÔNG ĐẠT", en="FAIL"),
    VerdictOutcome.PROBE_LIMITED: Text(
        vi="THIẾT BỊ ĐO GIỚI HẠN (chưa kết luận về đường truyền)", en="PROBE LIMITED (nothing is said about the line)"
    ),
    VerdictOutcome.INSUFFICIENT: Text(
        vi="CHƯA ĐỦ CĂN CỨ (chưa kết luận về đường truyền)", en="INSUFFICIENT (nothing is said about the line)"
    ),
}
_NEEDS: Final = Text(vi="tùy chọn này chỉ đi cùng {option}", en="this option goes with {option} only")
_ADD: Final = Text(vi="hãy thêm {option} TỆP", en="add {option} FILE")
_NOT_BESIDE: Final = Text(vi="không dùng cùng {option}", en="it has no meaning beside {option}")
_LEAVE_OUT: Final = Text(vi="hãy bỏ một trong hai", en="leave out one of the two")
_OF_BUNDLE: Final = Text(
    vi="tệp bằng chứng, vì tệp đã giữ hợp đồng lúc đo", en="a bundle, which holds the contract as it was"
)
_WHICH: Final = Text(vi="chưa rõ đường truyền nào", en="it is not said which line")
_NAME_THEM: Final = Text(
    vi="hãy ghi doxa accept ĐIỂM-ĐO ĐƯỜNG-TRUYỀN, hoặc --from TỆP, --check TỆP",
    en="write doxa accept SITE LINK, or --from FILE, --check FILE",
)
_NO_FORMAT: Final = Text(vi="không có định dạng này", en="there is no such format")
_FORMATS: Final = Text(vi="hãy chọn trong: {names}", en="choose among: {names}")
_ELSEWHERE: Final = Text(
    vi="thiết bị đo này thuộc điểm đo «{here}», không phải «{site}»",
    en="this probe belongs to the site '{here}', not to '{site}'",
)
_RIGHT_SITE: Final = Text(vi="hãy ghi doxa accept {here} …", en="write doxa accept {here} …")
_NO_RATE: Final = Text(vi="chưa biết tốc độ theo hợp đồng", en="the contracted rate is not known")
_WRITE_RATE: Final = Text(
    vi="hãy ghi {option} MBPS, hoặc --registry TỆP có contracted_down_mbps và contracted_up_mbps",
    en="write {option} MBPS, or --registry FILE with contracted_down_mbps and contracted_up_mbps",
)
_OTHER: Final = Text(vi="tệp này là của «{here}», không phải «{said}»", en="this file is of '{here}', not of '{said}'")
_RIGHT_FILE: Final = Text(vi="hãy đưa đúng tệp, hoặc bỏ tên", en="give the right file, or leave the names out")
_RESULT_STAYS: Final = Text(vi="kết quả đo được giữ lại: {file}", en="the result is kept: {file}")
_EVIDENCE_STAYS: Final = Text(
    vi="bằng chứng đã được giữ; lập lại biên bản bằng: doxa accept --from {file}",
    en="the evidence is kept; make the paper again with: doxa accept --from {file}",
)
_WRITTEN: Final = Text(vi="đã ghi {file}", en="wrote {file}")
_EVIDENCE: Final = Text(vi="bằng chứng {name}\nsha256: {sha256}", en="evidence {name}\nsha256: {sha256}")
_OUTCOME: Final = Text(vi="KẾT LUẬN: {outcome}", en="CONCLUSION: {outcome}")
_WHOLE: Final = Text(
    vi="Tệp còn nguyên: {site}/{link}, đo lúc {when}, kết luận: {outcome}",
    en="The file is whole: {site}/{link}, measured at {when}, conclusion: {outcome}",
)
_SIGNED: Final = Text(
    vi="Có chữ ký của thiết bị đo đi kèm, chưa được kiểm tra", en="There is a probe's signature with it, not checked"
)
_BY_EYE: Final = Text(
    vi="Hãy so mã trên với biên bản, hoặc chạy lại với --hash", en="Compare it with the paper, or run again with --hash"
)
_SAME: Final = Text(vi="KHỚP: đây đúng là tệp bằng chứng của biên bản", en="THE SAME: this is the paper's evidence")
_DIFFERENT: Final = Text(
    vi="KHÔNG KHỚP: đây không phải tệp bằng chứng của biên bản này",
    en="NOT THE SAME: this is not that paper's evidence",
)

"""The evidence of an acceptance as one file: two lines of canonical JSON, the same bytes for the same content.

Line 1 is ours (`acceptance-bundle/1`): office, contract, program. Line 2 is the agent's result (`acceptance/1`), byte for byte
as the agent wrote it, and behind one TAB its signature where there is one (docs/wire.md §3). SHA-256 of the whole file is what
`sha256sum` says and what the QR on the paper carries. The file names addresses: it is internal and stays with the office.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from doxa_collector.accept.contracted import BOTH, REGISTRY, SAID, Contracted
from doxa_collector.papers.drafts import acceptance_evidence
from doxa_collector.papers.drafts.acceptance_records import Run
from doxa_core.errors import InputError, WireError
from doxa_core.fields import Fields, canonical, parse_object
from doxa_core.language import VIETNAM_TIME, Text
from doxa_core.layers import Layer

SCHEMA: Final = "acceptance-bundle/1"
SUFFIX: Final = "jsonl"
MAX_HEADER: Final = 64 * 1024
MAX_SIGNATURE: Final = 1024
MAX_BYTES: Final = MAX_HEADER + acceptance_evidence.MAX_BYTES + MAX_SIGNATURE + 8
_HIGHEST: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a bundle holds, read and found sound."""

    run: Run
    contract: Contracted
    program: str
    """The doxa that made the bundle; the agent's version stands in the result."""
    result: bytes
    """The agent's line, without its signature."""
    signature: str | None = None
    """Kept, not checked: probes have no keys for measurements yet."""

    def encode(self) -> bytes:
        """The file."""
        header = {
            "schema": SCHEMA,
            "site": self.run.site,
            "link": self.run.line.name,
            "contract": _contract_fields(self.contract),
            "programs": {"doxa": self.program},
        }
        tail = b"" if self.signature is None else b"\t" + self.signature.encode()
        return canonical(header) + b"\n" + self.result + tail + b"\n"

    @property
    def sha256(self) -> str:
        """Of the whole file."""
        return hashlib.sha256(self.encode()).hexdigest()

    @property
    def mark(self) -> str:
        """Site, link and start, for file names: `xa-dong-dang_internet_20261122-090000`, Vietnamese time."""
        here = self.run.started.astimezone(VIETNAM_TIME)
        return f"{self.run.site}_{self.run.line.name}_{here:%Y%m%d-%H%M%S}"

    @property
    def name(self) -> str:
        """The file's name."""
        return f"bang-chung-nghiem-thu_{self.mark}.{SUFFIX}"


def is_bundle(document: bytes) -> bool:
    """Whether this says of itself that it is a bundle (else it may be a bare result)."""
    return f'"schema":"{SCHEMA}"'.encode() in document[:MAX_HEADER].split(b"\n", 1)[0]


def read_result(document: bytes, where: str) -> tuple[Run, bytes, str | None]:
    """A bare result with its signature, if any: the run, the line in canonical form, the signature.

    A signed line is taken as it stands: a signature is over bytes. `InputError` naming `where` for anything else.
    """
    raw, tab, tail = document.strip(b"\r\n ").partition(b"\t")
    if tab and b"\n" not in raw:
        return acceptance_evidence.read(raw, where), _as_written(raw, where), _signature(tail, where)
    run = acceptance_evidence.read(document, where)
    return run, canonical(parse_object(document.strip(), acceptance_evidence.MAX_BYTES)), None


def read(document: bytes, where: str) -> Evidence:
    """The evidence in a bundle; `InputError` naming `where` for what is damaged, changed or contradicts itself."""
    if len(document) > MAX_BYTES:
        raise InputError(where, _TOO_BIG, _ORIGINAL)
    head, feed, rest = document.partition(b"\n")
    line, end, more = rest.partition(b"\n")
    if not feed or not end or more:
        raise InputError(where, _CUT, _ORIGINAL)
    header = _header(head, where)
    raw, tab, tail = line.partition(b"\t")
    evidence = Evidence(
        run=acceptance_evidence.read(raw, where),
        contract=header.contract,
        program=header.program,
        result=_as_written(raw, where),
        signature=_signature(tail, where) if tab else None,
    )
    if (evidence.run.site, evidence.run.line.name) != (header.site, header.link):
        raise InputError(where, _OTHER_LINE, _ORIGINAL)
    check_contract(evidence.run, evidence.contract, where)
    if evidence.encode() != document:  # a field that we do not know would be lost from the paper's hash
        raise InputError(where, _REWRITTEN, _ORIGINAL)
    return evidence


@dataclass(frozen=True, slots=True)
class _Header:
    site: str
    link: str
    contract: Contracted
    program: str


def _header(head: bytes, where: str) -> _Header:
    try:
        header = parse_object(head, MAX_HEADER)
        if header.get("schema") != SCHEMA:
            raise InputError(where, _NOT_ONE, _ORIGINAL)
        found = Fields(header)
        return _Header(
            site=found.text("site"),
            link=found.text("link"),
            contract=_contract(Fields(found.mapping("contract"))),
            program=Fields(found.mapping("programs")).text("doxa"),
        )
    except WireError as error:
        raise InputError(where, _UNREADABLE.fill(why=error), _ORIGINAL) from None
    except (ValueError, RecursionError) as error:  # a layer or a day that is none
        raise InputError(where, _UNREADABLE.fill(why=type(error).__name__), _ORIGINAL) from None


def _as_written(raw: bytes, where: str) -> bytes:
    """The line, if it is in the one form in which the agent writes it."""
    if canonical(parse_object(raw, acceptance_evidence.MAX_BYTES)) != raw:
        raise InputError(where, _REWRITTEN, _ORIGINAL)
    return raw


def _signature(found: bytes, where: str) -> str:
    if not 0 < len(found) <= MAX_SIGNATURE or not all(33 <= octet < 127 for octet in found):
        raise InputError(where, _BAD_SIGNATURE, _ORIGINAL)
    return found.decode("ascii")


def check_contract(run: Run, contract: Contracted, where: str) -> None:
    """`InputError` unless the run was made for this contract: a paper must not hold one line against another's promise."""
    asked = (run.line.down_mbps, run.line.up_mbps, run.line.layer)
    promised = (contract.down_mbps, contract.up_mbps, contract.layer or Layer.IP)
    if asked != promised:
        raise InputError(where, _OTHER_CONTRACT.fill(asked=_said(*asked), promised=_said(*promised)), _MEND_CONTRACT)


def _said(down: float | None, up: float | None, layer: Layer) -> str:
    rates = ["…" if rate is None else f"{rate:g}" for rate in (down, up)]
    return f"{'/'.join(rates)} Mbps ({layer.value})"


def _contract_fields(contract: Contracted) -> dict[str, Any]:
    found = {one.name: getattr(contract, one.name) for one in fields(contract)}
    return {
        name: value.isoformat() if isinstance(value, date) else value.value if isinstance(value, Layer) else value
        for name, value in found.items()
        if value is not None
    }


def _contract(found: Fields) -> Contracted:
    def text(name: str) -> str | None:
        return found.text(name) if name in found else None

    layer, source = text("layer"), found.text("source")
    if source not in (REGISTRY, SAID, BOTH):
        raise WireError("bad_field", f"source: {source!r:.40}")
    return Contracted(
        office=text("office"),
        place=text("place"),
        provider=text("provider"),
        technology=text("technology"),
        number=text("number"),
        down_mbps=found.optional_number("down_mbps", 0, _HIGHEST),
        up_mbps=found.optional_number("up_mbps", 0, _HIGHEST),
        layer=None if layer is None else Layer(layer),
        valid_from=_day(text("valid_from")),
        valid_to=_day(text("valid_to")),
        source=source,
    )


def _day(found: str | None) -> date | None:
    return None if found is None else date.fromisoformat(found)


def summary(evidence: Evidence) -> Mapping[str, Any]:
    """What a machine is told of a bundle."""
    run = evidence.run
    return {
        "site": run.site,
        "link": run.line.name,
        "started": run.started.isoformat(),
        "verdict": run.outcome.value,
        "reasons": list(run.reasons),
        "sha256": evidence.sha256,
        "bundle": evidence.name,
        "signed": evidence.signature is not None,
    }


_TOO_BIG: Final = Text(vi="tệp quá lớn", en="the file is too big")
_NOT_ONE: Final = Text(vi=f"không phải tệp bằng chứng {SCHEMA}", en=f"this is no bundle of the schema {SCHEMA}")
_CUT: Final = Text(
    vi="tệp bằng chứng phải có đúng hai dòng đủ, tệp này bị cắt hoặc bị thêm",
    en="a bundle has exactly two whole lines, this one was cut or added to",
)
_REWRITTEN: Final = Text(
    vi="tệp đã bị ghi lại bằng chương trình khác, không còn nguyên từng byte",
    en="the file was written again by another program and is not the same bytes any more",
)
_UNREADABLE: Final = Text(vi="không đọc được tệp bằng chứng ({why})", en="the bundle cannot be read ({why})")
_OTHER_LINE: Final = Text(
    vi="hai dòng của tệp nói về hai đường truyền khác nhau", en="the two lines of the file speak of different links"
)
_BAD_SIGNATURE: Final = Text(
    vi="chữ ký sau dấu TAB không đúng dạng", en="the signature behind the TAB is not of the right form"
)
_OTHER_CONTRACT: Final = Text(
    vi="phép đo được chạy cho hợp đồng {asked} nhưng hợp đồng nêu ra là {promised}",
    en="the test was run for a contract of {asked}, but the contract named is {promised}",
)
_MEND_CONTRACT: Final = Text(
    vi="hãy sửa sổ đăng ký cho đúng ngày đo (hoặc --down, --up, --layer), hay đo lại",
    en="mend the registry for the day of the measurement (or --down, --up, --layer), or measure again",
)
_ORIGINAL: Final = Text(vi="hãy lấy lại tệp gốc", en="fetch the original file again")

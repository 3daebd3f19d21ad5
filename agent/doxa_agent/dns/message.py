"""DNS messages: one question out, any message in (RFC 1035 §4, EDNS RFC 6891, AD and CD RFC 4035 §3.2, RFC 6840 §5.7).

`decode` takes whatever octets come and raises nothing but `Malformed`. What it gives is bounded by the octets: no name
longer than 255, no more records than there is room for.
"""

import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

from doxa_agent.dns import name as names
from doxa_agent.dns.name import Malformed, Name

TYPES: Final = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DS": 43,
    "DNSKEY": 48, "SVCB": 64, "HTTPS": 65, "CAA": 257,
}  # fmt: skip
"""What may be asked for (the registry "Resource Record (RR) TYPEs")."""
OPT: Final = 41
IN: Final = 1
RCODES: Final = {
    0: "noerror", 1: "formerr", 2: "servfail", 3: "nxdomain", 4: "notimp", 5: "refused", 6: "yxdomain", 7: "yxrrset",
    8: "nxrrset", 9: "notauth", 10: "notzone", 16: "badvers", 23: "badcookie",
}  # fmt: skip
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
UDP_PAYLOAD: Final = 1232
"""What we say that we take over UDP: fits into the smallest IPv6 packet of 1280, so nothing is fragmented on the way."""
_HEADER: Final = struct.Struct("!HHHHHH")
_QUESTION: Final = struct.Struct("!HH")
_RECORD: Final = struct.Struct("!HHIH")
_QR, _AA, _TC, _RD, _RA, _AD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020
_DO: Final = 0x8000
_NAMED: Final = frozenset({TYPES["NS"], TYPES["CNAME"], TYPES["PTR"]})
_ADDRESS: Final = {TYPES["A"]: 4, TYPES["AAAA"]: 16}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    name: Name
    type: int
    class_: int = IN

    def fits(self, other: "Question") -> bool:
        """Whether the other one, in an answer, is this question; letters of both cases are equal."""
        return (self.type, self.class_) == (other.type, other.class_) and names.same(self.name, other.name)


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record."""

    name: Name
    type: int
    class_: int
    ttl: int
    """Seconds; a value with the highest bit set counts as 0 (RFC 2181 §8)."""
    data: bytes
    target: Name | None = None
    """The name that NS, CNAME and PTR give, its compression undone."""

    @property
    def address(self) -> str | None:
        """The address of an A or AAAA record."""
        return str(ipaddress.ip_address(self.data)) if self.class_ == IN and self.type in _ADDRESS else None


@dataclass(frozen=True, slots=True)
class Edns:
    """What the OPT record says (RFC 6891 §6.1)."""

    payload: int
    version: int
    dnssec_ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, its OPT record taken out of `additional`."""

    id: int
    response: bool
    opcode: int
    authoritative: bool
    truncated: bool
    recursion_available: bool
    authenticated: bool
    """The AD bit: the server says that it validated the answer. As good as the way to the server."""
    rcode: int
    """With the upper bits of EDNS, where it is there."""
    questions: tuple[Question, ...]
    answers: tuple[Record, ...]
    authority: tuple[Record, ...]
    additional: tuple[Record, ...]
    edns: Edns | None
    trailing: int
    """Octets after the last record: none belong there."""


def query(number: int, question: Question, *, edns: bool = True, ad: bool = True, dnssec: bool = False) -> bytes:
    """A recursive question. `ad` asks for the AD bit (RFC 6840 §5.7), `dnssec` for the signatures too (DO, RFC 3225)."""
    head = _HEADER.pack(number, _RD | (_AD if ad else 0), 1, 0, 0, 1 if edns else 0)
    asked = names.encode(question.name) + _QUESTION.pack(question.type, question.class_)
    opt = b"\0" + _RECORD.pack(OPT, UDP_PAYLOAD, _DO if dnssec else 0, 0) if edns else b""
    return head + asked + opt


def number_of(octets: bytes) -> int | None:
    """The identifier of what may be a message; None where it is too short to have one."""
    return int.from_bytes(octets[:2], "big") if len(octets) >= _HEADER.size else None


def decode(octets: bytes) -> Message:
    """The message in `octets`. Raises `Malformed` and nothing else."""
    if len(octets) < _HEADER.size:
        raise Malformed("header_cut")
    number, bits, *counts = _HEADER.unpack_from(octets)
    at, questions = _HEADER.size, []
    for _ in range(counts[0]):
        question, at = _question(octets, at)
        questions.append(question)
    sections: list[tuple[Record, ...]] = []
    for count in counts[1:]:
        found = []
        for _ in range(count):
            record, at = _record(octets, at)
            found.append(record)
        sections.append(tuple(found))
    answers, authority, additional = sections
    options = [record for record in additional if record.type == OPT]
    edns = _edns(options)
    return Message(
        id=number,
        response=bool(bits & _QR),
        opcode=bits >> 11 & 0xF,
        authoritative=bool(bits & _AA),
        truncated=bool(bits & _TC),
        recursion_available=bool(bits & _RA),
        authenticated=bool(bits & _AD),
        rcode=bits & 0xF | (options[0].ttl >> 24 << 4 if options else 0),
        questions=tuple(questions),
        answers=answers,
        authority=authority,
        additional=tuple(record for record in additional if record.type != OPT),
        edns=edns,
        trailing=len(octets) - at,
    )


def _question(octets: bytes, at: int) -> tuple[Question, int]:
    name, at = names.decode(octets, at)
    if at + _QUESTION.size > len(octets):
        raise Malformed("question_cut")
    kind, class_ = _QUESTION.unpack_from(octets, at)
    return Question(name, kind, class_), at + _QUESTION.size


def _record(octets: bytes, at: int) -> tuple[Record, int]:
    name, at = names.decode(octets, at)
    if at + _RECORD.size > len(octets):
        raise Malformed("record_cut")
    kind, class_, ttl, length = _RECORD.unpack_from(octets, at)
    at += _RECORD.size
    end = at + length
    if end > len(octets):
        raise Malformed("record_cut")
    if class_ == IN and length != _ADDRESS.get(kind, length):
        raise Malformed("address_length")
    target = None
    if kind in _NAMED:
        target, after = names.decode(octets[:end], at)
        if after != end:
            raise Malformed("target_length")
    if ttl & 0x80000000 and kind != OPT:
        ttl = 0
    return Record(name, kind, class_, ttl, octets[at:end], target), end


def _edns(options: list[Record]) -> Edns | None:
    if not options:
        return None
    if len(options) > 1 or options[0].name:
        raise Malformed("opt")
    (opt,) = options
    return Edns(opt.class_, opt.ttl >> 16 & 0xFF, bool(opt.ttl & _DO))


@dataclass(frozen=True, slots=True)
class Chain:
    """What a message answers to its question: the records of the asked type at the end of the aliases."""

    records: tuple[Record, ...]
    aliases: int
    """CNAME records on the way (RFC 1034 §3.6.2)."""
    ttl: int | None
    """The smallest time to live of all of these, seconds: so long may a cache keep the whole. None without records."""


def follow(message: Message, question: Question) -> Chain:
    """The answer to `question` in a message; records that belong to other names do not count."""
    at, used = question.name, list[Record]()
    while True:
        found = [r for r in message.answers if r.type == question.type and _owns(r, at, question)]
        if found:
            ttl = min(record.ttl for record in (*used, *found))
            return Chain(tuple(found), len(used), ttl)
        alias = next((r for r in message.answers if r.target is not None and _aliases(r, at, question)), None)
        if alias is None or alias.target is None or alias in used:
            return Chain((), len(used), None)
        used.append(alias)
        at = alias.target


def _owns(record: Record, name: Name, question: Question) -> bool:
    return record.class_ == question.class_ and names.same(record.name, name)


def _aliases(record: Record, name: Name, question: Question) -> bool:
    return record.type == TYPES["CNAME"] and _owns(record, name, question)


def rcode_name(rcode: int) -> str:
    """The word of an rcode, in lower case: `nxdomain`; `rcode_11` for one that is not known here."""
    return RCODES.get(rcode, f"rcode_{rcode}")

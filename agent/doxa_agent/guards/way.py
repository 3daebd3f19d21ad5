"""The way out and in: a figure belongs to a link only if its packets left and came by that link's interface.

Out: the kernel's routing answer (the reading's proof). In: where an echo answer of the far end arrives, and what the
interface's counters moved beside what we know that we received.
"""

from collections.abc import Mapping
from typing import Any, Final

from doxa_agent.guard import Finding, Turn, Verdict
from doxa_agent.meter import Reading
from doxa_agent.net import audit
from doxa_agent.net.entry import entered_by
from doxa_core.language import Text

TITLE: Final = Text(vi="Đường đi của gói tin", en="The packets' way")

LEFT_ELSEWHERE: Final = "proof_left_elsewhere"
ENTERED_ELSEWHERE: Final = "proof_entered_elsewhere"

FINDINGS: Final[Mapping[str, Text]] = {
    LEFT_ELSEWHERE: Text(
        vi="gói tin đi ra bằng giao diện khác với giao diện của đường truyền: kết quả không phải của đường này",
        en="packets left by another interface than the link's: the result is not this line's",
    ),
    ENTERED_ELSEWHERE: Text(
        vi="gói trả lời đi vào bằng giao diện khác với giao diện của đường truyền: kết quả không hẳn của đường này",
        en="answers came in by another interface than the link's: the result is not this line's alone",
    ),
}

MISSING_SHARE: Final = 0.5
MISSING_OCTETS: Final = 1e6
"""Where the interface moved less than half of what arrived, by a megabyte at least, the rest came another way."""


def look(turn: Turn) -> list[Finding]:  # noqa: ARG001 - the contract's
    """Before a run there is no far end to ask."""
    return []


def judge(turn: Turn, reading: Reading) -> Verdict:
    """`proof_left_elsewhere` and `proof_entered_elsewhere`; what could not be found out stands in the detail."""
    interface, proof = turn.link.interface, reading.proof
    if interface is None or proof is None:
        return Verdict()
    address = reading.detail.get("address")
    entered, unknown = _entered(address, reading.family, interface, proof.source)
    codes = []
    if proof.interface != interface:
        codes.append(LEFT_ELSEWHERE)
    if (entered is not None and entered != interface) or _missing(reading.detail):
        codes.append(ENTERED_ELSEWHERE)
    told = {"entered_by": entered} if entered is not None else {"entered_unknown": unknown}
    return Verdict(findings=tuple(codes), limits=tuple(codes), detail=told)


def _entered(address: Any, family: int | None, interface: str, source: str) -> tuple[str | None, str | None]:
    if not isinstance(address, str) or family not in (4, 6):
        return None, "no_address"
    return entered_by(address, family, interface, source)


def _missing(detail: Mapping[str, Any]) -> bool:
    return any(
        found.interface_bytes < MISSING_SHARE * found.payload_bytes
        and found.payload_bytes - found.interface_bytes > MISSING_OCTETS
        for found in audit.balances_in(detail)
    )

"""Asks a short-lived child process for what needs crafted packets; the agent itself never imports scapy."""

import importlib.util
import json
from typing import Any, Final

from doxa_agent.ipv6.account import Account
from doxa_agent.ipv6.stream import Place
from doxa_agent.ipv6.within import Within
from doxa_agent.meter import Deadline, Link
from doxa_agent.net import child
from doxa_agent.net.proof import proof_if_any

CHILD_S: Final = 20.0
"""A Pi needs seconds to import scapy."""
_MODULE: Final = "doxa_agent.ipv6.child"
_FLAGS: Final = ("dhcpv6_server", "fragments", "destination_options")


def look(link: Link, six: Place | None, wait_s: float, account: Account, deadline: Deadline) -> None:
    """Whether a DHCPv6 server answers, and whether fragments and extension headers reach the far end (RFC 7872)."""
    if importlib.util.find_spec("scapy") is None:
        account.note("needs_extra_craft")
        return
    if link.interface is None:
        account.note("interface_unknown")
        return
    order: dict[str, Any] = {"interface": link.interface, "wait_s": wait_s}
    if six is not None:
        proof = proof_if_any(six.address, 6, link)
        order |= {"address": six.address, "source": proof.source if proof else None}
    answer = child.ask(_MODULE, json.dumps(order).encode(), _decode, deadline, Within(deadline, CHILD_S))
    if isinstance(answer, child.Fault) or answer.get("reason") == "failed":
        account.note("craft_failed")
        account.detail["craft"] = {"why": answer.why if isinstance(answer, child.Fault) else answer.get("text")}
        return
    if answer.get("reason") == "not_permitted":
        account.note("needs_raw_socket")
        return
    for name in _FLAGS:
        if isinstance(answer.get(name), bool):
            account.flag(name, yes=answer[name])
    if answer.get("echo") is False:
        account.note("echo_unanswered")


def _decode(octets: bytes) -> dict[str, Any]:
    """The child's answer; `ValueError` for anything else."""
    try:
        found = json.loads(octets)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    if not isinstance(found, dict):
        raise ValueError("no answer")  # noqa: TRY004 - whoever asks expects this one
    return found

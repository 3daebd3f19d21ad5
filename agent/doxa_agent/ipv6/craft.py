"""Asks a short-lived child process for what needs crafted packets; the agent itself never imports scapy."""

import importlib.util
import json
import subprocess
import sys
from typing import Any, Final

from doxa_agent.ipv6.account import Account
from doxa_agent.ipv6.stream import Place
from doxa_agent.meter import Deadline, Link
from doxa_agent.net.proof import proof_if_any

CHILD_S: Final = 20.0
"""A Pi needs seconds to import scapy."""
_MOST_ANSWER: Final = 16 * 1024
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
    answer = _ask(order, min(CHILD_S, deadline.left_s))
    if answer is None:
        account.note("craft_failed")
        return
    if answer.get("reason") == "not_permitted":
        account.note("needs_raw_socket")
        return
    for name in _FLAGS:
        if isinstance(answer.get(name), bool):
            account.flag(name, yes=answer[name])
    if answer.get("echo") is False:
        account.note("echo_unanswered")


def _ask(order: dict[str, Any], patience_s: float) -> dict[str, Any] | None:
    """The child's answer; None where it gave none in time (then it is killed)."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "doxa_agent.ipv6.child"],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=max(0.1, patience_s),
            check=False,
        )
        found = json.loads(done.stdout[:_MOST_ANSWER])
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return found if isinstance(found, dict) else None

"""Which resolvers there are, and one question to one of them over the line (the engine of the `dns` meter asks it)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from doxa_agent.dns import exchange, message, name
from doxa_agent.dns.exchange import Policy, Server, Tally
from doxa_agent.dns.message import Question
from doxa_agent.dns.servers import RESOLV_CONF, is_address, is_local, system_servers
from doxa_agent.meter import Deadline, Link
from doxa_agent.net.binding import Unreachable

UPSTREAM_CONF: Final = Path("/run/systemd/resolve/resolv.conf")
"""Where systemd-resolved tells the servers behind its stub (127.0.0.53)."""
HOSTS: Final = Path("/etc/hosts")
TRIES: Final = 2
A, AAAA = message.TYPES["A"], message.TYPES["AAAA"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What one server said."""

    server: str
    code: int | None = None
    """RCODE (RFC 1035 §4.1.1): 0 no error, 2 server failure, 3 no such name; None without an answer."""
    addresses: tuple[str, ...] = ()
    """Those of the kind that was asked for, at the end of the aliases."""
    reason: str | None = None
    """Why there is no answer: `no_answer`, `port_unreachable`, `no_route` …"""
    seconds: float | None = None
    """From the question that was answered to its answer."""

    @property
    def decided(self) -> bool:
        """Whether the server knows: the name is or is not there. Others may only be unable to tell."""
        return self.code in (message.NOERROR, message.NXDOMAIN)


def family_of(server: str) -> int:
    """4 or 6."""
    return 6 if ":" in server else 4


def configured() -> tuple[str, ...]:
    """The servers of resolv.conf(5); behind a stub on this machine, those that the stub asks."""
    found = system_servers(RESOLV_CONF)
    if found and all(is_local(server) for server in found):
        found = system_servers(UPSTREAM_CONF) or found
    return found


def in_hosts(name: str, family: int) -> tuple[str, ...]:
    """The addresses that hosts(5) gives the name, as the C library would before it asks anybody."""
    try:
        rows = [
            line.partition("#")[0].split() for line in HOSTS.read_text(encoding="utf-8", errors="replace").splitlines()
        ]
    except OSError:
        return ()
    wanted = name.rstrip(".").lower()
    named = (row[0] for row in rows if len(row) > 1 and is_address(row[0]) and wanted in (n.lower() for n in row[1:]))
    return tuple(dict.fromkeys(address for address in named if family_of(address) == family))


def ask(server: str, host: str, kind: int, link: Link, deadline: Deadline, patience_s: float) -> Asked:
    """Ask one server over the line, twice at most; never raises for what the network does."""
    if is_local(server):  # a stub on this machine does not answer through the line
        link = replace(link, interface=None, source=None)
    try:
        question = Question(name.parse(host), kind)
        policy = Policy(timeout_s=patience_s, tries=TRIES)
        got = exchange.ask(Server(address=server, family=family_of(server)), question, policy, link, deadline, Tally())
    except ValueError:
        return Asked(server, reason="bad_name")
    except Unreachable as unreachable:
        return Asked(server, reason=unreachable.reason)
    found = [record.address for record in message.follow(got.message, question).records]
    return Asked(server, got.message.rcode, tuple(one for one in found if one is not None), None, got.rtt_s)


def first_reply(
    servers: Sequence[str], host: str, kind: int, link: Link, deadline: Deadline, patience_s: float
) -> Asked | None:
    """The first answer that decides, in the servers' order; else the best there is; None without any server.

    As resolv.conf(5) has it: the next server is asked where one is silent or says that it cannot.
    """
    found = None
    for server in servers:
        asked = ask(server, host, kind, link, deadline, patience_s)
        if asked.decided:
            return asked
        found = asked if found is None or asked.code is not None else found
    return found

"""One run against one server: asks, judges the answer, and makes a reading of it."""

import ipaddress
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from doxa_agent.dns import message
from doxa_agent.dns import name as names
from doxa_agent.dns.exchange import Answered, Server, Tally, ask
from doxa_agent.dns.message import Chain, Question, rcode_name
from doxa_agent.dns.options import RANDOM_LABEL, RESOLVE_S, SHARE, Options
from doxa_agent.dns.servers import is_local, system_servers
from doxa_agent.meter import Deadline, Link, Reading, Request
from doxa_agent.net.binding import LinkUnusable, Unreachable
from doxa_agent.net.names import resolve
from doxa_core.outcome import Outcome

_SHOWN: Final = 16
"""Answers that are kept as evidence."""
_LOCAL: Final = frozenset({"cut_short", "no_route", "refused_locally", "queue_full"})
"""Reasons that say nothing about the server: nothing was asked of it."""


def measure_all(request: Request[Options]) -> list[Reading]:
    """A reading a server and family, one after the other: what one waits for must not delay the next one's answer."""
    found = [
        _one(request, name, host, family) for name, host in _whom(request) for family in _families(host, request.family)
    ]
    return found or [Reading(outcome=Outcome.FAILED, family=request.family, reasons=("no_server",))]


def _whom(request: Request[Options]) -> Iterator[tuple[str, str]]:
    """Names and hosts of the servers: the task's far ends, or the system's own under names without their address."""
    if request.far_ends:
        yield from ((far_end.name, far_end.host) for far_end in request.far_ends)
        return
    for number, address in enumerate(system_servers(), 1):
        if request.family in (None, ipaddress.ip_address(address).version):
            yield f"resolver-{number}", address


def _families(host: str, wanted: int | None) -> tuple[int, ...]:
    """What is asked over: the forced family, an address's own, else both of a name, each on its own."""
    if wanted is not None:
        return (wanted,)
    try:
        return (ipaddress.ip_address(host).version,)
    except ValueError:
        return 4, 6


def _one(request: Request[Options], name: str, host: str, family: int) -> Reading:
    try:
        _, address = resolve(host, family, timeout_s=min(RESOLVE_S, request.deadline.left_s))
    except Unreachable as unreachable:
        return Reading(outcome=Outcome.FAILED, far_end=name, family=family, reasons=(unreachable.reason,))
    server = Server(address=address, family=family, port=request.options.port)
    reading = _Inquiry(server, request.options, _link(request.link, address), request.deadline).reading()
    return replace(reading, far_end=name, family=family)


class _Share(Deadline):
    """What one server may take of the whole run's time."""

    def __init__(self, whole: Deadline, seconds: float) -> None:
        super().__init__(seconds)
        self.whole = whole

    @property
    def left_s(self) -> float:
        """Seconds that are left of both."""
        return min(super().left_s, self.whole.left_s)


def _link(link: Link, address: str) -> Link:
    """A server on this machine is not behind the line."""
    return replace(link, interface=None, source=None) if is_local(address) else link


class _Inquiry:
    """The questions of one run to one server."""

    def __init__(self, server: Server, options: Options, link: Link, deadline: Deadline) -> None:
        self._server, self._options, self._link = server, options, link
        self._deadline = _Share(deadline, SHARE * options.policy.patience_s)
        self._tally = Tally()
        self._chain = Chain((), 0, None)
        self._values: dict[str, float] = {}
        self._findings: list[str] = []
        self._detail: dict[str, Any] = {
            "server": server.address,
            "name": names.show(options.question.name),
            "type": _type_name(options.question.type),
        }

    def reading(self) -> Reading:
        """Everything that the server told, or why it told nothing."""
        try:
            answered = self._ask(self._options.question, self._tally)
        except Unreachable as unreachable:
            outcome, reasons = self._unanswered(unreachable)
        else:
            outcome, reasons = self._answered(answered)
            self._look_for_rewriting()
        self._note()
        return Reading(
            outcome=outcome,
            proof=self._tally.proof,
            reasons=reasons,
            findings=tuple(self._findings),
            values=self._values,
            detail=self._detail,
        )

    def _ask(self, question: Question, tally: Tally) -> Answered:
        return ask(self._server, question, self._options.policy, self._link, self._deadline, tally)

    def _unanswered(self, unreachable: Unreachable) -> tuple[Outcome, tuple[str, ...]]:
        reason = unreachable.reason
        if reason == "cut_short":
            if self._deadline.whole.over:
                return Outcome.SKIPPED, (reason,)
            reason = "no_answer"
        if not isinstance(unreachable, LinkUnusable) and reason not in _LOCAL:
            self._values["answered_flag"] = 0
            if not self._tally.tcp:
                self._values["retransmits_count"] = self._retransmits()
        return Outcome.FAILED, (("truncated_then_tcp_failed", reason) if self._tally.truncated else (reason,))

    def _retransmits(self) -> int:
        return max(0, self._tally.sent - 1 - self._tally.edns_refused)

    def _answered(self, answered: Answered) -> tuple[Outcome, tuple[str, ...]]:
        found = answered.message
        self._chain = message.follow(found, self._options.question)
        resolved = found.rcode == message.NOERROR and bool(self._chain.records)
        self._values |= {
            "answered_flag": 1,
            "resolved_flag": int(resolved),
            "resolve_ms": round(answered.took_s * 1000, 3),
            "rtt_ms": round(answered.rtt_s * 1000, 3),
            "response_bytes": answered.octets,
            "tcp_flag": int(self._tally.tcp),
        }
        if not self._options.policy.tcp:
            self._values["retransmits_count"] = self._retransmits()
        self._describe(answered)
        if found.rcode != message.NOERROR:
            return Outcome.FAILED, (rcode_name(found.rcode),)
        self._values |= {"answers_count": len(self._chain.records), "aliases_count": self._chain.aliases}
        if not resolved:
            return Outcome.FAILED, ("no_data",)
        self._values |= {"ttl_min_s": self._chain.ttl or 0, "authenticated_flag": int(found.authenticated)}
        self._compare()
        return Outcome.OK, ()

    def _describe(self, answered: Answered) -> None:
        found = answered.message
        self._detail["rcode"] = rcode_name(found.rcode)
        shown = [text for record in self._chain.records[:_SHOWN] if (text := _show(record)) is not None]
        if shown:
            self._detail["answers"] = shown
        if found.trailing and not found.truncated:
            self._findings.append("trailing_octets")
        if not found.recursion_available:
            self._findings.append("no_recursion")

    def _compare(self) -> None:
        """Whether all addresses are among those that may come."""
        if not self._options.expect:
            return
        addresses = [ipaddress.ip_address(r.address) for r in self._chain.records if r.address is not None]
        fits = all(any(address in network for network in self._options.expect) for address in addresses)
        self._values["expected_flag"] = int(fits)
        if not fits:
            self._findings.append("answer_unexpected")

    def _look_for_rewriting(self) -> None:
        """Ask for a name that cannot be: a server that gives an address for it leads people elsewhere."""
        if self._options.absent_under is None:
            return
        label = secrets.token_hex(RANDOM_LABEL // 2).encode()
        question = Question((label, *self._options.absent_under), message.TYPES["A"])
        tally = Tally()
        try:
            found = self._ask(question, tally).message
        except Unreachable as unreachable:
            self._detail["absent"] = unreachable.reason
            return
        self._detail["absent"] = rcode_name(found.rcode)
        if found.rcode == message.NXDOMAIN:
            self._values["absent_honest_flag"] = 1
        elif found.rcode == message.NOERROR and (chain := message.follow(found, question)).records:
            self._values["absent_honest_flag"] = 0
            self._findings.append("absent_name_rewritten")
            self._detail["absent_answers"] = [_show(record) for record in chain.records[:_SHOWN]]

    def _note(self) -> None:
        tally = self._tally
        rare = {
            "answer_truncated": tally.truncated,
            "edns_refused": tally.edns_refused,
            "unmatched_answers": tally.unmatched,
            "malformed_answers": tally.malformed,
            "local_resolver": is_local(self._server.address),
        }
        self._findings += [name for name, there in rare.items() if there]
        counts = {"unmatched": tally.unmatched, "malformed": tally.malformed, "malformed_at": tally.last_malformed}
        self._detail |= {name: count for name, count in counts.items() if count}


def _type_name(number: int) -> str:
    return next(name for name, known in message.TYPES.items() if known == number)


def _show(record: message.Record) -> str | None:
    """What may be shown of a record in a few characters: addresses and names."""
    return record.address if record.target is None else names.show(record.target)

"""One whole capacity test against one far end: name, then each direction; whatever stops it becomes a reading."""

from contextlib import closing
from dataclasses import replace
from typing import Final

from doxa_agent.meter import Deadline, FarEnd, Reading, Request
from doxa_agent.net import audit
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.names import resolve
from doxa_agent.net.proof import prove_socket
from doxa_agent.speed import farload
from doxa_agent.speed.dialogue import Dialogue
from doxa_agent.speed.target import Target as HttpTarget
from doxa_agent.udpstp import figures
from doxa_agent.udpstp.activation import ActivationResult, Algorithm
from doxa_agent.udpstp.auth import read_keys
from doxa_agent.udpstp.client import BUSY, RETRY_AFTER_S, Agreement, Refused, Stopped, Target, agree, algorithm_of
from doxa_agent.udpstp.download import download
from doxa_agent.udpstp.flow import Flow
from doxa_agent.udpstp.options import FAST, RESOLVE_S, Options
from doxa_agent.udpstp.upload import upload
from doxa_core.errors import InputError
from doxa_core.layers import UDP_HEADER, HeaderModel
from doxa_core.measurement import LinkProof
from doxa_core.outcome import Outcome

_FRUGAL_S: Final = 5
_FAR_LOAD_S: Final = 0.5
"""How long a far end may take to tell its load; one without our HTTP responder tells none. And …"""
_FAR_LOAD_TRIPS: Final = 8
"""… so many of the longest round trips of the requests before: a connection, a question, a line that is still full."""
_NO_SESSION: Final = "0" * 16
_REASONS: Final = {
    "stalled": "stalled",
    "silent": "no_load",
    "nonsense": "far_end_nonsense",
}


def measure_far_end(request: Request[Options], far_end: FarEnd) -> Reading:
    """The reading about `far_end`; the line's faults are in it, never raised."""
    test = Test(request, far_end)
    try:
        test.run()
    except Unreachable as error:
        test.fail(error.reason)
    except Stopped:
        test.stopped = True
    return test.reading()


class Test:
    """The state of one test."""

    __test__ = False

    def __init__(self, request: Request[Options], far_end: FarEnd) -> None:
        self.stopped = False
        self._request, self._far_end = request, far_end
        self._options = _frugal(request.options) if request.frugal else request.options
        self._family = request.family
        self._proof: LinkProof | None = None
        self._values: dict[str, float] = {}
        self._detail: dict[str, object] = {}
        self._findings: list[str] = []
        self._failures: list[str] = []
        self._limits: list[str] = []
        self._busy = False
        self._idle: list[float] = []
        self._cpu: list[tuple[float, float]] = []
        self._loaded_s = 0.0

    def fail(self, reason: str) -> None:
        """Note a reason once."""
        if reason not in self._failures:
            self._failures.append(reason)

    def find(self, code: str) -> None:
        """Note a finding once."""
        if code not in self._findings:
            self._findings.append(code)

    def run(self) -> None:
        """All steps; `Unreachable` or `Stopped` where one ends it."""
        deadline = self._request.deadline
        self._family, address = resolve(
            self._far_end.host, self._request.family, timeout_s=min(RESOLVE_S, max(0.1, deadline.left_s))
        )
        self._detail["address"] = address
        target = Target(
            link=self._request.link,
            family=self._family,
            address=address,
            port=self._far_end.capacity_port,
            keys=self._keys(),
        )
        for direction in self._options.directions:
            try:
                self._measure(direction, target)
            except Refused as error:
                self._refused(direction, error)
            except Unreachable as error:
                self.fail(error.reason)
                self.find(f"{direction}_failed")
        self._ask_for_load(address)

    def _ask_for_load(self, address: str) -> None:
        """Whether the far end, by its own word over HTTP, was the limit; most servers of UDPSTP know no such word."""
        if not self._loaded_s or self._request.deadline.over:
            return
        assert self._family is not None
        target = HttpTarget(
            link=self._request.link, far_end=self._far_end, family=self._family, address=address, session=_NO_SESSION
        )
        patience = _FAR_LOAD_S + _FAR_LOAD_TRIPS * max(self._idle, default=0.0)
        with closing(Dialogue(target, Deadline(min(patience, self._request.deadline.left_s)))) as dialogue:
            load = farload.read_load(dialogue, seconds=max(1.0, self._loaded_s))
        # Slots are for HTTP: UDPSTP has an admission of its own.
        self._limits += [reason for reason in farload.limits(load, has_slot=True) if reason not in self._limits]
        for finding in farload.findings(load):
            self.find(finding)

    def _keys(self) -> dict[int, bytes]:
        if self._far_end.capacity_keys is None:
            return {}
        try:
            return dict(read_keys(self._far_end.capacity_keys))
        except (InputError, OSError):
            raise Unreachable("keys_unreadable") from None

    def _refused(self, direction: str, error: Refused) -> None:
        self._detail[direction] = {"setup_result": error.result}
        self._busy = self._busy or error.reason == BUSY
        self.fail(error.reason)
        self.find(f"{direction}_refused")

    # --- one direction -----------------------------------------------------------------------------------------------

    def _agree(self, direction: str, target: Target) -> Agreement:
        """With the search that is wanted; where the far end does not take ours, with type C."""
        deadline, wanted = self._request.deadline, algorithm_of(self._options)
        try:
            agreed = agree(target, direction, self._options, deadline, wanted)
        except Refused as error:
            if wanted is not Algorithm.FAST or error.reason != "far_end_parameters":
                raise
            agreed = agree(target, direction, self._options, deadline, Algorithm.C)
        if wanted is Algorithm.FAST and agreed.accepted.algorithm is not wanted and self._options.early_stop:
            self.find("fast_search_unknown")
        assert agreed.accepted.result is ActivationResult.OK or not agreed.answered
        return agreed

    def _measure(self, direction: str, target: Target) -> None:
        assert self._family is not None
        agreed = self._agree(direction, target)
        self._idle += agreed.rtts_s
        self._prove(agreed, target)
        watched = audit.begin(self._request.link.interface)
        options, deadline = self._options, self._request.deadline
        if direction == "download":
            flow = download(agreed, self._family, deadline, early_stop=options.early_stop)
        else:
            flow = upload(
                agreed, self._family, deadline, early_stop=options.early_stop,
                traditional=options.traditional, random_payload=options.random_payload,
            )  # fmt: skip
        self._book(flow, agreed, self._request.link.header(self._family, UDP_HEADER), watched.end())

    def _prove(self, agreed: Agreement, target: Target) -> None:
        """A route that cannot be proved is no reason not to measure: the reading then has no proof."""
        if self._proof is not None:
            return
        try:
            self._proof = prove_socket(agreed.sock, target.address, target.link)
        except Unreachable as error:
            self.find(f"proof_{error.reason}")

    def _book(self, flow: Flow, agreed: Agreement, model: HeaderModel, moved: audit.Moved | None) -> None:
        detail = figures.evidence(flow, model)
        detail["search"] = "fixed" if self._options.rate_mbps is not None else agreed.accepted.algorithm.name.lower()
        self._detail[flow.direction] = detail
        self._loaded_s += flow.seconds
        self._cpu.append((flow.cpu_s, flow.cpu_s / flow.cpu_ratio if flow.cpu_ratio else 0.0))
        self._note(flow, agreed)
        if flow.ended == "nonsense" or figures.impossible(flow, model):
            raise Unreachable("far_end_nonsense")
        found = figures.values(flow, model, self._options)
        self._values.update(found)
        self._audit(flow, model, moved, detail)
        self._limits += [reason for reason in figures.limits(flow, found, self._options) if reason not in self._limits]
        if flow.ended == "stopped":
            raise Stopped
        if flow.ended == "broke_off":
            raise Unreachable(flow.reason or "broke_off")
        if flow.ended in _REASONS:
            raise Unreachable(_REASONS[flow.ended])
        if f"{flow.direction}_ip_mbps" not in found:
            raise Unreachable("too_short")

    def _note(self, flow: Flow, agreed: Agreement) -> None:
        for finding in flow.findings:
            self.find(finding)
        if flow.clock_stepped:
            self.find("clock_stepped")
        if not agreed.answered:
            self.find("activation_unanswered")
        if self._options.early_stop and flow.ended == "complete" and flow.estimate is None:
            self.find(figures.NOT_STABLE)

    def _audit(self, flow: Flow, model: HeaderModel, moved: audit.Moved | None, detail: dict[str, object]) -> None:
        sending = flow.direction == "upload"
        octets, packets = float(flow.sent_octets), float(flow.sent_datagrams)
        if not sending and flow.whole.datagrams:
            mean = flow.whole.octets / flow.whole.datagrams
            octets = flow.whole.octets + flow.parting_octets + flow.dropped * mean
            packets = flow.whole.datagrams + flow.parting_datagrams + flow.dropped
        found = audit.balance(moved, sending=sending, payload=octets, packets=packets, model=model)
        if found is None:
            return
        detail["audit"] = found.detail
        if found.fails:
            self.find(audit.FINDING)

    # --- the reading -------------------------------------------------------------------------------------------------

    def reading(self) -> Reading:
        """What was found."""
        if (idle := figures.idle_rtt_ms(self._idle)) is not None:
            self._values["idle_rtt_p50_ms"] = idle
        if (wall := sum(wall for _, wall in self._cpu)) > 0:
            self._values["cpu_ratio"] = min(1.0, sum(cpu for cpu, _ in self._cpu) / wall)
        outcome, reasons = self._verdict()
        return Reading(
            outcome=outcome,
            far_end=self._far_end.name,
            family=self._family,
            proof=self._proof,
            reasons=tuple(reasons),
            findings=tuple(self._findings),
            values=self._values,
            detail=self._detail,
            retry_after_s=RETRY_AFTER_S if self._busy else None,
        )

    def _verdict(self) -> tuple[Outcome, list[str]]:
        if self.stopped:
            return Outcome.ERROR, ["deadline", *self._failures]
        if self._busy and set(self._failures) == {BUSY} and not self._cpu:
            return Outcome.SKIPPED, [BUSY]
        if self._failures:
            return Outcome.FAILED, self._failures
        if self._limits:
            return Outcome.PROBE_LIMITED, self._limits
        return Outcome.OK, []


def _frugal(options: Options) -> Options:
    """The shortest form that still answers the question."""
    if options.rate_mbps is not None:
        return replace(options, seconds=min(options.seconds, _FRUGAL_S))
    return replace(options, search=FAST, seconds=min(options.seconds, _FRUGAL_S))

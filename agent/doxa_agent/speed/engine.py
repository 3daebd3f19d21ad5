"""One whole test against one far end: name, way, ping, each direction; whatever stops it becomes a reading."""

import os
import select
import socket
from contextlib import closing, suppress
from dataclasses import replace

from doxa_agent.meter import FarEnd, Reading, Request
from doxa_agent.net import congestion
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.names import resolve
from doxa_agent.net.proof import prove_socket
from doxa_agent.net.tcpinfo import read_tcp_info
from doxa_agent.speed import farload, figures, honesty, slot
from doxa_agent.speed.aside import Aside
from doxa_agent.speed.bins import BIN_S
from doxa_agent.speed.books import Books
from doxa_agent.speed.course import Course, Pace, Transfer, run
from doxa_agent.speed.dialogue import Dialogue
from doxa_agent.speed.download import Download
from doxa_agent.speed.goal import Goal, SteadyGoal, TargetGoal
from doxa_agent.speed.options import Options, effective, seconds
from doxa_agent.speed.ping import HttpPing, ping
from doxa_agent.speed.report import read_report
from doxa_agent.speed.target import Stopped, Target, connect_all
from doxa_agent.speed.upload import Upload
from doxa_core.measurement import LinkProof
from doxa_core.outcome import Outcome


def measure_far_end(request: Request[Options], far_end: FarEnd) -> Reading:
    """The reading about `far_end`; the line's faults are in it, never raised."""
    test = Test(request, far_end)
    try:
        test.run()
    except Unreachable as error:
        test.account.fail(error.reason)
    except slot.Busy as busy:
        test.busy = busy
    except Stopped:
        test.stopped = True
    return test.reading()


class Test:
    """The state of one test."""

    def __init__(self, request: Request[Options], far_end: FarEnd) -> None:
        self.books = Books(effective(request.options, frugal=request.frugal), request.link, tls=far_end.tls)
        self.account = self.books.account
        self.stopped = False
        self.busy: slot.Busy | None = None
        self._request = request
        self._options = self.books.options
        self._tcp_idle_ms: float | None = None
        self._slot: slot.Slot | None = None
        self._far_end = far_end
        self._family = request.family
        self._proof: LinkProof | None = None

    def reading(self) -> Reading:
        """What was found."""
        account = self.account
        self.books.close()
        if self.stopped:
            outcome, reasons = Outcome.ERROR, ("deadline", *account.reasons)
        elif self.busy is not None:
            outcome, reasons = Outcome.SKIPPED, ("far_end_busy",)
        elif account.reasons:
            outcome, reasons = Outcome.FAILED, tuple(account.reasons)
        elif self.books.limits:
            outcome, reasons = Outcome.PROBE_LIMITED, tuple(self.books.limits)
        else:
            outcome, reasons = Outcome.OK, ()
        return Reading(
            outcome=outcome,
            far_end=self._far_end.name,
            family=self._family,
            proof=self._proof,
            reasons=reasons,
            findings=tuple(account.findings),
            values=account.values,
            detail=account.detail,
            retry_after_s=None if self.busy is None else self.busy.retry_after_s,
        )

    def run(self) -> None:
        """All steps; `Unreachable` or `Stopped` where one ends it."""
        self._family, address = resolve(
            self._far_end.host, self._request.family, timeout_s=min(5.0, max(0.1, self._request.deadline.left_s))
        )
        target = Target(
            link=self._request.link,
            far_end=self._far_end,
            family=self._family,
            address=address,
            session=os.urandom(8).hex(),
            congestion=self._options.congestion,
        )
        self.books.family = self._family
        self.account.detail["address"] = address
        with closing(Dialogue(target, self._request.deadline)) as dialogue:
            self._prove(target, dialogue.sock)
            self._ping(dialogue)
            self._ask_slot(dialogue)
            target = replace(target, token="" if self._slot is None else self._slot.token)
            reports = "upload" in self._options.directions and self._far_end_reports(dialogue)
            for direction in self._options.directions:
                try:
                    self._transfer(direction, target, dialogue, reports=reports)
                except Unreachable as error:
                    self._broke(error.reason, dialogue)
                    self.account.find(f"{direction}_failed")
            self._close_far_end(dialogue)

    def _ask_slot(self, dialogue: Dialogue) -> None:
        """Leave to load the far end, where it gives such leave; `Busy` ends the test before it began."""
        try:
            self._slot = slot.ask_slot(
                dialogue,
                seconds=seconds(self._options, 1),
                mbps=self._options.slot_mbps,
                directions=self._options.directions,
            )
        except Unreachable as error:
            self.account.fail(error.reason)
        if self._slot is not None:
            self.account.detail["slot_mbps"] = self._slot.mbps

    def _broke(self, reason: str, dialogue: Dialogue) -> None:
        """A transfer broke off: the far end's own end of our slot is its limit, anything else the line's."""
        ended = slot.why_ended(dialogue, self._slot) if self._slot is not None else None
        if ended is None:
            self.account.fail(reason)
        else:
            self.books.limit(f"far_end_slot_{ended}")

    def _close_far_end(self, dialogue: Dialogue) -> None:
        """What the far end says of its load, and the slot given back."""
        spent = sum(course.whole.seconds for course in self.books.courses)
        if spent > 0 and not self._request.deadline.over:
            load = farload.read_load(dialogue, seconds=max(1.0, spent))
            for reason in farload.limits(load, has_slot=self._slot is not None):
                self.books.limit(reason)
            for finding in farload.findings(load):
                self.account.find(finding)
            if load is not None and load.plays_line:  # it holds its window back on purpose: that is the line it plays
                self.books.limits = [reason for reason in self.books.limits if reason != honesty.FAR_WINDOW]
        slot.give_back(dialogue, self._slot)

    def _prove(self, target: Target, sock: socket.socket) -> None:
        """A route that cannot be proved is no reason not to measure: the reading then has no proof."""
        try:
            self._proof = prove_socket(sock, target.address, target.link)
        except Unreachable as error:
            self.account.find(f"proof_{error.reason}")
        if (used := congestion.in_force(sock)) and self._options.congestion not in (
            used, congestion.AUTO, congestion.SYSTEM,
        ):  # fmt: skip
            self.account.find("congestion_unavailable")

    def _ping(self, dialogue: Dialogue) -> None:
        if not self._options.ping_count:
            return
        try:
            found = ping(dialogue, self._options.ping_count)
        except Unreachable as error:
            self.account.fail(error.reason)
            self.account.find("ping_failed")
            return
        self.account.values.update(found.values)
        self.books.idle_ms = found.values.get("http_ping_median_ms")
        if self.books.idle_ms is not None:
            self.account.values["idle_rtt_p50_ms"] = self.books.idle_ms
        self._suspect(dialogue, found)
        self.account.detail["http_ping_ms"] = [round(rtt, 3) for rtt in found.rtts_ms]
        if found.reconnected:
            self.account.find("http_ping_reconnected")

    def _suspect(self, dialogue: Dialogue, found: HttpPing) -> None:
        """Whether somebody on the way may answer in the far end's place."""
        info = read_tcp_info(dialogue.sock)
        self._tcp_idle_ms = figures.min_rtt_ms([info])
        signs = honesty.proxy_signs(
            found.fields, tcp_rtt_ms=self._tcp_idle_ms, http_rtt_ms=found.values.get("http_ping_min_ms")
        )
        if signs:
            self.account.find(honesty.PROXY)
            self.account.detail["proxy_signs"] = signs

    def _far_end_reports(self, dialogue: Dialogue) -> bool:
        """Whether the far end counts uploads for us (our responder does)."""
        with suppress(Unreachable):
            answer, _took = dialogue.ask("received", session=dialogue.target.session)
            return read_report(answer) is not None
        return False

    # --- one direction -----------------------------------------------------------------------------------------------

    def _transfer(self, direction: str, target: Target, dialogue: Dialogue, *, reports: bool) -> None:
        socks = connect_all(target, self._options.streams, self._request.deadline)
        self.account.values["streams_count"] = float(len(socks))
        if len(socks) < self._options.streams:
            self.account.find("fewer_streams")
        with select.epoll() as poller:
            aside = self._aside(dialogue, poller)
            try:
                if direction == "download":
                    self._download(target, poller, socks, aside)
                else:
                    self._upload(target, poller, socks, aside, reports=reports)
            finally:
                if aside is not None:
                    dialogue.close()  # a question may still be open, and its answer is not the next one's
        if aside is not None:
            self.books.note_load(direction, aside.rtts_ms)

    def _aside(self, dialogue: Dialogue, poller: select.epoll) -> Aside | None:
        try:
            sock = dialogue.sock
        except Unreachable:
            return None
        poller.register(sock, select.EPOLLIN)
        return Aside(sock, dialogue.target)

    def _goal(self, direction: str) -> Goal | None:
        options = self._options
        target = options.target_of(direction)
        if target is None:
            return SteadyGoal() if options.early_stop else None
        assert self._family is not None
        rtt_s = (self.books.idle_ms or self._tcp_idle_ms or 0.0) / 1000
        return TargetGoal(target, options.target_layer, family=self._family, rtt_s=rtt_s, limit_s=options.limit_s)

    def _run(
        self, poller: select.epoll, transfer: Transfer, aside: Aside | None, goal: Goal | None, bin_s: float = BIN_S
    ) -> Course:
        options = self._options
        interface = self._request.link.interface or (self._proof.interface if self._proof else None)
        pace = Pace(limit_s=options.limit_s, goal=goal, bin_s=bin_s)
        course = run(poller, transfer, aside, pace, self._request.deadline, interface)
        self.books.courses.append(course)
        if (course.cpu_ratio or 0.0) > figures.CPU_FULL:
            self.books.limit("cpu_limited")
        return course

    def _download(self, target: Target, poller: select.epoll, socks: list[socket.socket], aside: Aside | None) -> None:
        with closing(Download(target, poller, socks, self._options.ck_size)) as download:
            goal = self._goal("download")
            course = self._run(poller, download, aside, goal)
            infos = download.infos
            carried = [stream.counter.octets for stream in download.streams]
        self.books.download(download, course, infos, carried, aside, goal)

    def _upload(
        self, target: Target, poller: select.epoll, socks: list[socket.socket], aside: Aside | None, *, reports: bool
    ) -> None:
        used = congestion.in_force(socks[0])
        with closing(Upload(target, poller, socks, aside, reports=reports)) as upload:
            goal = self._goal("upload")
            seldom = goal is None and reports  # the receiver's series is the result, ours only has to agree with it
            course = self._run(poller, upload, aside, goal, 2 * BIN_S if seldom else BIN_S)
            infos = upload.infos
        self.books.upload(upload, course, infos, used, goal)

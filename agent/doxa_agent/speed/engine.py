"""One whole test against one far end: name, way, ping, each direction; whatever stops it becomes a reading."""

import os
import select
import socket
from collections.abc import Callable
from contextlib import closing, suppress

from doxa_agent.meter import FarEnd, Reading, Request
from doxa_agent.net import congestion
from doxa_agent.net.binding import Unreachable, resolve
from doxa_agent.net.route import prove
from doxa_agent.net.tcpinfo import TcpInfo
from doxa_agent.speed import figures
from doxa_agent.speed.aside import Aside
from doxa_agent.speed.bins import COARSE, FINE, Steady, last_steady, total
from doxa_agent.speed.counters import interface_octets
from doxa_agent.speed.course import Course, Pace, Transfer, run, steady_of
from doxa_agent.speed.dialogue import Dialogue
from doxa_agent.speed.download import Download
from doxa_agent.speed.figures import Account, Counted
from doxa_agent.speed.options import Options
from doxa_agent.speed.ping import ping
from doxa_agent.speed.report import Report, read_report
from doxa_agent.speed.target import Stopped, Target, connect_all
from doxa_agent.speed.upload import Upload
from doxa_core.layers import HeaderModel
from doxa_core.measurement import LinkProof
from doxa_core.outcome import Outcome


def measure_far_end(request: Request[Options], far_end: FarEnd) -> Reading:
    """The reading about `far_end`; the line's faults are in it, never raised."""
    test = Test(request, far_end)
    try:
        test.run()
    except Unreachable as error:
        test.account.fail(error.reason)
    except Stopped:
        test.stopped = True
    return test.reading()


class Test:
    """The state of one test."""

    def __init__(self, request: Request[Options], far_end: FarEnd) -> None:
        self.account = Account()
        self.stopped = False
        self._request = request
        self._options = request.options
        self._far_end = far_end
        self._family = request.family
        self._proof: LinkProof | None = None
        self._cpu_full = False
        self._infos: list[TcpInfo] = []
        self._courses: list[Course] = []
        self._loaded_ms: list[float] = []

    def reading(self) -> Reading:
        """What was found."""
        account = self.account
        self._sum_up()
        if self.stopped:
            outcome, reasons = Outcome.ERROR, ("deadline", *account.reasons)
        elif account.reasons:
            outcome, reasons = Outcome.FAILED, tuple(account.reasons)
        elif self._cpu_full:
            outcome, reasons = Outcome.PROBE_LIMITED, ("cpu_limited",)
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
        )

    def _sum_up(self) -> None:
        account = self.account
        if (rtt := figures.min_rtt_ms(self._infos)) is not None:
            account.values["tcp_min_rtt_ms"] = rtt
        if (p95 := figures.loaded(self._loaded_ms).get("p95_ms")) is not None:
            account.values["loaded_rtt_p95_ms"] = p95
        seconds = sum(course.whole.seconds for course in self._courses)
        if seconds > 0:
            account.values["cpu_ratio"] = min(1.0, sum(course.cpu_s for course in self._courses) / seconds)

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
        self.account.detail["address"] = address
        with closing(Dialogue(target, self._request.deadline)) as dialogue:
            self._prove(target, dialogue.sock)
            self._ping(dialogue)
            reports = "upload" in self._options.directions and self._far_end_reports(dialogue)
            for direction in self._options.directions:
                try:
                    self._transfer(direction, target, dialogue, reports=reports)
                except Unreachable as error:
                    self.account.fail(error.reason)
                    self.account.find(f"{direction}_failed")

    def _prove(self, target: Target, sock: socket.socket) -> None:
        """A route that cannot be proved is no reason not to measure: the reading then has no proof."""
        source = str(sock.getsockname()[0])
        held = bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0"))
        try:
            self._proof = prove(target.address, target.link, source, held=held)
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
        self.account.detail["http_ping_ms"] = [round(rtt, 3) for rtt in found.rtts_ms]
        if found.reconnected:
            self.account.find("http_ping_reconnected")

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
            if direction == "download":
                self._download(target, poller, socks, aside)
            else:
                self._upload(target, poller, socks, aside, reports=reports)
        if aside is not None:
            self._note_load(direction, aside)
            dialogue.close()  # a question may still be open

    def _aside(self, dialogue: Dialogue, poller: select.epoll) -> Aside | None:
        try:
            sock = dialogue.sock
        except Unreachable:
            return None
        poller.register(sock, select.EPOLLIN)
        return Aside(sock, dialogue.target)

    def _note_load(self, direction: str, aside: Aside) -> None:
        self._loaded_ms += aside.rtts_ms
        if found := figures.loaded(aside.rtts_ms):
            self.account.detail.setdefault(direction, {})["loaded_rtt"] = {
                "count": len(aside.rtts_ms), **{name: round(value, 3) for name, value in found.items()},
            }  # fmt: skip

    def _run(self, poller: select.epoll, transfer: Transfer, aside: Aside | None, *, sending: bool) -> Course:
        options = self._options
        interface = self._request.link.interface
        counter: Callable[[], int | None] = lambda: (  # noqa: E731 - two words where a def would take five lines
            None if interface is None else interface_octets(interface, sending=sending)
        )
        pace = Pace(limit_s=options.limit_s, early_stop=options.early_stop)
        course = run(poller, transfer, aside, pace, self._request.deadline, counter)
        self._courses.append(course)
        self._cpu_full = self._cpu_full or (course.cpu_ratio or 0.0) > figures.CPU_FULL
        return course

    def _download(self, target: Target, poller: select.epoll, socks: list[socket.socket], aside: Aside | None) -> None:
        with closing(Download(target, poller, socks, self._options.ck_size)) as download:
            course = self._run(poller, download, aside, sending=False)
            infos = [stream.info for stream in download.streams]
        self._infos += infos
        how = "segments" if any(not s.counter.exact for s in download.streams) else "octets"
        counted = Counted(bins=course.bins, whole=course.whole, steady=self._steady(course), by=f"receiver/{how}")
        mss = max((info.rcv_mss or 0 for info in infos), default=0) or None
        self._book("download", course, counted, infos, mss, sending=False)
        detail = self.account.detail["download"]
        if download.congestion:
            detail["congestion"] = download.congestion
        if download.chunked:
            detail["chunked"] = True
        if download.reopened:
            detail["reopened"] = download.reopened
        if download.lost:
            self.account.find("stream_lost")

    def _upload(
        self, target: Target, poller: select.epoll, socks: list[socket.socket], aside: Aside | None, *, reports: bool
    ) -> None:
        used = congestion.in_force(socks[0])
        with closing(Upload(target, poller, socks, aside, reports=reports)) as upload:
            course = self._run(poller, upload, aside, sending=True)
            infos = [stream.info for stream in upload.streams]
        self._infos += infos
        counted = self._count_upload(course, upload.report)
        mss = max((info.snd_mss or 0 for info in infos), default=0) or None
        self._book("upload", course, counted, infos, mss, sending=True)
        detail = self.account.detail["upload"]
        if used:
            detail["congestion"] = used
        if upload.reopened:
            detail["reopened"] = upload.reopened
        if upload.lost:
            self.account.find("stream_lost")
        self.account.values["retransmits_count"] = float(sum(info.total_retrans or 0 for info in infos))
        for finding in figures.sender_limits(infos):
            self.account.find(finding)

    def _steady(self, course: Course) -> Steady | None:
        return course.steady(early_stop=self._options.early_stop)

    def _count_upload(self, course: Course, report: Report | None) -> Counted:
        """The receiver's series where it reports, the sender's otherwise; and whether the two agree."""
        at_sender = self._steady(course)
        if report is None or not report.bins:
            self.account.find("counted_at_sender")
            return Counted(bins=course.bins, whole=course.whole, steady=at_sender, by="sender/delivered")
        bins = list(report.bins)
        found = None
        if course.ended == "stable":
            found = last_steady(bins, FINE)
        elif course.ended == "limit" and not self._options.early_stop:
            found = steady_of(bins, FINE, early_stop=False)
        self._compare(course, report, at_sender, found)
        whole = total(report.bins)
        return Counted(bins=report.bins, whole=whole, steady=found, by=f"receiver/{report.counted}")

    def _compare(self, course: Course, report: Report, at_sender: Steady | None, at_receiver: Steady | None) -> None:
        if at_sender is not None and at_receiver is not None:
            apart = figures.disagree(at_sender.mbps, at_receiver.mbps)
        else:
            sent, got = course.whole, total(report.bins)
            if sent.seconds <= 0 or got.seconds <= 0:
                return
            apart = figures.disagree(sent.octets / sent.seconds, got.octets / got.seconds, 0.1 / sent.seconds)
        if apart:
            self.account.find("sender_receiver_disagree")

    # --- the books ---------------------------------------------------------------------------------------------------

    def _book(
        self, direction: str, course: Course, counted: Counted, infos: list[TcpInfo], mss: int | None, *, sending: bool
    ) -> None:
        """Values, detail and findings of one direction."""
        account = self.account
        assert self._family is not None
        model = figures.header_model(self._family, infos)
        account.values.update(figures.rates(direction, counted, model, mss))
        detail = account.detail.setdefault(direction, {})
        detail.update(figures.describe(course, counted, model, mss))
        detail["streams"] = figures.stream_summary(infos, sending=sending)
        self._judge(course, counted, infos, sending=sending)
        self._audit(direction, course, figures.sent_octets(infos) if sending else course.whole.octets, model, mss)
        if course.ended == "stopped":
            raise Stopped
        if course.ended == "stalled":
            raise Unreachable("stalled")

    def _judge(self, course: Course, counted: Counted, infos: list[TcpInfo], *, sending: bool) -> None:
        if course.rule is COARSE:
            self.account.find("in_order_clock")
        if counted.steady is None and course.ended == "limit":
            self.account.find("not_stable")
            if figures.loss_share(infos, sending=sending) > figures.LOSSY and figures.swings(counted.bins):
                self.account.find("tcp_limited")
        fixed = counted.steady is not None and not self._options.early_stop
        if counted.steady is not None and fixed and figures.changed(counted.bins, counted.steady):
            self.account.find("rate_changed")

    def _audit(self, direction: str, course: Course, octets: float, model: HeaderModel, mss: int | None) -> None:
        found = figures.audit(course, octets, model, mss)
        if found is None:
            return
        self.account.detail[direction]["audit"] = dict(found)
        if figures.audit_fails(found):
            self.account.find("byte_audit")

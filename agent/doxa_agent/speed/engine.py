"""One whole test against one far end: name, way, ping, each direction; whatever stops it becomes a reading."""

import os
import select
import socket
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace

from doxa_agent.meter import FarEnd, Reading, Request
from doxa_agent.net import audit, congestion
from doxa_agent.net.binding import Unreachable, resolve
from doxa_agent.net.route import prove
from doxa_agent.net.tcpinfo import TcpInfo, read_tcp_info
from doxa_agent.speed import farload, figures, honesty, slot
from doxa_agent.speed.aside import Aside
from doxa_agent.speed.bins import COARSE, FINE, Bin, Steady, first_steady, last_steady, total
from doxa_agent.speed.course import Course, Pace, Transfer, run, steady_of
from doxa_agent.speed.dialogue import Dialogue
from doxa_agent.speed.download import Download
from doxa_agent.speed.figures import Account, Counted
from doxa_agent.speed.goal import Goal, SteadyGoal, TargetGoal, payload_share
from doxa_agent.speed.options import Options, effective, seconds
from doxa_agent.speed.ping import HttpPing, ping
from doxa_agent.speed.plateaus import find_plateaus
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
    except slot.Busy as busy:
        test.busy = busy
    except Stopped:
        test.stopped = True
    return test.reading()


class Test:
    """The state of one test."""

    def __init__(self, request: Request[Options], far_end: FarEnd) -> None:
        self.account = Account()
        self.stopped = False
        self.busy: slot.Busy | None = None
        self._request = request
        self._options = effective(request.options, frugal=request.frugal)
        self._limits: list[str] = []
        """Why the probe or the far end may have set the figures."""
        self._undecided: list[str] = []
        """Directions whose target was missed: a word that stands only where nothing limited the test."""
        self._idle_ms: float | None = None
        self._tcp_idle_ms: float | None = None
        self._slot: slot.Slot | None = None
        self._far_end = far_end
        self._family = request.family
        self._proof: LinkProof | None = None
        self._infos: list[TcpInfo] = []
        self._courses: list[Course] = []
        self._loaded_ms: list[float] = []

    def reading(self) -> Reading:
        """What was found."""
        account = self.account
        self._sum_up()
        if self.stopped:
            outcome, reasons = Outcome.ERROR, ("deadline", *account.reasons)
        elif self.busy is not None:
            outcome, reasons = Outcome.SKIPPED, ("far_end_busy",)
        elif account.reasons:
            outcome, reasons = Outcome.FAILED, tuple(account.reasons)
        elif self._limits:
            outcome, reasons = Outcome.PROBE_LIMITED, tuple(self._limits)
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

    def _limit(self, reason: str) -> None:
        if reason not in self._limits:
            self._limits.append(reason)

    def _sum_up(self) -> None:
        account = self.account
        if (rtt := figures.min_rtt_ms(self._infos)) is not None:
            account.values["tcp_min_rtt_ms"] = rtt
        if (p95 := figures.loaded(self._loaded_ms).get("p95_ms")) is not None:
            account.values["loaded_rtt_p95_ms"] = p95
        seconds = sum(course.whole.seconds for course in self._courses)
        if seconds > 0:
            account.values["cpu_ratio"] = min(1.0, sum(course.cpu_s for course in self._courses) / seconds)
        if self._limits or account.reasons:
            for direction in self._undecided:  # a miss that the probe or the far end may have caused is none
                account.values.pop(f"{direction}_target_met_flag", None)
                account.find("target_open")

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
            self._limit(f"far_end_slot_{ended}")

    def _close_far_end(self, dialogue: Dialogue) -> None:
        """What the far end says of its load, and the slot given back."""
        spent = sum(course.whole.seconds for course in self._courses)
        if spent > 0 and not self._request.deadline.over:
            load = farload.read_load(dialogue, seconds=max(1.0, spent))
            for reason in farload.limits(load, has_slot=self._slot is not None):
                self._limit(reason)
            for finding in farload.findings(load):
                self.account.find(finding)
            if load is not None and load.plays_line:  # it holds its window back on purpose: that is the line it plays
                self._limits = [reason for reason in self._limits if reason != honesty.FAR_WINDOW]
        slot.give_back(dialogue, self._slot)

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
        self._idle_ms = found.values.get("http_ping_median_ms")
        if self._idle_ms is not None:
            self.account.values["idle_rtt_p50_ms"] = self._idle_ms
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
            self._note_load(direction, aside)

    def _aside(self, dialogue: Dialogue, poller: select.epoll) -> Aside | None:
        try:
            sock = dialogue.sock
        except Unreachable:
            return None
        poller.register(sock, select.EPOLLIN)
        return Aside(sock, dialogue.target)

    def _note_load(self, direction: str, aside: Aside) -> None:
        self._loaded_ms += aside.rtts_ms
        self.account.values.update(figures.loaded_values(direction, aside.rtts_ms))
        if found := figures.loaded(aside.rtts_ms):
            self.account.detail.setdefault(direction, {})["loaded_rtt"] = {
                "count": len(aside.rtts_ms), **{name: round(value, 3) for name, value in found.items()},
            }  # fmt: skip

    def _goal(self, direction: str) -> Goal | None:
        options = self._options
        target = options.target_of(direction)
        if target is None:
            return SteadyGoal() if options.early_stop else None
        assert self._family is not None
        rtt_s = (self._idle_ms or self._tcp_idle_ms or 0.0) / 1000
        return TargetGoal(target, options.target_layer, family=self._family, rtt_s=rtt_s, limit_s=options.limit_s)

    def _run(self, poller: select.epoll, transfer: Transfer, aside: Aside | None, goal: Goal | None) -> Course:
        options = self._options
        interface = self._request.link.interface or (self._proof.interface if self._proof else None)
        pace = Pace(limit_s=options.limit_s, goal=goal)
        course = run(poller, transfer, aside, pace, self._request.deadline, interface)
        self._courses.append(course)
        if (course.cpu_ratio or 0.0) > figures.CPU_FULL:
            self._limit("cpu_limited")
        return course

    def _download(self, target: Target, poller: select.epoll, socks: list[socket.socket], aside: Aside | None) -> None:
        with closing(Download(target, poller, socks, self._options.ck_size)) as download:
            goal = self._goal("download")
            course = self._run(poller, download, aside, goal)
            infos = download.infos
            carried = [stream.counter.octets for stream in download.streams]
        self._infos += infos
        how = "segments" if any(not s.counter.exact for s in download.streams) else "octets"
        counted = Counted(
            bins=course.bins,
            whole=course.whole,
            steady=self._steady(course),
            by=f"receiver/{how}",
            share=download.payload_share,
        )
        mss = max((info.rcv_mss or 0 for info in infos), default=0) or None
        self._book("download", course, counted, infos, mss, goal)
        self._look_behind(download, course, infos, carried, aside)
        detail = self.account.detail["download"]
        if download.congestion:
            detail["congestion"] = download.congestion
        if self._far_end.tls:
            detail["tls_payload_ratio"] = round(download.payload_share, 6)
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
            goal = self._goal("upload")
            course = self._run(poller, upload, aside, goal)
            infos = upload.infos
        self._infos += infos
        if upload.impossible:
            self.account.find("report_impossible")
        counted = self._count_upload(course, None if upload.impossible else upload.report, upload.payload_share)
        mss = max((info.snd_mss or 0 for info in infos), default=0) or None
        self._book("upload", course, counted, infos, mss, goal)
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
            if finding == "rwnd_limited":
                self._limit(honesty.FAR_WINDOW)

    def _look_behind(
        self, download: Download, course: Course, infos: list[TcpInfo], carried: list[float], aside: Aside | None
    ) -> None:
        """Whether the line was the limit of a download, and the far end's bytes what they should be."""
        if honesty.is_random(download.first) is False:
            self.account.find(honesty.NOT_RANDOM)
        if download.answered is not None:
            signs = honesty.proxy_signs(download.answered.fields, tcp_rtt_ms=None, http_rtt_ms=None)
            if signs:
                self.account.find(honesty.PROXY)
                self.account.detail.setdefault("proxy_signs", signs)
        if download.overlong:
            self.account.find("wrong_length")
        if aside is not None and not download.reopened:
            held = honesty.window_held(carried, course.whole.seconds, infos, self._idle_ms, aside.rtts_ms)
            if held is not None:
                self.account.find(held)
                self._limit(held)

    def _steady(self, course: Course) -> Steady | None:
        return course.steady(early_stop=self._options.early_stop)

    def _count_upload(self, course: Course, report: Report | None, share: float) -> Counted:
        """The receiver's series where it reports, the sender's otherwise; and whether the two agree."""
        at_sender = self._steady(course)
        if report is None or not report.bins:
            self.account.find("counted_at_sender")
            return Counted(bins=course.bins, whole=course.whole, steady=at_sender, by="sender/delivered", share=share)
        bins = list(report.bins)
        found = None
        if course.ended in ("stable", "target"):
            found = last_steady(bins, FINE)
        elif course.ended == "limit" and not self._options.early_stop:
            found = steady_of(bins, FINE, early_stop=False)
        self._compare(course, report, at_sender, found)
        whole = total(report.bins)
        return Counted(bins=report.bins, whole=whole, steady=found, by=f"receiver/{report.counted}", share=share)

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
        self,
        direction: str,
        course: Course,
        counted: Counted,
        infos: list[TcpInfo],
        mss: int | None,
        goal: Goal | None,
    ) -> None:
        """Values, detail and findings of one direction."""
        account = self.account
        sending = direction == "upload"
        assert self._family is not None
        counted = self._levels(direction, course, counted)
        model = figures.header_model(self._family, infos, self._request.link)
        account.values.update(figures.rates(direction, counted, model, mss))
        detail = account.detail.setdefault(direction, {})
        detail.update(figures.describe(course, counted, model, mss))
        detail["streams"] = figures.stream_summary(infos, sending=sending)
        self._judge(course, counted, infos, sending=sending)
        if isinstance(goal, TargetGoal) and course.ended in ("target", "limit"):
            self._decide(direction, course, counted, infos, goal)
        on_tcp = figures.sent_octets(infos) if sending else course.whole.octets / counted.share
        self._audit(direction, course, on_tcp, model, mss)
        if course.ended == "stopped":
            raise Stopped
        if course.ended == "stalled":
            raise Unreachable("stalled")

    def _levels(self, direction: str, course: Course, counted: Counted) -> Counted:
        """In a run of fixed length: the two levels of a shaper with burst credit, where there are two."""
        if self._options.early_stop or course.ended != "limit":
            return counted
        found = find_plateaus(counted.bins)
        if found is None or first_steady(counted.bins[found.cut :], course.rule) is None:
            return counted
        self.account.find("burst_credit")
        self.account.values[f"{direction}_burst_mbps"] = found.burst_mbps
        self.account.values[f"{direction}_sustained_mbps"] = found.sustained_mbps
        self.account.detail.setdefault(direction, {})["burst"] = {
            "until_s": round(found.at_s, 2), "credit_bytes": round(found.credit_octets),
        }  # fmt: skip
        rest = total(counted.bins[found.cut :])
        steady = Steady(octets=rest.octets, seconds=rest.seconds, first=found.cut, last=len(counted.bins))
        return replace(counted, steady=steady)

    def _decide(
        self, direction: str, course: Course, counted: Counted, infos: Sequence[TcpInfo], goal: TargetGoal
    ) -> None:
        """The answer to "does it carry the target?", and between which bounds the rate lies, at the target's layer."""
        assert self._family is not None
        info = max(infos, key=lambda i: (i.data_segs_in or 0) + (i.data_segs_out or 0), default=TcpInfo())
        limit_s = min(self._options.limit_s, total(counted.bins).seconds) if course.ended == "limit" else None
        bins: Sequence[Bin] = counted.bins
        verdict = goal.judge(bins, course.rule, info, self._options.limit_s if limit_s is None else limit_s)
        if verdict is None or verdict.bounds is None:
            return
        share = payload_share(info, self._family, goal.layer)
        values = self.account.values
        values[f"{direction}_lower_mbps"] = max(0.0, verdict.bounds.lower / share)
        values[f"{direction}_upper_mbps"] = verdict.bounds.upper / share
        self.account.detail[direction]["target"] = {
            "mbps": goal.target_mbps, "layer": goal.layer.value, "blocks": verdict.bounds.blocks,
            "at_s": round(verdict.at_s, 2),
        }  # fmt: skip
        if verdict.met is None:
            self.account.find("target_open")
            return
        values[f"{direction}_target_met_flag"] = float(verdict.met)
        if not verdict.met:
            self._undecided.append(direction)

    def _judge(self, course: Course, counted: Counted, infos: list[TcpInfo], *, sending: bool) -> None:
        if course.rule is COARSE:
            self.account.find("in_order_clock")
        if counted.steady is None and course.ended == "limit":
            self.account.find("not_stable")
            if figures.loss_share(infos, sending=sending) > figures.LOSSY and figures.swings(counted.bins):
                self.account.find("tcp_limited")
        fixed = counted.steady is not None and not self._options.early_stop
        if (
            counted.steady is not None
            and fixed
            and "burst_credit" not in self.account.findings
            and figures.changed(counted.bins, counted.steady)
        ):
            self.account.find("rate_changed")

    def _audit(self, direction: str, course: Course, octets: float, model: HeaderModel, mss: int | None) -> None:
        found = audit.balance(
            course.moved, sending=direction == "upload", payload=octets, packets=octets / (mss or 1), model=model
        )
        if found is None or not mss:
            return
        self.account.detail[direction]["audit"] = found.detail
        if found.fails:
            self.account.find(audit.FINDING)

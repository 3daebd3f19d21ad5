"""The books of one test: the figures of each direction as it ends, the evidence, and what speaks against them."""

from collections.abc import Sequence
from dataclasses import replace

from doxa_agent.meter import Link
from doxa_agent.net import audit
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.tcpinfo import TcpInfo
from doxa_agent.speed import figures, honesty
from doxa_agent.speed.aside import Aside
from doxa_agent.speed.bins import COARSE, FINE, Bin, Steady, first_steady, last_steady, total
from doxa_agent.speed.course import Course, steady_of
from doxa_agent.speed.download import Download
from doxa_agent.speed.figures import Account, Counted
from doxa_agent.speed.goal import Goal, TargetGoal, payload_share
from doxa_agent.speed.options import Options
from doxa_agent.speed.plateaus import find_plateaus
from doxa_agent.speed.report import Report
from doxa_agent.speed.target import Stopped
from doxa_agent.speed.upload import Upload
from doxa_core.layers import HeaderModel


class Books:
    """What one test gathers. `download` and `upload` book a direction that ended, and raise what ends the test with it."""

    def __init__(self, options: Options, link: Link, *, tls: bool) -> None:
        self.account = Account()
        self.family: int | None = None
        """Known from the moment the far end has an address."""
        self.idle_ms: float | None = None
        """The idle line's round trip by HTTP."""
        self.limits: list[str] = []
        """Why the probe or the far end may have set the figures."""
        self._infos: list[TcpInfo] = []
        self.courses: list[Course] = []
        self._loaded_ms: list[float] = []
        self._undecided: list[str] = []
        """Directions whose target was missed: a word that stands only where nothing limited the test."""
        self.options, self._link, self._tls = options, link, tls

    def limit(self, reason: str) -> None:
        """Note once why the probe or the far end may have set the figures."""
        if reason not in self.limits:
            self.limits.append(reason)

    def close(self) -> None:
        """What only the whole test tells."""
        account = self.account
        if (rtt := figures.min_rtt_ms(self._infos)) is not None:
            account.values["tcp_min_rtt_ms"] = rtt
        if (p95 := figures.loaded(self._loaded_ms).get("p95_ms")) is not None:
            account.values["loaded_rtt_p95_ms"] = p95
        seconds = sum(course.whole.seconds for course in self.courses)
        if seconds > 0:
            account.values["cpu_ratio"] = min(1.0, sum(course.cpu_s for course in self.courses) / seconds)
        if self.limits or account.reasons:
            for direction in self._undecided:  # a miss that the probe or the far end may have caused is none
                account.values.pop(f"{direction}_target_met_flag", None)
                account.find("target_open")

    def note_load(self, direction: str, rtts_ms: list[float]) -> None:
        """Book the round trips while one direction was loaded."""
        self._loaded_ms += rtts_ms
        self.account.values.update(figures.loaded_values(direction, rtts_ms))
        if found := figures.loaded(rtts_ms):
            self.account.detail.setdefault(direction, {})["loaded_rtt"] = {
                "count": len(rtts_ms), **{name: round(value, 3) for name, value in found.items()},
            }  # fmt: skip

    # --- one direction -----------------------------------------------------------------------------------------------

    def download(
        self, download: Download, course: Course, infos: list[TcpInfo], carried: list[float], aside: Aside | None,
        goal: Goal | None,
    ) -> None:  # fmt: skip
        """Book a download that ended; `infos` and `carried` octets of each stream as they were before it was closed."""
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
        if self._tls:
            detail["tls_payload_ratio"] = round(download.payload_share, 6)
        if download.chunked:
            detail["chunked"] = True
        if download.reopened:
            detail["reopened"] = download.reopened
        if download.lost:
            self.account.find("stream_lost")

    def upload(
        self, upload: Upload, course: Course, infos: list[TcpInfo], congestion: str | None, goal: Goal | None
    ) -> None:
        """Book an upload that ended; `infos` as they were before it was closed, `congestion` as the kernel named it."""
        self._infos += infos
        if upload.impossible:
            self.account.find("report_impossible")
        counted = self._count_upload(course, None if upload.impossible else upload.report, upload.payload_share)
        mss = max((info.snd_mss or 0 for info in infos), default=0) or None
        self._book("upload", course, counted, infos, mss, goal)
        detail = self.account.detail["upload"]
        if congestion:
            detail["congestion"] = congestion
        if upload.reopened:
            detail["reopened"] = upload.reopened
        if upload.lost:
            self.account.find("stream_lost")
        self.account.values["retransmits_count"] = float(sum(info.total_retrans or 0 for info in infos))
        for finding in figures.sender_limits(infos):
            self.account.find(finding)
            if finding == "rwnd_limited":
                self.limit(honesty.FAR_WINDOW)

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
            held = honesty.window_held(carried, course.whole.seconds, infos, self.idle_ms, aside.rtts_ms)
            if held is not None:
                self.account.find(held)
                self.limit(held)

    def _steady(self, course: Course) -> Steady | None:
        return course.steady(early_stop=self.options.early_stop)

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
        elif course.ended == "limit" and not self.options.early_stop:
            found = steady_of(bins, FINE, early_stop=False)
        self._compare(course, report, at_sender, found)
        whole = total(report.bins)
        return Counted(bins=report.bins, whole=whole, steady=found, by=f"receiver/{report.counted}", share=share)

    def _compare(self, course: Course, report: Report, at_sender: Steady | None, at_receiver: Steady | None) -> None:
        # In a run of fixed length the two may begin to count on different levels of a line with burst credit.
        if at_sender is not None and at_receiver is not None and self.options.early_stop:
            apart = figures.disagree(at_sender.mbps, at_receiver.mbps)
        else:
            sent, got = course.whole, total(report.bins)
            if sent.seconds <= 0 or got.seconds <= 0:
                return
            apart = figures.disagree(sent.octets / sent.seconds, got.octets / got.seconds, 0.1 / sent.seconds)
        if apart:
            self.account.find("sender_receiver_disagree")

    # --- its figures -------------------------------------------------------------------------------------------------

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
        assert self.family is not None
        counted = self._levels(direction, course, counted)
        model = figures.header_model(self.family, infos, self._link)
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
        if self.options.early_stop or course.ended != "limit":
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
        assert self.family is not None
        info = max(infos, key=lambda i: (i.data_segs_in or 0) + (i.data_segs_out or 0), default=TcpInfo())
        limit_s = min(self.options.limit_s, total(counted.bins).seconds) if course.ended == "limit" else None
        bins: Sequence[Bin] = counted.bins
        verdict = goal.judge(bins, course.rule, info, self.options.limit_s if limit_s is None else limit_s)
        if verdict is None or verdict.bounds is None:
            return
        share = payload_share(info, self.family, goal.layer)
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
        fixed = counted.steady is not None and not self.options.early_stop
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

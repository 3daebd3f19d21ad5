"""A played line for the acceptance: it carries so much, loses so much, and answers as the real instruments would."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from doxa_agent.acceptance.conduct import Scene, Stop
from doxa_agent.acceptance.contract import Packets
from doxa_agent.acceptance.course import Step
from doxa_agent.acceptance.judgement import Figures
from doxa_agent.meter import Deadline, Reading
from doxa_agent.net.mtu import Fate, PathMtu
from doxa_agent.net.nic import Nic
from doxa_core.outcome import Outcome

AGENT = """
site = "xa-dong-dang"
agent = "px-1"
[spool]
path = "spool.db"
[guards]
off = [{off}]
[link.internet]
kind = "fixed"
interface = "lo"
"""
PLAN = """
[far-end.here]
host = "127.0.0.1"
[far-end.spare]
host = "127.0.0.2"
[task.rtt]
meter = "latency"
link = "internet"
every_s = 60
far_ends = ["here"]
"""
GIGABIT = Nic(name="eth0", up=True, operstate="up", carrier=True, speed_mbps=1000, duplex="full", mtu=1500)


@dataclass(slots=True, kw_only=True)
class Played:
    """A line that carries `carries_mbps` (IP) and loses `loses` of the rest; `refuses` names why nothing is measured."""

    carries_mbps: float = 150.0
    loses: float = 0.0
    sends: float = 1.0
    """The share of what is asked that the sender manages."""
    rtt_ms: float = 5.0
    queue_ms: float = 40.0
    refuses: str | None = None
    nic: Nic | None = GIGABIT
    outcome: Outcome = Outcome.OK
    reasons: tuple[str, ...] = ()
    step_findings: tuple[str, ...] = ()
    tcp_findings: tuple[str, ...] = ()
    mtu: PathMtu | None = field(
        default_factory=lambda: PathMtu(way="icmp_datagram", mtu=1500, beyond=Fate.OWN, packets=2)
    )
    busy: list[float] = field(default_factory=list)
    """What the far end answers first to a step: come back after so many seconds."""
    unusable: tuple[str, ...] = ()
    before_step: Callable[[Step, Stop], None] = lambda _step, _stop: None
    packets: Packets = field(default_factory=Packets)
    methods: dict[str, str] = field(default_factory=lambda: {"capacity": "played/1"})
    asked: list[str] = field(default_factory=list)

    def look(self) -> Scene:
        return Scene(family=4, address="192.0.2.1", nic=self.nic, unusable=self.unusable)

    def path_mtu(self, scene: Scene, deadline: Deadline) -> PathMtu | None:  # noqa: ARG002 - the instruments' form
        return self.mtu

    def base_rtt(self, scene: Scene, deadline: Deadline) -> Reading:  # noqa: ARG002
        values = {"rtt_p50_ms": self.rtt_ms, "rtt_p95_ms": self.rtt_ms}
        return Reading(outcome=Outcome.OK, values=values)

    def offer(self, asked_ip_mbps: float) -> float:
        return asked_ip_mbps

    def step(
        self,
        step: Step,
        offered_ip_mbps: float,
        scene: Scene,  # noqa: ARG002
        stop: Stop,
    ) -> tuple[Reading, Figures]:
        self.asked.append(step.name)
        self.before_step(step, stop)
        if self.busy:
            return Reading(outcome=Outcome.SKIPPED, reasons=("far_end_busy",), retry_after_s=self.busy.pop()), Figures()
        if self.refuses is not None:
            return Reading(outcome=Outcome.FAILED, reasons=(self.refuses,)), Figures()
        sent = offered_ip_mbps * self.sends
        received = min(sent * (1 - self.loses), self.carries_mbps)
        full = sent > self.carries_mbps
        figures = Figures(
            received_ip_mbps=received,
            sent_ip_mbps=sent,
            loss_ratio=max(0.0, 1 - received / sent),
            rtt_p95_ms=self.rtt_ms + (self.queue_ms if full else 0.0),
            pdv_ms=self.queue_ms if full else 1.0,
            seconds=step.seconds,
        )
        reading = Reading(
            outcome=self.outcome,
            reasons=self.reasons,
            findings=self.step_findings,
            values={f"{step.direction}_mean_ip_mbps": received},
        )
        return reading, figures

    def tcp(self, direction: str, seconds: float, scene: Scene, stop: Stop) -> Reading:  # noqa: ARG002
        mbps = self.carries_mbps * 1448 / 1500
        values = {
            f"{direction}_bytes": mbps * seconds / 8 * 1e6,
            f"{direction}_duration_s": seconds,
            "http_ping_median_ms": self.rtt_ms,
            "streams_count": 8.0,
        }
        part: dict[str, Any] = {"loaded_rtt": {"mean_ms": self.rtt_ms * 3, "p95_ms": self.rtt_ms * 4, "count": 90}}
        if direction == "upload":
            part["streams"] = [{"segments": 900, "retransmits": 9}, {"segments": 100, "retransmits": 1}]
        return Reading(outcome=Outcome.OK, values=values, detail={direction: part}, findings=self.tcp_findings)


@pytest.fixture
def agent_file(tmp_path: Path) -> Path:
    """An agent.toml with its plan; the guards are off, for other tests load this machine."""
    from doxa_agent import guards

    file = tmp_path / "agent.toml"
    file.write_text(AGENT.format(off=", ".join(f'"{name}"' for name in guards.names())), encoding="utf-8")
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    return file

"""The real instruments: guards, the meters `latency`, `capacity` and `speed`, the path's MTU, over one line to one far end."""

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from doxa_agent import guards
from doxa_agent.acceptance.conduct import Scene, Stop
from doxa_agent.acceptance.contract import Packets
from doxa_agent.acceptance.course import Step
from doxa_agent.acceptance.judgement import Figures
from doxa_agent.guard import GuardSettings, Turn
from doxa_agent.judged import judged
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import MeterModule
from doxa_agent.meters import load as load_meter
from doxa_agent.net import audit, heavy
from doxa_agent.net.binding import LinkUnusable, Unreachable
from doxa_agent.net.mtu import PathMtu, path_mtu
from doxa_agent.net.names import resolve
from doxa_agent.net.nic import Nic, read_nic
from doxa_agent.net.proof import prove_from_here
from doxa_agent.udpstp.rates import table
from doxa_agent.volume import Volumes
from doxa_core.errors import DoxaError
from doxa_core.language import Text
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

log = logging.getLogger(__name__)

RESOLVE_S: Final = 5.0
MARGIN_S: Final = 5.0
"""What a meter may take beyond its own worst case, as in the runner."""
RTT: Final = {"count": 20, "interval_s": 0.2, "timeout_s": 2.0}
"""Idle round trip: twenty requests in four seconds."""
NAME: Final = "doxa agent accept"
FAULT: Final = Text(
    vi="phép đo {kind}: lỗi của chính chương trình ({why}); xin báo cho nhóm phát triển",
    en="meter {kind}: a fault of the program itself ({why}); please report it",
)


class Bench:
    """Measures with the house's own meters, the guards beside every run that loads the line."""

    def __init__(
        self,
        link: Link,
        far_end: FarEnd,
        *,
        family: int | None = None,
        guard: GuardSettings | None = None,
        volumes: Volumes | None = None,
        nic: Callable[[str], Nic | None] = read_nic,
    ) -> None:
        self.packets = Packets(vlan_tags=link.vlan_tags, pppoe=link.pppoe)
        self.methods: dict[str, str] = {}
        """The meters that were used, with the versions of their methods."""
        self._link, self._far_end, self._family = link, far_end, family
        self._turn = Turn(link=link, heavy=True, settings=guard or GuardSettings())
        self._volumes = volumes
        self._nic = nic

    # --- before anything is sent -------------------------------------------------------------------------------------

    def look(self) -> Scene:
        """The far end's address, the line's proof, the port."""
        nic = self._nic(self._link.interface) if self._link.interface else None
        try:
            family, address = resolve(self._far_end.host, self._family, timeout_s=RESOLVE_S)
        except Unreachable as unreachable:
            return Scene(nic=nic, unusable=("far_end_unresolved", unreachable.reason))
        try:
            proof = prove_from_here(address, family, self._link)
        except LinkUnusable as unusable:
            return Scene(family=family, address=address, nic=nic, unusable=("link_unusable", unusable.reason))
        return Scene(family=family, address=address, proof=proof, nic=nic)

    def path_mtu(self, scene: Scene, deadline: Deadline) -> PathMtu | None:
        """The path's MTU."""
        if scene.address is None or scene.family is None:
            return None
        try:
            return path_mtu(scene.address, scene.family, self._link, deadline, port=self._far_end.port)
        except Unreachable:
            return None

    def base_rtt(self, scene: Scene, deadline: Deadline) -> Reading:
        """Twenty round trips of the idle line, by the `latency` meter."""
        return self._measure("latency", RTT, scene, lambda _: deadline)

    # --- the loaded line ---------------------------------------------------------------------------------------------

    def offer(self, asked_ip_mbps: float) -> float:
        """The least row of UDPSTP's table that is not below (RFC 9946: whole Mbit/s up to 1 Gbit/s)."""
        rates = [row.ip_bps / 1e6 for row in table(jumbo=True)]
        return min((rate for rate in rates[1:] if rate >= asked_ip_mbps - 1e-6), default=max(rates))

    def step(self, step: Step, offered_ip_mbps: float, scene: Scene, stop: Stop) -> tuple[Reading, Figures]:
        """One run of `capacity` at a fixed rate in one direction; the meter asks the far end itself for its load."""
        options = {
            "directions": [step.direction],
            "rate_mbps": offered_ip_mbps,
            "bandwidth_mbps": min(32_767, math.ceil(offered_ip_mbps)),
            "seconds": round(step.seconds),
        }
        reading = self._loaded("capacity", options, scene, stop.deadline)
        return reading, figures_of(reading, step.direction)

    def tcp(self, direction: str, seconds: float, scene: Scene, stop: Stop) -> Reading:
        """One transfer of `speed` in one direction over its whole length."""
        options: dict[str, Any] = {"directions": [direction], "limit_s": seconds, "early_stop": False}
        return self._loaded("speed", options, scene, stop.deadline)

    def _loaded(
        self, kind: str, options: Mapping[str, Any], scene: Scene, deadline: Callable[[float], Deadline]
    ) -> Reading:
        """One reading of a meter that loads the line, watched and judged by the guards, its volume booked."""
        watched, moving = guards.watch_all(self._turn), audit.begin(self._link.interface)
        heavy.begin(self._link.name)
        try:
            reading = self._measure(kind, options, scene, deadline)
        finally:
            heavy.end(self._link.name)
            verdicts, faults = watched.end()
            if self._volumes is not None and (moved := moving.end()) is not None:
                self._volumes.add(self._link.name, moved.rx_octets + moved.tx_octets)
        said = guards.judge_all(self._turn, reading)
        return judged(reading, guards.together([*verdicts, said], faults))

    def _measure(
        self,
        kind: str,
        options: Mapping[str, Any],
        scene: Scene,
        deadline: Callable[[float], Deadline],
    ) -> Reading:
        """One reading; whatever goes wrong in a meter is a reading too."""
        try:
            meter = load_meter(kind)
            read = _options(meter, options)
            self.methods[kind] = meter.method
            request = Request(
                link=self._link,
                far_ends=(self._far_end,),
                options=read,
                deadline=deadline(meter.seconds(read, 1) + MARGIN_S),
                family=scene.family,
            )
            found = meter.measure(request)
        except DoxaError as error:
            log.error("%s", error)
            return Reading(outcome=Outcome.ERROR, reasons=("meter_unusable",), detail={"text": error.text.en})
        except Exception as error:  # noqa: BLE001 - an exception in a meter is our own fault, told as an outcome
            log.error("%s", FAULT.fill(kind=kind, why=f"{type(error).__name__}: {error}"))
            detail = {"exception": type(error).__name__, "text": str(error)[:300]}
            return Reading(outcome=Outcome.ERROR, reasons=("exception",), detail=detail)
        return found[0] if found else Reading(outcome=Outcome.ERROR, reasons=("no_reading",))


def _options(meter: MeterModule, wanted: Mapping[str, Any]) -> Any:
    table = Table(dict(wanted), NAME)
    found = meter.read_options(table)
    table.close()
    return found


def figures_of(reading: Reading, direction: str) -> Figures:
    """What a capacity reading says of one direction's step, at the IP layer."""
    values = reading.values
    return Figures(
        received_ip_mbps=values.get(f"{direction}_mean_ip_mbps"),
        sent_ip_mbps=values.get(f"{direction}_sent_mbps"),
        loss_ratio=values.get(f"{direction}_loss_ratio"),
        rtt_p95_ms=values.get(f"{direction}_loaded_rtt_p95_ms"),
        pdv_ms=values.get(f"{direction}_delay_variation_max_ms"),
        seconds=values.get(f"{direction}_duration_s"),
    )

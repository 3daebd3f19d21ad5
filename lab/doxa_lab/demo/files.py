"""The configuration files of the country in small: agents and their plans, the collector, the registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from doxa_lab.country.office import Office
from doxa_lab.demo.ground import Spot
from doxa_lab.demo.schedule import Timing
from doxa_lab.demo.toml import table

ASSESS_EVERY_S: Final = 2.0
COLLECTOR: Final = "demo-collector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the MQTT broker listens and what it speaks."""

    host: str
    port: int
    protocol: str

    @property
    def keys(self) -> dict[str, str | int]:
        """The keys of `[broker]`."""
        return {"host": self.host, "port": self.port, "protocol": self.protocol}


def write_agent(folder: Path, agent: str, spots: Sequence[Spot], broker: Broker, lock: Path) -> Path:
    """agent.toml of one probe; its plan is written by `write_plan`."""
    folder.mkdir(exist_ok=True)
    parts = [
        table("", {"site": spots[0].office.site, "agent": agent, "plan": "plan.toml"}),
        table("broker", broker.keys),
        table("spool", {"path": folder / "spool.db"}),
        table("uplink", {"ack_timeout_s": 5.0, "status_s": 10.0, "reconnect_min_s": 0.5, "reconnect_max_s": 5.0}),
        table("runner", {"heavy_lock": lock}),
        # Lines, far ends and probes of the demo share this machine's processor, which is busy all the time.
        table("guards", {"off": ["cpu", "cross_traffic"]}),
    ]
    for spot in spots:
        keys = {"kind": spot.link.kind, "interface": spot.interface, "source": spot.source}
        parts.append(table(f"link.{spot.link.name}", keys))
    return _written(folder / "agent.toml", parts)


def write_plan(folder: Path, spots: Sequence[Spot], timings: Mapping[str, Mapping[str, Timing]]) -> Path:
    """plan.toml of one probe: each line is measured against its own far end."""
    parts = []
    for spot in spots:
        keys = {"host": spot.far_host, "port": spot.far_port}
        parts.append(table(f"far-end.{spot.link.name}", keys))
        for meter, timing in timings[spot.name].items():
            parts.append(_task(spot, meter, timing))
    return _written(folder / "plan.toml", parts)


def _task(spot: Spot, meter: str, timing: Timing) -> str:
    keys = {
        "meter": meter,
        "link": spot.link.name,
        "every_s": timing.every_s,
        "phase_s": timing.phase_s,
        "family": 4,
        "far_ends": [spot.link.name],
    }
    return table(f"task.{task_name(spot, meter)}", keys)


def task_name(spot: Spot, meter: str) -> str:
    """The name of a line's task in the plan of its probe."""
    return f"{meter}-{spot.link.name}"


def write_collector(folder: Path, broker: Broker, store_url: str | None) -> Path:
    """collector.toml: one sample and its figure alone are enough for a verdict here, which no deployment should copy."""
    parts = [
        table("broker", broker.keys | {"client_id": COLLECTOR}),
        table("ledger", {"path": folder / "ledger.db"}),
        table("registry", {"file": folder / "sites.toml"}),
        table("assess", {"every_s": ASSESS_EVERY_S, "min_samples": 1, "decide_by": "estimate"}),
    ]
    if store_url is not None:
        parts.append(table("sink.victoria-metrics", {"kind": "influx", "url": store_url, "texts": False}))
    return _written(folder / "collector.toml", parts)


def write_registry(folder: Path, offices: Sequence[Office]) -> Path:
    """sites.toml: the provinces and communes, the offices with their probes and lines."""
    parts = []
    for office in offices:
        place = office.place
        province = {"code": place.province, "name": place.province_name, "level": "province"}
        commune = {"code": place.code, "name": place.name, "level": "commune", "province": place.province}
        parts += [_array("place", province), _array("place", commune)]
    for office in offices:
        site = {"id": office.site, "name": office.name, "place": office.place.code, "agents": list(office.probes)}
        parts.append(_array("site", site))
        for link in office.links:
            keys = {
                "id": link.name,
                "kind": link.kind,
                "provider": link.provider,
                "contracted_down_mbps": link.contracted_down_mbps,
                "contracted_up_mbps": link.contracted_up_mbps,
                "layer": link.contracted_layer,
            }
            parts.append(_array("site.link", keys))
    return _written(folder / "sites.toml", parts)


def _array(name: str, keys: Mapping[str, object]) -> str:
    return f"[[{name}]]\n{table('', keys)}"


def _written(file: Path, parts: Sequence[str]) -> Path:
    file.write_text("\n".join(parts), encoding="utf-8")
    return file

"""Where the country in small stands: in network namespaces (root), or on loopback where the far ends pace themselves."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

from doxa_core.language import Text
from doxa_lab.country.office import Office, OfficeLink
from doxa_lab.net.lab import Lab, clear_stale
from doxa_lab.net.line import Laid
from doxa_lab.ports import free_port

NO_ROOT: Final = Text(
    vi="không có quyền root: đầu xa tự điều tiết tốc độ trên loopback; không có độ trễ và mất gói của đường truyền",
    en="no root: the far ends pace themselves on loopback; there is no delay and no loss of a line",
)
NO_NAMESPACES: Final = Text(
    vi="máy này không cho tạo network namespace hoặc TUN: đầu xa tự điều tiết tốc độ trên loopback",
    en="this machine allows no network namespaces or no TUN: the far ends pace themselves on loopback",
)
FAR_END_PORT: Final = 8080
RATES: Final = ("download_mbps", "upload_mbps", "download_ip_mbps", "upload_ip_mbps")
RTT: Final = "rtt_p50_ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One line of one office, in place."""

    office: Office
    link: OfficeLink
    agent: str
    number: int
    """1, 2, … over the whole country."""
    interface: str | None
    """What the agent's link is bound to …"""
    source: str | None
    """… or the address that it leaves from."""
    far_namespace: str | None
    far_host: str
    far_port: int
    truths: Mapping[str, float]
    """Value name → what a perfect probe would find."""

    @property
    def name(self) -> str:
        """`site/link`."""
        return f"{self.office.site}/{self.link.name}"


def _rates(link: OfficeLink) -> dict[str, float]:
    down, up = link.line.down, link.line.up
    return dict(zip(RATES, (down.payload, up.payload, down.ip, up.ip), strict=True))


class Ground(ABC):
    """The ground that all processes stand on. Leaving the context removes it."""

    mode: ClassVar[str]
    note: ClassVar[Text]

    def __init__(self) -> None:
        self.spots: list[Spot] = []

    @abstractmethod
    def build(self, offices: Sequence[Office]) -> None:
        """Lay every line of every office."""

    @property
    @abstractmethod
    def noc(self) -> str | None:
        """The namespace of broker, collector and database."""

    @property
    @abstractmethod
    def noc_address(self) -> str:
        """Where broker and database listen."""

    @abstractmethod
    def probe_namespace(self, agent: str) -> str | None:
        """Where an agent runs."""

    @abstractmethod
    def far_end_arguments(self, spot: Spot) -> list[str]:
        """What `doxa responder run` is told at the far end of a line."""

    def cut(self, spot: Spot) -> bool:
        """Take a line down; False where the ground cannot, and the far end must be stopped instead."""
        del spot
        return False

    def mend(self, spot: Spot) -> bool:
        """Bring it back; False as for `cut`."""
        del spot
        return False

    def close(self) -> None:
        """Remove everything that was laid."""
        self.spots.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Namespaces(Ground):
    """Shaped lines between network namespaces: every probe and every far end in one of its own."""

    mode = "namespaces"
    note = Text(
        vi="đường truyền thật trong network namespace: tốc độ do tc tbf, độ trễ, biến động trễ và mất gói do relay",
        en="real lines in network namespaces: rate by tc tbf; delay, jitter and loss by the relay",
    )

    def __init__(self, folder: Path) -> None:
        super().__init__()
        clear_stale()
        self._lab = Lab(folder, "demo")
        self._noc = ""
        self._address = ""
        self._probes: dict[str, str] = {}
        self._laid: dict[str, Laid] = {}

    def build(self, offices: Sequence[Office]) -> None:
        """One namespace a probe, a router and a far end for each line, and the NOC beside them."""
        agents = [agent for office in offices for agent in office.probes]
        self._noc = self._lab.namespace("noc")
        self._probes = dict(zip(agents, self._lab.make_namespaces(agents), strict=True))
        self._address = self._lab.join(self._noc, list(self._probes.values()))[self._noc]
        for office in offices:
            for agent, links in office.probes.items():
                for link in links:
                    self._lay(office, agent, link)
        self._lab.start()

    def _lay(self, office: Office, agent: str, link: OfficeLink) -> None:
        laid = self._lab.lay(f"{office.site}-{link.name}", self._probes[agent], link.line, interface=f"{link.name}0")
        spot = Spot(
            office=office,
            link=link,
            agent=agent,
            number=laid.number,
            interface=laid.interface,
            source=None,
            far_namespace=laid.far,
            far_host=laid.far_v4,
            far_port=FAR_END_PORT,
            truths=_rates(link) | {RTT: laid.line.middle_rtt_ms},
        )
        self._laid[spot.name] = laid
        self.spots.append(spot)

    @property
    def noc(self) -> str | None:
        """The NOC's namespace."""
        return self._noc

    @property
    def noc_address(self) -> str:
        """Its address on the road of the messages."""
        return self._address

    def probe_namespace(self, agent: str) -> str | None:
        """The probe's own namespace."""
        return self._probes[agent]

    def far_end_arguments(self, spot: Spot) -> list[str]:
        """All addresses of its namespace, v4 and v6."""
        return ["--port", str(spot.far_port)]

    def cut(self, spot: Spot) -> bool:
        """Pull the cable."""
        self._lab.cut(self._laid[spot.name])
        return True

    def mend(self, spot: Spot) -> bool:
        """Plug it in again."""
        self._lab.mend(self._laid[spot.name])
        return True

    def close(self) -> None:
        """Remove the namespaces."""
        self._lab.close()


class Loopback(Ground):
    """What a plain user can have: every far end on an address of 127.0.0.0/8, pacing itself to the line's rate."""

    mode = "loopback"
    note = NO_ROOT if os.geteuid() != 0 else NO_NAMESPACES

    def build(self, offices: Sequence[Office]) -> None:
        """An address for each end of each line."""
        for office in offices:
            for agent, links in office.probes.items():
                for link in links:
                    self._lay(office, agent, link)

    def _lay(self, office: Office, agent: str, link: OfficeLink) -> None:
        number = len(self.spots) + 1
        host = f"127.0.2.{number}"
        self.spots.append(
            Spot(
                office=office,
                link=link,
                agent=agent,
                number=number,
                interface=None,
                source=f"127.0.1.{number}",
                far_namespace=None,
                far_host=host,
                far_port=free_port(host),
                truths=_rates(link),
            )
        )

    @property
    def noc(self) -> str | None:
        """No namespace."""
        return None

    @property
    def noc_address(self) -> str:
        """Loopback."""
        return "127.0.0.1"

    def probe_namespace(self, agent: str) -> str | None:
        """No namespace."""
        del agent
        return None

    def far_end_arguments(self, spot: Spot) -> list[str]:
        """Its own address, and the payload rates that the line would carry."""
        down, up = spot.truths["download_mbps"], spot.truths["upload_mbps"]
        rates = ["--rate-down-mbps", f"{down:.6f}", "--rate-up-mbps", f"{up:.6f}"]
        return ["--host", spot.far_host, "--port", str(spot.far_port), *rates]

"""The processes of the country in small: broker, database, far ends, collector and agents, started and stopped in order."""

import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_lab.country.office import Office
from doxa_lab.demo.files import Broker, write_agent, write_collector, write_plan, write_registry
from doxa_lab.demo.ground import Ground, Spot
from doxa_lab.demo.schedule import timings
from doxa_lab.net.namespaces import entered
from doxa_lab.process import Process
from doxa_lab.servers import Amqtt, Mosquitto, Server, VictoriaMetrics

LEAD_S: Final = 4.0
"""From writing the plans to the first test: what the agents need to start side by side on a small machine."""
_COMMAND: Final = "from doxa_core.command import main; raise SystemExit(main())"

Tell = Callable[[Text], None]

LAYING = Text(
    vi="dựng {offices} trụ sở, {links} đường truyền ({note})",
    en="laying {links} lines of {offices} offices ({note})",
)
FAR_ENDS = Text(vi="khởi động {count} đầu xa (doxa responder)", en="starting {count} far ends (doxa responder)")
BROKER = Text(vi="broker MQTT: {name} tại {place}", en="MQTT broker: {name} at {place}")
LAST_RESORT = Text(
    vi="chưa cài mosquitto, dùng broker dự phòng amqtt (MQTT 3.1.1); nên cài: sudo apt-get install mosquitto",
    en="mosquitto is not installed: using the fallback broker amqtt (MQTT 3.1.1); better: sudo apt-get install mosquitto",
)
STORE = Text(
    vi="cơ sở dữ liệu chuỗi thời gian: VictoriaMetrics tại {url}", en="time-series database: VictoriaMetrics at {url}"
)
NO_STORE = Text(
    vi="chưa cài victoria-metrics nên không có chuỗi thời gian; để có: sudo apt-get install victoria-metrics",
    en="victoria-metrics is not installed, so there are no time series; to have them: sudo apt-get install victoria-metrics",
)
COLLECTOR = Text(vi="bộ thu (doxa collector) phục vụ trang tại {url}", en="the collector serves its page at {url}")
AGENTS = Text(
    vi="khởi động {count} doxa agent, mỗi mạng một thiết bị đo: TSLCD tách khỏi Internet",
    en="starting {count} agents (doxa agent), one probe for each network: TSLCD apart from the Internet",
)
ONE_SAMPLE = Text(
    vi="trong demo một mẫu là đủ để kết luận theo ước lượng; triển khai thật cần nhiều mẫu, nhiều ngày (docs/judging.md)",
    en="in the demo one sample decides, by the estimate alone; a real deployment needs samples of many days (docs/judging.md)",
)


class Country:
    """Everything that runs on a ground, with its files in `folder`."""

    def __init__(
        self, folder: Path, ground: Ground, offices: Sequence[Office], listening: socket.socket, tell: Tell
    ) -> None:
        self.folder = folder
        self.ground = ground
        self.offices = tuple(offices)
        self.listening = listening
        self.agents: dict[str, Process] = {}
        self.far_ends: dict[str, Process] = {}
        self.broker: Server | None = None
        self.store: VictoriaMetrics | None = None
        self.collector: Process | None = None
        self.started = 0.0
        """The monotonic moment when the first process started."""
        self._tell = tell
        self._down: set[str] = set()

    @property
    def url(self) -> str:
        """The address of the page."""
        host, port = self.listening.getsockname()[:2]
        return f"http://{host}:{port}/"

    def start(self) -> None:
        """Start everything, far ends first, agents last."""
        self._build()
        self.started = time.monotonic()
        self._start_far_ends()
        broker = self._start_broker()
        self._start_store()
        self._start_collector(broker)
        self._start_agents(broker)
        self._tell(ONE_SAMPLE)

    def _build(self) -> None:
        links = sum(len(office.links) for office in self.offices)
        self._tell(LAYING.fill(offices=len(self.offices), links=links, note=self.ground.note))
        self.ground.build(self.offices)

    def _start_far_ends(self) -> None:
        self._tell(FAR_ENDS.fill(count=len(self.ground.spots)))
        for spot in self.ground.spots:
            arguments = ["responder", "run", *self.ground.far_end_arguments(spot)]
            log = self.folder / f"responder-{spot.office.site}-{spot.link.name}.log"
            process = _doxa(f"responder {spot.name}", arguments, log, spot.far_namespace)
            self.far_ends[spot.name] = process
            process.start()
        for spot in self.ground.spots:
            self.far_ends[spot.name].wait_ready(_connects(spot.far_namespace, spot.far_host, spot.far_port), 60)

    def _start_broker(self) -> Broker:
        chosen: type[Mosquitto | Amqtt] = Mosquitto if Mosquitto.installed() else Amqtt
        if chosen is Amqtt:
            self._tell(LAST_RESORT)
        server = chosen(self.folder / "broker", host=self.ground.noc_address, namespace=self.ground.noc)
        self.broker = server
        server.start()
        protocol = "5" if chosen is Mosquitto else "3.1.1"
        self._tell(BROKER.fill(name=server.program, place=f"{server.host}:{server.port}"))
        return Broker(host=server.host, port=server.port, protocol=protocol)

    def _start_store(self) -> None:
        if not VictoriaMetrics.installed():
            self._tell(NO_STORE)
            return
        self.store = VictoriaMetrics(
            self.folder / "victoria-metrics", host=self.ground.noc_address, namespace=self.ground.noc
        )
        self.store.start()
        self._tell(STORE.fill(url=self.store.url))

    def _start_collector(self, broker: Broker) -> None:
        write_registry(self.folder, self.offices)
        file = write_collector(self.folder, broker, None if self.store is None else self.store.url)
        arguments = ["collector", "run", "--config", str(file)]
        log = self.folder / "collector.log"
        self.collector = _doxa("collector", arguments, log, self.ground.noc, listening=self.listening)
        self.collector.start()
        host, port = self.listening.getsockname()[:2]
        self.collector.wait_ready(lambda: _serves(host, port), 60)
        self._tell(COLLECTOR.fill(url=self.url))

    def _start_agents(self, broker: Broker) -> None:
        by_agent: dict[str, list[Spot]] = {}
        for spot in self.ground.spots:
            by_agent.setdefault(spot.agent, []).append(spot)
        self._tell(AGENTS.fill(count=len(by_agent)))
        lock = self.folder / "heavy.lock"
        planned = timings(self.ground.spots, lead_s=LEAD_S)
        for agent, spots in by_agent.items():
            folder = self.folder / agent
            file = write_agent(folder, agent, spots, broker, lock)
            write_plan(folder, spots, planned)
            arguments = ["agent", "run", "--config", str(file)]
            process = _doxa(f"agent {agent}", arguments, folder / "log", self.ground.probe_namespace(agent))
            self.agents[agent] = process
            process.start()

    def check(self) -> None:
        """`OperationError` with the end of its log when a process has ended by itself."""
        for process in self._processes():
            if process.exit_code is not None and process.name not in self._down:
                raise OperationError(ENDED.fill(name=process.name, code=process.exit_code, log=process.tail()))

    def _processes(self) -> list[Process]:
        servers = [server.process for server in (self.broker, self.store) if server is not None]
        return [*self.agents.values(), *([self.collector] if self.collector else []), *servers, *self.far_ends.values()]

    def set_line(self, spot: Spot, *, down: bool) -> bool:
        """Take a line down or bring it back; whether that changed anything."""
        far_end = self.far_ends[spot.name]
        if down == (far_end.name in self._down):
            return False
        if down:
            self._down.add(far_end.name)
            if not self.ground.cut(spot):
                far_end.stop()
        else:
            if not self.ground.mend(spot):
                far_end.start()
                far_end.wait_ready(_connects(spot.far_namespace, spot.far_host, spot.far_port))
            self._down.discard(far_end.name)
        return True

    def close(self) -> None:
        """Stop everything: agents first, so that nothing is measured that nobody hears."""
        for process in self._processes_to_stop():
            process.kill()

    def _processes_to_stop(self) -> list[Process]:
        found = [*self.agents.values(), *([self.collector] if self.collector else []), *self.far_ends.values()]
        for server in (self.broker, self.store):
            with suppress(RuntimeError):  # its start failed
                found += [] if server is None else [server.process]
        return found


ENDED = Text(
    vi="{name} đã tự dừng (mã {code}); cuối nhật ký của nó:\n{log}",
    en="{name} ended by itself (code {code}); the end of its log:\n{log}",
)


def _doxa(
    name: str, arguments: Sequence[str], log: Path, namespace: str | None, listening: socket.socket | None = None
) -> Process:
    """A `doxa …` of this very installation."""
    return Process(
        name, [sys.executable, "-c", _COMMAND, *arguments], log=log, namespace=namespace, listening=listening
    )


def _connects(namespace: str | None, host: str, port: int) -> Callable[[], bool]:
    def connects() -> bool:
        try:
            with entered(namespace), socket.create_connection((host, port), 1.0):
                return True
        except OSError:
            return False

    return connects


def _serves(host: str, port: int) -> bool:
    """Whether a request is answered: the socket listens since before the collector's start, so connecting says nothing."""
    try:
        with socket.create_connection((host, port), 1.0) as sock:
            sock.sendall(f"GET / HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            sock.settimeout(2.0)
            return sock.recv(5) == b"HTTP/"
    except OSError:
        return False

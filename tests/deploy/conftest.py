"""The real broker with the real files of deploy/server: only the folder and the port are put in."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import paho.mqtt.client as mqtt
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from doxa_lab.ports import free_port
from doxa_lab.servers import Mosquitto

if TYPE_CHECKING:
    from tests.conftest import MakeOnce

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_S: Final = 20.0


def wait_until(found: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
    """Whether it came true in time."""
    until = time.monotonic() + seconds
    while not found():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@dataclass
class Visitor:
    """A paho client that remembers what happened to it."""

    client: mqtt.Client
    refused: str = ""
    entered: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    puback: dict[int, str] = field(default_factory=dict)
    suback: list[int] = field(default_factory=list)
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> str:
        """Publish with QoS 1 and give the broker's reason."""
        sent = self.client.publish(topic, payload, qos=1, retain=retain)
        assert wait_until(lambda: sent.mid in self.puback), f"no PUBACK for {topic}"
        return self.puback[sent.mid]

    def try_publish(self, topic: str, payload: bytes) -> str:
        """Publish what may end the connection: the broker's reason, or `disconnected`."""
        sent = self.client.publish(topic, payload, qos=1)
        assert wait_until(lambda: sent.mid in self.puback or self.ended.is_set())
        return self.puback.get(sent.mid, "disconnected")

    def break_off(self) -> None:
        """Lose the connection without a goodbye, so that the will is spoken."""
        sock = self.client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
        assert self.ended.wait(PATIENCE_S)

    def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1 and wait for the SUBACK."""
        before = len(self.suback)
        self.client.subscribe(topic, qos=1)
        assert wait_until(lambda: len(self.suback) > before), f"no SUBACK for {topic}"

    def hears(self, payload: bytes) -> bool:
        """Whether `payload` arrives."""
        return wait_until(lambda: any(p == payload for _, p in self.heard))

    def close(self) -> None:
        """Say goodbye."""
        self.client.disconnect()
        self.client.loop_stop()


class Broker:
    """mosquitto running deploy/server/mosquitto/doxa.conf the way Debian's mosquitto.conf includes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.doxa = folder / "doxa"
        self.port = free_port()
        self.pid_file = folder / "mosquitto.pid"
        self._visitors: list[Visitor] = []
        self.doxa.mkdir()
        self.doxa.chmod(0o755)
        self._certificates()
        self.account("init")
        self.server = Mosquitto(folder, host="localhost", port=self.port, config_file=self._configuration())

    def _configuration(self) -> Path:
        included = self.folder / "conf.d"
        included.mkdir()
        ours = (ROOT / "deploy/server/mosquitto/doxa.conf").read_text()
        rendered = ours.replace("/etc/mosquitto/doxa", str(self.doxa)).replace("listener 8883", f"listener {self.port}")
        (included / "doxa.conf").write_text(rendered)
        main = self.folder / "mosquitto.conf"  # Debian's own five lines, with our folder
        store = self.folder / "store"
        store.mkdir()
        if os.geteuid() == 0:
            shutil.chown(store, "mosquitto", "mosquitto")
            shutil.chown(self.folder, "mosquitto", "mosquitto")
        main.write_text(
            f"pid_file {self.pid_file}\npersistence true\npersistence_location {store}/\nlog_dest stderr\n"
            f"include_dir {included}\n"
        )
        return main

    def _certificates(self) -> None:
        """By the very commands of docs/operating.md."""
        text = (ROOT / "docs/operating.md").read_text()
        found = re.search(r"```sh certificates\n(.*?)```", text, re.DOTALL)
        assert found, "docs/operating.md has no block of commands for the certificates"
        commands = re.sub(r"(?m)^BROKER=.*$", "BROKER=localhost", found.group(1))
        subprocess.run(["sh", "-eu"], input=commands, text=True, cwd=self.doxa, check=True, capture_output=True)
        if os.geteuid() == 0:
            for name in ("server.key", "server.crt", "ca.crt"):
                shutil.chown(self.doxa / name, "root", "mosquitto")
                (self.doxa / name).chmod(0o640)

    def account(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run deploy/server/doxa-probe-account on this broker's files."""
        tool = [sys.executable, "-I", str(ROOT / "deploy/server/doxa-probe-account")]
        places = ["--folder", str(self.doxa), "--pid-file", str(self.pid_file)]
        return subprocess.run([*tool, *places, *arguments], text=True, capture_output=True, check=check, timeout=60)

    def wait(self, found: Callable[[], bool], seconds: float) -> bool:
        """Whether it came true in time."""
        return wait_until(found, seconds)

    def listening_ports(self) -> set[int]:
        """Every TCP port that the broker's process listens on."""
        found = psutil.Process(self.server.process.pid).net_connections("tcp")
        return {c.laddr.port for c in found if c.status == psutil.CONN_LISTEN}

    def new_probe(self, site: str, agent: str) -> str:
        """Add a probe's account; its password."""
        return self.account("add", site, agent).stdout.strip()

    def visit(
        self,
        username: str | None,
        password: str | None = None,
        *,
        client_id: str = "",
        will: str | None = None,
        clean: bool = True,
        manual_ack: bool = False,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
    ) -> Visitor:
        """Try to connect; `entered` is set when the broker agrees, `refused` says why it does not."""
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=protocol,
            reconnect_on_failure=False,
            manual_ack=manual_ack,
        )
        visitor = Visitor(client)
        self._visitors.append(visitor)
        context = ssl.create_default_context(cafile=str(self.doxa / "ca.crt"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # Python 3.13's default
        client.tls_set_context(context)
        client.max_inflight_messages_set(1000)
        if username is not None:
            client.username_pw_set(username, password)
        if will is not None:
            client.will_set(will, b"will", qos=1)
        self._listen(visitor)
        options = {}
        if protocol == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0 if clean else 3600
            options = {"clean_start": clean, "properties": properties}
        client.connect("localhost", self.port, keepalive=60, **options)  # type: ignore[arg-type]
        client.loop_start()
        assert wait_until(lambda: visitor.entered.is_set() or bool(visitor.refused)), self.server.log
        return visitor

    def _listen(self, visitor: Visitor) -> None:
        def on_connect(_c: object, _u: object, _f: object, reason: object, _p: object) -> None:
            if str(reason) == "Success":
                visitor.entered.set()
            else:
                visitor.refused = str(reason)

        def on_disconnect(*_: object) -> None:
            visitor.ended.set()
            visitor.refused = visitor.refused or "disconnected"

        def on_publish(_c: object, _u: object, mid: int, reason: object, _p: object) -> None:
            visitor.puback[mid] = str(reason)

        def on_subscribe(_c: object, _u: object, mid: int, _r: object, _p: object) -> None:
            visitor.suback.append(mid)

        def on_message(_c: object, _u: object, message: mqtt.MQTTMessage) -> None:
            visitor.heard.append((message.topic, bytes(message.payload)))

        client = visitor.client
        client.on_connect, client.on_disconnect, client.on_publish = on_connect, on_disconnect, on_publish
        client.on_subscribe, client.on_message = on_subscribe, on_message

    def close(self) -> None:
        """End every visitor and the broker."""
        for visitor in self._visitors:
            visitor.close()
        self.server.close()


@pytest.fixture
def folder_for_all() -> Iterator[Path]:
    """A folder that the broker's own user may enter (pytest's are for us alone)."""
    folder = Path(tempfile.mkdtemp(prefix="doxa-deploy-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def broker(folder_for_all: Path) -> Iterator[Broker]:
    """The broker of deploy/server, running."""
    found = Broker(folder_for_all)
    try:
        found.server.start()
        yield found
    finally:
        found.close()


@pytest.fixture(scope="session")
def wheel(made_once: "MakeOnce") -> Path:
    """The wheel as it is built for release."""

    def build(out: Path) -> None:
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)]
        subprocess.run(command, check=True, capture_output=True, timeout=280)

    (found,) = made_once("wheel", build).glob("doxa-*.whl")
    return found


@pytest.fixture(scope="session")
def wheelhouse(made_once: "MakeOnce") -> Path:
    """What the agent depends on, in the locked versions, as carried to a place without Internet."""
    constraints = str(ROOT / "constraints.txt")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--constraint", constraints]

    def download(out: Path) -> None:
        subprocess.run([*pip, "--dest", str(out), "paho-mqtt"], check=True, capture_output=True, timeout=280)

    return made_once("wheelhouse", download)


@pytest.fixture(scope="session")
def stack_module() -> Any:
    """deploy/server/doxa-stack as a module: it is a program without an ending."""
    path = ROOT / "deploy/server/doxa-stack"
    module = ModuleType("doxa_stack")
    module.__file__ = str(path)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)  # imported, it would leave a cache in deploy/
    return module

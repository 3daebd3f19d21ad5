"""A real snmpd on a free port: its users and communities in a folder of its own, gone at the end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doxa_lab.ports import free_port

COMMUNITY = "only-for-this-test"
AUTH, PRIV = "authentication phrase", "privacy phrase"
_IF, _IFX = ".1.3.6.1.2.1.2", ".1.3.6.1.2.1.31"
_CACHE_TIMEOUT = ".1.3.6.1.4.1.8072.1.5.3.1.2"


@dataclass
class Snmpd:
    """A running one, that can be restarted on its port."""

    folder: Path
    port: int
    namespace: str | None
    host: str
    config: str
    without: str = ""
    """Modules of snmpd that are left out."""
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        (self.folder / "snmpd.conf").write_text(self.config, encoding="utf-8")
        log = self.folder / "log"
        log.write_bytes(b"")
        within = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        left_out = ["-I", self.without] if self.without else []
        command = [*within, "snmpd", "-f", "-C", "-c", str(self.folder / "snmpd.conf"), "-Lf", str(log), *left_out]
        host = f"udp6:[{self.host}]" if ":" in self.host else f"udp:{self.host}"
        environment = os.environ | {"SNMP_PERSISTENT_DIR": str(self.folder / "persistent"), "MIBS": ""}
        self.process = subprocess.Popen([*command, f"{host}:{self.port}"], env=environment)
        until = time.monotonic() + 30
        while b"NET-SNMP version" not in log.read_bytes():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    def quicken(self) -> None:
        """It reads the counters of its interfaces every second, not every three (nsCacheTimeout of ifTable)."""
        within = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        words = ["snmpset", "-v2c", "-c", COMMUNITY, f"{self.host}:{self.port}", f"{_CACHE_TIMEOUT}{_IF}.2", "i", "1"]
        environment = os.environ | {"SNMP_PERSISTENT_DIR": str(self.folder / "persistent"), "MIBS": ""}
        subprocess.run([*within, *words], check=True, capture_output=True, timeout=20, env=environment)

    def restart(self) -> None:
        """Its sysUpTime begins anew, its counters do not."""
        self.stop()
        self.start()


@contextmanager
def snmpd(
    folder: Path, *, namespace: str | None = None, host: str = "127.0.0.1", more: str = "", without: str = ""
) -> Iterator[Snmpd]:
    """One with our community, and the users `doxa` (keys needed) and `plain` (signed only)."""
    folder.mkdir(exist_ok=True)
    config = f"""
rwcommunity {COMMUNITY}
rwcommunity6 {COMMUNITY}
createUser doxa SHA-256 "{AUTH}" AES "{PRIV}"
createUser plain SHA-512 "{AUTH}"
rouser doxa priv
rouser plain auth
{more}
"""
    made = Snmpd(
        folder=folder,
        port=free_port(kind=socket.SOCK_DGRAM),
        namespace=namespace,
        host=host,
        config=config,
        without=without,
    )
    made.start()
    try:
        yield made
    finally:
        made.stop()


@dataclass(frozen=True)
class Acted:
    """A terminal whose interface table is ours to write: snmpd asks a script of ours (pass_persist) for IF-MIB."""

    server: Snmpd
    table: Path

    def show(self, rows: Mapping[str, tuple[str, object]]) -> None:
        """Objects by number below IF-MIB, such as `.1.3.6.1.2.1.31.1.1.1.6.7`, each with its type and value."""
        lines = [f"{oid} {kind} {value}" for oid, (kind, value) in rows.items()]
        fresh = self.table.with_suffix(".new")
        fresh.write_text("\n".join(lines), encoding="utf-8")
        fresh.replace(self.table)


@contextmanager
def acted(folder: Path) -> Iterator[Acted]:
    """A terminal that shows what a test writes."""
    folder.mkdir(exist_ok=True)
    table, script = folder / "table", folder / "script.py"
    table.write_text("", encoding="utf-8")
    script.write_text(_SCRIPT.format(table=table), encoding="utf-8")
    ask = f"{sys.executable} -S -E {script}"
    more = f"pass_persist {_IF} {ask}\npass_persist {_IFX} {ask}\n"
    with snmpd(folder, more=more, without="-ifTable,-ifXTable,-ifNumber,-ifTableLastChange") as server:
        yield Acted(server, table)


_SCRIPT = """
import sys

def rows():
    for line in open("{table}", encoding="utf-8"):
        oid, kind, value = line.rstrip("\\n").split(" ", 2)
        yield tuple(map(int, oid.strip(".").split("."))), oid, kind, value

while True:
    verb = sys.stdin.readline().strip()
    if verb == "PING":
        print("PONG", flush=True)
        continue
    if verb not in ("get", "getnext"):
        break
    asked = tuple(map(int, sys.stdin.readline().strip().strip(".").split(".")))
    hit = next((row for row in sorted(rows()) if (row[0] == asked if verb == "get" else row[0] > asked)), None)
    print("NONE" if hit is None else "\\n".join(hit[1:]), flush=True)
"""


def row(index: int, **values: object) -> dict[str, tuple[str, object]]:
    """The objects of one interface by the names that IF-MIB has for them."""
    return {f"{_COLUMNS[name][0]}.{index}": (_COLUMNS[name][1], value) for name, value in values.items()}


_COLUMNS = {
    "ifDescr": (f"{_IF}.2.1.2", "string"),
    "ifType": (f"{_IF}.2.1.3", "integer"),
    "ifSpeed": (f"{_IF}.2.1.5", "gauge"),
    "ifAdminStatus": (f"{_IF}.2.1.7", "integer"),
    "ifOperStatus": (f"{_IF}.2.1.8", "integer"),
    "ifInOctets": (f"{_IF}.2.1.10", "counter"),
    "ifInErrors": (f"{_IF}.2.1.14", "counter"),
    "ifOutOctets": (f"{_IF}.2.1.16", "counter"),
    "ifName": (f"{_IFX}.1.1.1.1", "string"),
    "ifHCInOctets": (f"{_IFX}.1.1.1.6", "counter64"),
    "ifHCInUcastPkts": (f"{_IFX}.1.1.1.7", "counter64"),
    "ifHCOutOctets": (f"{_IFX}.1.1.1.10", "counter64"),
    "ifHCOutUcastPkts": (f"{_IFX}.1.1.1.11", "counter64"),
    "ifHighSpeed": (f"{_IFX}.1.1.1.15", "gauge"),
    "ifAlias": (f"{_IFX}.1.1.1.18", "string"),
    "ifCounterDiscontinuityTime": (f"{_IFX}.1.1.1.19", "timeticks"),
}

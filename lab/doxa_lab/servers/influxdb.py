"""InfluxDB 1.6.7 of Debian: real InfluxQL and a `/write` that keeps what it acknowledged."""

import json
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

from doxa_lab.ports import free_port
from doxa_lab.servers.server import Server


class InfluxDB16(Server):
    """One influxd on loopback. It has no `/api/v2/write`: put `Nginx` in front for a v2 client."""

    program = "influxd"
    package = "influxdb"

    def _prepare(self) -> Sequence[str]:
        config = self.folder / "influxdb.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{self.folder}/meta"\n'
            f'[data]\ndir = "{self.folder}/data"\nwal-dir = "{self.folder}/wal"\nquery-log-enabled = false\n'
            f'[monitor]\nstore-enabled = false\n[http]\nbind-address = "{self.host}:{self.port}"\nlog-enabled = false\n'
        )
        return [self._found(), "-config", str(config)]

    @property
    def url(self) -> str:
        """The HTTP address of `/write` and `/query`."""
        return f"http://{self.host}:{self.port}"

    def query(self, statement: str, database: str = "") -> list[dict[str, Any]]:
        """The series that an InfluxQL statement gives; `RuntimeError` with InfluxDB's words where it refuses."""
        form = urllib.parse.urlencode({"q": statement, "db": database, "epoch": "ns"}).encode()
        with urllib.request.urlopen(f"{self.url}/query", data=form, timeout=30) as answer:  # noqa: S310 - our own loopback URL
            found = json.load(answer)["results"][0]
        if "error" in found:
            raise RuntimeError(found["error"])
        series: list[dict[str, Any]] = found.get("series", [])
        return series

    def create_database(self, name: str) -> None:
        """Make the database that a v2 client calls a bucket."""
        self.query(f'CREATE DATABASE "{name}"')

"""VictoriaMetrics: the time-series database that takes influxdb-client's `/api/v2/write` and answers PromQL."""

import json
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

from doxa_lab.servers.server import Server


class VictoriaMetrics(Server):
    """One node; redelivered points are kept once.

    It loses acknowledged writes of the last seconds when killed: that is what a sink's cursor must survive.
    """

    program = "victoria-metrics"
    package = "victoria-metrics"

    def _prepare(self) -> Sequence[str]:
        return [
            self._found(),
            f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr={self.host}:{self.port}",
            "-dedup.minScrapeInterval=1ms",
            "-search.latencyOffset=0s",
            "-retentionPeriod=100y",
            "-memory.allowedBytes=128MB",
            "-loggerLevel=WARN",
        ]

    @property
    def url(self) -> str:
        """Where influxdb-client writes to and queries go."""
        return f"http://{self.host}:{self.port}"

    def flush(self) -> None:
        """Make everything written so far visible to queries (a new series may otherwise hide for about 10 s)."""
        self._get("/internal/force_flush")

    def query(self, expression: str, at_s: float) -> list[dict[str, Any]]:
        """The series that a PromQL instant query gives at `at_s` (seconds since 1970), after a flush.

        Without `nocache=1` the newest second may be missing from the answer, so queries of tests should carry it.
        """
        self.flush()
        form = urllib.parse.urlencode({"query": expression, "time": f"{at_s:.3f}", "nocache": "1"})
        found: list[dict[str, Any]] = json.loads(self._get(f"/api/v1/query?{form}"))["data"]["result"]
        return found

    def export(self, selector: str = '{__name__!=""}') -> list[dict[str, Any]]:
        """Every stored sample of the series that match, as VictoriaMetrics exports them (`values`, `timestamps` in ms)."""
        self.flush()
        form = urllib.parse.urlencode({"match[]": selector, "end": str(2**32)})  # its "now" is a cached second
        return [json.loads(line) for line in self._get(f"/api/v1/export?{form}").splitlines()]

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:  # noqa: S310 - our own URL
            found: bytes = answer.read()
        return found

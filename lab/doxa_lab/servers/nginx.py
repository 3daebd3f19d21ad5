"""nginx as a translator: `/api/v2/write` of a v2 client becomes `/write?db=` of InfluxDB 1."""

from collections.abc import Sequence
from pathlib import Path

from doxa_lab.servers.server import Server

_CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_max_body_size 64m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    # InfluxDB 1 spells microseconds `u` and takes any word that it does not know for nanoseconds.
    map $arg_precision $doxa_precision {{ default $arg_precision; us u; ns n; }}
    server {{
        listen {host}:{port};
        location = /api/v2/write {{ proxy_pass {upstream}/write?db=$arg_bucket&precision=$doxa_precision; }}
        location / {{ proxy_pass {upstream}; }}
    }}
}}
"""


class Nginx(Server):
    """The rewrite in front of an InfluxDB 1 at `upstream` (an http URL with an address, not a name)."""

    program = "nginx"
    package = "nginx-light"

    def __init__(self, upstream: str, folder: Path | None = None, *, port: int | None = None) -> None:
        super().__init__(folder, port=port)
        self._upstream = upstream

    def _prepare(self) -> Sequence[str]:
        config = self.folder / "nginx.conf"
        config.write_text(
            _CONFIGURATION.format(folder=self.folder, host=self.host, port=self.port, upstream=self._upstream)
        )
        return [self._found(), "-p", str(self.folder), "-e", "stderr", "-c", str(config)]

    @property
    def url(self) -> str:
        """Where a v2 client writes to."""
        return f"http://{self.host}:{self.port}"

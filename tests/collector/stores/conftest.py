"""A sink's settings, an InfluxDB 2 double, a server that says what it is told to, and both commands as a person calls them."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from doxa_collector.cli import main
from doxa_lab.ports import free_port
from doxa_lab.servers import InfluxDB2Double


@dataclass
class Told:
    """What a command said."""

    code: int
    lines: list[dict[str, Any]]

    def marks(self, what: str) -> dict[str | None, str]:
        """How each thing of a kind is, by what it is about."""
        return {line["about"]: line["mark"] for line in self.lines if line["what"] == what}

    def mend(self, what: str, about: str | None = None) -> str:
        """How to mend one thing."""
        return next(str(line["mend"]) for line in self.lines if line["what"] == what and about in (None, line["about"]))

    def wrong(self) -> list[tuple[str, str | None]]:
        """What is wrong."""
        return [(line["what"], line["about"]) for line in self.lines if line["mark"] == "wrong"]


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOXA_LANG", "en")


@pytest.fixture
def influx2() -> Iterator[InfluxDB2Double]:
    with InfluxDB2Double() as double:
        yield double


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str, str], Path]:
    def put(name: str, word: str) -> Path:
        file = tmp_path / name
        file.write_text(word + "\n")
        return file

    return put


@pytest.fixture
def operator(secret: Callable[[str, str], Path]) -> Path:
    return secret("operator.token", InfluxDB2Double.OPERATOR)


@pytest.fixture
def check(tmp_path: Path, engine: Engine, sites_file: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """`sinks check` of one sink with these lines in its settings."""

    def run(url: str, settings: str = "", *words: str) -> Told:
        file = tmp_path / "collector.toml"
        file.write_text(
            '[broker]\nhost = "127.0.0.1"\n[ledger]\npath = "ledger.db"\n[registry]\nfile = "sites.toml"\n'
            f'[sink.grafana]\nkind = "influx"\nurl = "{url}"\n{settings}\n'
        )
        capsys.readouterr()
        code = main(["sinks", "check", "--config", str(file), "--json", *words])
        return Told(code, json.loads(capsys.readouterr().out)["sinks"][0]["lines"])

    return run


@pytest.fixture
def setup(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """`sinks setup`."""

    def run(url: str, *words: str) -> Told:
        capsys.readouterr()
        code = main(["sinks", "setup", f"--url={url}", "--json", *words])
        return Told(code, json.loads(capsys.readouterr().out)["lines"])

    return run


Answers = Mapping[str, tuple[int, Mapping[str, str], bytes]]


@pytest.fixture
def stranger() -> Iterator[Callable[[Answers], str]]:
    """A server that answers what it is told to, by path ("" for all others); its address."""
    running: list[ThreadingHTTPServer] = []

    def start(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answers.get(self.path.partition("?")[0], answers[""])
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the same

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
                pass

        server = ThreadingHTTPServer(("127.0.0.1", free_port("127.0.0.1")), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()

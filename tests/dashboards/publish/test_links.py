"""Ways to Grafana that break: slow answers and certificates."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dashboards.publish.conftest import INTERNAL, Doxa

from doxa_lab.ports import free_port


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    held: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", free_port()))

    def take() -> None:
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    for one in held:
        one.close()


def test_a_grafana_that_does_not_answer_in_time(doxa: Doxa, settings: Path, silent: str) -> None:
    settings.write_text(INTERNAL.replace("URL", f"http://{silent}").replace("timeout_s = 5", "timeout_s = 0.3"))
    said = doxa("diff")
    assert said.code == 1
    assert "answers too late" in said.err


def test_a_grafana_without_tls_where_tls_was_expected(doxa: Doxa, settings: Path, grafana: object) -> None:
    settings.write_text(settings.read_text().replace("http://127", "https://127"))
    said = doxa("diff")
    assert said.code == 1
    assert "TLS fails (" in said.err
    assert said.err.count("\n") == 1

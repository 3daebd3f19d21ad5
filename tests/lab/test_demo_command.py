"""`doxa demo` refuses what it cannot do with one sentence, before anything is started."""

import socket
from pathlib import Path

import pytest

from doxa_core.errors import InputError, OperationError
from doxa_lab.cli import main


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "doxa demo --once --json" in capsys.readouterr().out


def test_a_busy_port_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OperationError, match=f"{port}.*--port"):
            main(["--port", str(port), "--once"])


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(InputError, match="--port"):
        main(["--port", port])


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    with pytest.raises(InputError, match="--keep"):
        main(["--keep", str(tmp_path)])

"""What all servers of the lab share: a folder, an address, a process, a ready-wait by connecting."""

import os
import shutil
import socket
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_lab.net.namespaces import entered
from doxa_lab.ports import free_port, listens
from doxa_lab.process import Process

_SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Debian keeps servers there, and a plain user's PATH leaves it out."""
_ATTEMPTS: Final = 5
PATIENCE_S: Final = 20.0
"""How long a server may take to start where nobody says otherwise."""

MISSING = Text(
    vi="không tìm thấy chương trình {program}; hãy cài gói {package}: sudo apt-get install {package}",
    en="the program {program} was not found; install the package {package}: sudo apt-get install {package}",
)


def find_program(program: str) -> str | None:
    """The path of an installed program, also outside a plain user's PATH."""
    return shutil.which(program) or shutil.which(program, path=_SBIN)


class Server(ABC):
    """A server with its own folder and address. Leaving the context stops it and removes a folder that we made.

    `host` and `port` are where clients connect; with `namespace` they are inside that network namespace. A start that has
    not answered after `patience_s` seconds is an `OperationError`.
    """

    program: str
    package: str

    def __init__(
        self,
        folder: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        namespace: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._patience_s = patience_s
        self._own_folder = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix=f"doxa-{self.program}-")) if folder is None else folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.namespace = namespace
        self._port_given = port is not None
        self.port = self._free_port() if port is None else port
        self._process: Process | None = None
        self._last: Process | None = None

    def _free_port(self) -> int:
        with entered(self.namespace):
            return free_port(self.host)

    @classmethod
    def installed(cls) -> bool:
        """Whether it can be started on this machine."""
        return find_program(cls.program) is not None

    @abstractmethod
    def _prepare(self) -> Sequence[str]:
        """Write the configuration for the current address and give the command line."""

    def _found(self) -> str:
        path = find_program(self.program)
        if path is None:
            raise OperationError(MISSING.fill(program=self.program, package=self.package))
        return path

    @property
    def process(self) -> Process:
        """The process, started or not; `RuntimeError` before the first start."""
        if self._process is None:
            raise RuntimeError(f"{self.program} was never started")
        return self._process

    def start(self) -> None:
        """Start and wait until it answers; the first start takes another port if somebody was faster."""
        if self._process is not None:
            self._run_once()
            return
        for attempt in range(_ATTEMPTS):
            try:
                self._run_once()
            except OperationError:
                if self._port_given or attempt == _ATTEMPTS - 1 or not self._taken():
                    raise
                self.port = self._free_port()
            else:
                return

    def _run_once(self) -> None:
        process = Process(self.program, self._prepare(), log=self.folder / "log", namespace=self.namespace)
        process.start()
        self._last = process
        try:
            process.wait_ready(lambda: self.answers() and self._is_ours(process), self._patience_s)
        except OperationError:
            process.kill()
            raise
        self._process = process

    def _is_ours(self, process: Process) -> bool:
        """Whether what answers is this process, not another that had the port first."""
        return listens(process.pid, self.port)

    def _taken(self) -> bool:
        """Whether the log of the failed start says that the address was in use."""
        return self._last is not None and "in use" in self._last.tail().lower()

    def answers(self) -> bool:
        """Whether a client can connect now."""
        try:
            with entered(self.namespace), socket.create_connection((self.host, self.port), 1.0):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """Stop politely; data stay for the next `start()`."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """SIGKILL: what a power cut does to it."""
        if self._process is not None:
            self._process.kill()

    def restart(self, *, kill: bool = True) -> None:
        """End it (by default with SIGKILL) and start it again on the same port with the same data."""
        if kill:
            self.kill()
        else:
            self.stop()
        self.start()

    @property
    def log(self) -> str:
        """The end of its log, for the message of a failed test."""
        return "" if self._process is None else self._process.tail()

    def close(self) -> None:
        """Stop, and remove the folder if it was ours."""
        self.stop()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_root() -> bool:
    """Whether we may make namespaces and must tell servers not to change their user."""
    return os.geteuid() == 0

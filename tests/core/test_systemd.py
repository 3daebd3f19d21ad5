"""What a service and systemd say to each other."""

import os
import socket
from pathlib import Path

from doxa_core import systemd


def test_sockets_are_taken_once_and_only_by_the_process_they_are_for() -> None:
    assert systemd.given_sockets({}) == []
    assert systemd.given_sockets({"LISTEN_FDS": "1", "LISTEN_PID": "1"}) == []
    environment = {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())}
    assert systemd.given_sockets(environment) == []
    assert environment == {}


def test_a_state_reaches_systemd(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        assert systemd.tell("READY=1", "STATUS=tốt", environment={"NOTIFY_SOCKET": str(path)})
        assert listener.recv(100).decode() == "READY=1\nSTATUS=tốt"
        assert systemd.tell_reloading({"NOTIFY_SOCKET": str(path)})
        assert listener.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


def test_nobody_who_listens_is_no_trouble(tmp_path: Path) -> None:
    assert not systemd.tell("READY=1", environment={"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert not systemd.tell("READY=1", environment={"NOTIFY_SOCKET": "relative"})
    assert not systemd.tell("READY=1", environment={})


def test_a_supervisor_that_does_not_read_cannot_hold_a_service_up(tmp_path: Path) -> None:
    path = tmp_path / "deaf"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(path))
        told = [systemd.tell("WATCHDOG=1", environment={"NOTIFY_SOCKET": str(path)}) for _ in range(2)]
        while told[-1]:  # until its queue is full
            told.append(systemd.tell("WATCHDOG=1", environment={"NOTIFY_SOCKET": str(path)}))
        assert len(told) > 2


def test_the_watchdog_watches_only_the_process_that_it_names() -> None:
    assert systemd.watchdog_s({"WATCHDOG_USEC": "30000000"}) == 30
    assert systemd.watchdog_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    assert systemd.watchdog_s({"WATCHDOG_USEC": "soon"}) is None
    assert systemd.watchdog_s({}) is None

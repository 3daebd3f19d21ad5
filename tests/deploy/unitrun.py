"""Runs a unit's ExecStart the way systemd does, as far as that goes without systemd: account, no rights, file system
read-only, the unit's own system-call filter, address families, no writable code, credentials, readiness, watchdog.

Not a test by itself: tests/deploy/test_probe.py runs it as root inside a machine of its own. Prints one JSON object.
"""

import ctypes
import ctypes.util
import errno
import grp
import json
import os
import pwd
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

SCMP_ACT_ALLOW: Final = 0x7FFF0000
SCMP_ACT_ERRNO_EPERM: Final = 0x00050000 | errno.EPERM
SCMP_CMP_EQ: Final = 4
SCMP_CMP_MASKED_EQ: Final = 7
PROT_WRITE, PROT_EXEC = 2, 4
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
CLONE_NEWNS: Final = 0x00020000

CHECKOUT: Final = Path(__file__).resolve().parents[2]

Unit = dict[str, list[str]]


def read_unit(path: Path) -> Unit:
    """The settings of a unit in order; an empty value resets a list, as in systemd."""
    found: Unit = {}
    for line in path.read_text().splitlines():
        key, there, value = line.partition("=")
        if not there or line.startswith(("#", "[", ";")):
            continue
        if value:
            found.setdefault(key, []).append(value)
        else:
            found[key] = []
    return found


def expand(name: str) -> set[str]:
    """The system calls of a set such as @system-service, by systemd's own word."""
    if not name.startswith("@"):
        return {name}
    done = subprocess.run(["systemd-analyze", "syscall-filter", name], text=True, capture_output=True, check=True)
    words = [line.split("#")[0].strip() for line in done.stdout.splitlines()]
    return {call for word in words if word and word != name for call in expand(word)}


def allowed_calls(unit: Unit) -> set[str]:
    """What SystemCallFilter leaves: an allow-list, to which lines add or (with ~) from which they take."""
    allowed = expand("@default")
    for line in unit["SystemCallFilter"]:
        calls = {call for word in line.removeprefix("~").split() for call in expand(word)}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


class Compare(ctypes.Structure):
    """`struct scmp_arg_cmp` of libseccomp."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def install_filter(unit: Unit, calls: set[str]) -> None:
    """Allow `calls`; sockets only of the unit's families; memory never writable and executable at once."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(SCMP_ACT_ERRNO_EPERM))

    def allow(name: str, *compares: Compare) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number == -1:  # unknown to this architecture
            return
        array = (Compare * len(compares))(*compares)
        if library.seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, len(compares), array) < 0 and number >= 0:
            raise OSError(f"seccomp refuses a rule for {name}")

    for name in sorted(calls - {"socket", "mmap", "mprotect", "pkey_mprotect"}):
        allow(name)
    for family in unit["RestrictAddressFamilies"][0].split():
        allow("socket", Compare(0, SCMP_CMP_EQ, int(getattr(socket, family)), 0))
    for harmless in (0, PROT_WRITE, PROT_EXEC):  # mmap with both is refused, mprotect with PROT_EXEC is
        allow("mmap", Compare(2, SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, harmless))
    for call in ("mprotect", "pkey_mprotect"):
        allow(call, Compare(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))
    if library.seccomp_load(context) < 0:
        raise OSError("seccomp does not load the filter")


def drop_rights(unit: Unit, user: str) -> None:
    """The account, its groups, no capability, no way to gain one."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert unit["CapabilityBoundingSet"] == []
    assert unit["NoNewPrivileges"] == ["yes"]
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    account = pwd.getpwnam(user)
    extra = [grp.getgrnam(name).gr_gid for line in unit.get("SupplementaryGroups", []) for name in line.split()]
    os.setgroups(extra)
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def protect_system(writable: list[Path]) -> None:
    """ProtectSystem=strict, PrivateTmp: everything read-only but the unit's own folders and an empty /tmp."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    commands = ["mount --make-rprivate /"]
    commands += [f"mount --bind {path} {path}" for path in writable]
    commands += ["mount -o remount,bind,ro /", *private_tmp(CHECKOUT)]
    mask = os.umask(0o022)  # the folders on the way to the checkout are for everybody to pass
    for command in commands:
        subprocess.run(shlex.split(command), check=True)
    os.umask(mask)


def private_tmp(checkout: Path) -> list[str]:
    """An empty /tmp; a checkout that lies below it is the program to be run, and stays in sight."""
    empty = "mount -t tmpfs -o mode=1777 tmpfs /tmp"
    if not checkout.is_relative_to("/tmp"):
        return [empty]
    kept = "/mnt"
    return [f"mount --bind {checkout} {kept}", empty, f"mkdir -p {checkout}", f"mount --bind {kept} {checkout}"]


def prepare(unit: Unit, user: str, name: str) -> tuple[list[Path], dict[str, str]]:
    """State and runtime folders, credentials; the writable folders and the environment."""
    account = pwd.getpwnam(user)
    folders = [Path("/var/lib") / n for n in unit.get("StateDirectory", [])]
    folders += [Path("/run") / n for n in unit.get("RuntimeDirectory", [])]
    environment: dict[str, str] = {}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, account.pw_uid, account.pw_gid)
    if credentials := unit.get("LoadCredential", []):
        held = Path("/run/credentials") / name
        held.mkdir(parents=True, exist_ok=True)
        for line in credentials:
            label, _, source = line.partition(":")
            shutil.copy(source, held / label)
            os.chown(held / label, account.pw_uid, account.pw_gid)
            (held / label).chmod(0o400)
        environment["CREDENTIALS_DIRECTORY"] = str(held)
    return folders, environment


def start(unit: Unit, argv: list[str], user: str, writable: list[Path], environment: dict[str, str], log: Path) -> int:
    """Fork the service; its pid."""
    calls = allowed_calls(unit)
    if pid := os.fork():
        return pid
    try:
        output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.umask(int(unit["UMask"][0], 8))
        limit = int(unit["LimitNOFILE"][0])
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        protect_system(writable)
        drop_rights(unit, user)
        install_filter(unit, calls)
        os.execve(argv[0], argv, environment)
    except BaseException as error:  # noqa: BLE001 - a forked child must not run the parent's code
        os.write(2, f"unitrun: {error!r}\n".encode())
    os._exit(203)


class Listener:
    """Hears what the service says as long as it lives: a service may block on a supervisor that does not listen."""

    def __init__(self, path: Path) -> None:
        self.said: Counter[str] = Counter()
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o777)

    def begin(self) -> None:
        """Listen, from now on (after the fork: a thread before it is asking for trouble)."""
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        while True:
            self.said.update(line.partition("=")[0] for line in self._socket.recv(4096).decode().splitlines())

    def wait_for(self, pid: int, wanted: dict[str, int], seconds: float) -> None:
        """Until it said all of `wanted`, ended, or the time is over."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and any(self.said[word] < times for word, times in wanted.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return  # stop() fetches its status
            time.sleep(0.05)


def main(argv: list[str]) -> int:
    """`unitrun.py UNIT USER PROGRAM SECONDS COMMAND-WHILE-IT-RUNS`."""
    unit_file, user, program, seconds, command = Path(argv[0]), argv[1], argv[2], float(argv[3]), argv[4]
    unit = read_unit(unit_file)
    writable, environment = prepare(unit, user, unit_file.name)
    path = Path("/run/unitrun.notify")
    watchdog = 3_000_000  # shorter than the unit's, so that the test need not wait for it
    assert unit["Type"] == ["notify"]
    assert int(unit["WatchdogSec"][0]) > 0
    environment |= {
        "PATH": "/usr/bin:/bin",
        "NOTIFY_SOCKET": str(path),
        "WATCHDOG_USEC": str(watchdog),
        "LANG": "C.UTF-8",
    }
    line = shlex.split(unit["ExecStart"][0].replace("/opt/doxa/bin/doxa", program))
    log = Path("/var/log/unitrun.log")
    log.unlink(missing_ok=True)
    listener = Listener(path)
    pid = start(unit, line, user, writable, environment, log)
    listener.begin()
    listener.wait_for(pid, {"READY": 1, "WATCHDOG": 2}, seconds)
    report: dict[str, Any] = {"said": listener.said}
    done = subprocess.run(["sh", "-c", command], text=True, capture_output=True, check=False, timeout=seconds)
    report["command"] = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
    report["exit"] = stop(pid, float(unit["TimeoutStopSec"][0]))
    report["log"] = log.read_text(errors="replace")
    print(json.dumps(report))
    return 0


def stop(pid: int, seconds: float) -> int | None:
    """SIGTERM; the exit status, None when it did not obey in the unit's time."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return None
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

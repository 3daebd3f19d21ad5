"""Starts the child process for one poll and waits for its answer, never longer than it may."""

import os
import subprocess
import sys
from contextlib import suppress

from doxa_agent.meter import Deadline
from doxa_agent.snmp.order import LARGEST, Answers, Order


def ask(order: Order, deadline: Deadline, limit: Deadline) -> Answers:
    """The child's answers; where it crashes, or the time is over, none with that reason.

    `deadline` is the run's (over: cut short by the service), `limit` the child's own.
    """
    command = [sys.executable, "-W", "ignore", "-m", "doxa_agent.snmp.child"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError as error:  # no memory, no process
        return Answers(reason="child_crashed", why=type(error).__name__)
    with child:
        try:
            octets = _await(child, order, deadline, limit)
        finally:
            child.kill()
    if octets is None:
        return Answers(reason="cut_short" if deadline.over else "deadline")
    try:
        answers = Answers.decode(octets)
    except ValueError:
        return Answers(reason="child_crashed", why=f"exit {child.returncode}")
    if answers.reason is None and len(answers.found) != len(order.targets):
        return Answers(reason="child_crashed", why="answers missing")
    return answers


def _await(child: "subprocess.Popen[bytes]", order: Order, deadline: Deadline, limit: Deadline) -> bytes | None:
    asked: bytes | None = order.encode()
    while not (deadline.over or limit.over):
        with suppress(subprocess.TimeoutExpired):
            return child.communicate(asked, timeout=0.1)[0][: LARGEST + 1]
        asked = None
    return None

"""Asks the child process for one poll."""

from typing import Final

from doxa_agent.meter import Deadline
from doxa_agent.net import child
from doxa_agent.snmp.order import Answers, Order

_MODULE: Final = "doxa_agent.snmp.child"


def ask(order: Order, deadline: Deadline, limit: Deadline) -> Answers:
    """The child's answers; where it crashes, or the time is over, none with that reason.

    `deadline` is the run's (over: cut short by the service), `limit` the child's own.
    """
    answers = child.ask(_MODULE, order.encode(), Answers.decode, deadline, limit)
    if isinstance(answers, child.Fault):
        return Answers(reason=answers.reason, why=answers.why)
    if answers.reason is None and len(answers.found) != len(order.targets):
        return Answers(reason=child.CRASHED, why="answers missing")
    return answers

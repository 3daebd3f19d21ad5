"""The child process of the `snmp` meter: `python -m doxa_agent.snmp.child`, an order on stdin, answers on stdout.

pysnmp would stay in the agent's memory for ever for a second's work in five minutes; here it goes with the process, and
nothing that a terminal sends can do more than end it.
"""

import asyncio
import time
from typing import Final, NoReturn

from doxa_agent.net import child
from doxa_agent.snmp.order import Answer, Answers, Order, Target
from doxa_agent.snmp.search import read_interface

EXTRA: Final = "needs_extra_snmp"
"""The reason where a package of the extra `snmp` is missing."""


def main() -> NoReturn:
    """Read the order, poll, write the answers; 0 whatever the terminals did."""
    child.serve(_work)


def _work(octets: bytes) -> bytes:
    answers = run(Order.decode(octets))
    answers.memory_bytes, answers.cpu_s = child.largest_size(), round(time.process_time(), 3)
    return answers.encode()


def run(order: Order) -> Answers:
    """The answers of all terminals, which are asked at once."""
    try:
        return asyncio.run(_poll_all(order))
    except ImportError:
        return Answers(reason=EXTRA)
    except MemoryError:
        return Answers(reason="memory_exhausted")
    except Exception as error:  # noqa: BLE001 - whatever a foreign package makes of whatever comes
        return Answers(reason="package_failed", why=type(error).__name__)


async def _poll_all(order: Order) -> Answers:
    return Answers(found=list(await asyncio.gather(*(_poll(order, target) for target in order.targets))))


async def _poll(order: Order, target: Target) -> Answer:
    from doxa_agent.snmp.session import Refused, Session

    answer = Answer()
    try:
        session = Session(order, target)
    except Refused as refused:
        return Answer(reason=refused.reason, why=refused.why)
    try:
        async with asyncio.timeout(order.budget_s):
            await read_interface(session, order.choice, target.known, answer)
    except Refused as refused:
        answer.reason, answer.why = refused.reason, refused.why
    except TimeoutError:
        answer.reason = "no_reply"
    except Exception as error:  # noqa: BLE001 - one terminal's nonsense is not another's
        answer.reason, answer.why = "package_failed", type(error).__name__
    finally:
        session.close()
    return answer


if __name__ == "__main__":
    main()

"""Round trips while nothing loads the line, by the same probes: what the loaded ones are compared with."""

import select
import time
from typing import Final

from doxa_agent.meter import Deadline
from doxa_agent.net.binding import Unreachable
from doxa_agent.responsiveness.exchange import exchange
from doxa_agent.responsiveness.pipe import Phase, Pipe, tls_context
from doxa_agent.responsiveness.stability import Foreign
from doxa_agent.speed.target import Stopped, Target

_PATIENCE_S: Final = 2.0


def idle_probes(target: Target, count: int, deadline: Deadline) -> list[Foreign]:
    """So many probes, one after the other; fewer where some were lost, `Unreachable` where all were."""
    found: list[Foreign] = []
    reason = "answer_timeout"
    for _ in range(count):
        try:
            found.append(_one(target, deadline))
        except Unreachable as error:
            reason = error.reason
    if not found:
        raise Unreachable(reason)
    return found


def _one(target: Target, deadline: Deadline) -> Foreign:
    took: list[float] = []
    pipe = Pipe(target, tls_context(target.far_end))
    talk = None
    until = time.monotonic() + _PATIENCE_S
    try:
        with select.epoll() as poller:
            poller.register(pipe.sock, pipe.interest)
            while not took:
                if deadline.over:
                    raise Stopped
                if time.monotonic() >= until:
                    raise Unreachable("answer_timeout" if pipe.phase is Phase.OPEN else "connect_timeout")
                for _fd, event in poller.poll(0.1):
                    piece = pipe.step(event)
                    if talk is None and pipe.phase is Phase.OPEN:
                        talk = exchange(pipe, target)
                        talk.get(took.append)
                    if talk is not None:
                        talk.feed(piece)
                    poller.modify(pipe.sock, pipe.interest)
        return Foreign(pipe.tcp_s or 0.0, took[0], pipe.tls_s)
    finally:
        pipe.close()

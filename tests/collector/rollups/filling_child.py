"""A filling in a process of its own, in small batches; where it is told to, it kills itself as a power cut would.

`LEDGER SIZE [inside|behind N]`: in the middle of the Nth transaction, or right behind it.
"""

import os
import signal
import sys
from pathlib import Path

from sqlalchemy import Connection

from doxa_collector.ledger.engine import open_ledger
from doxa_collector.rollups import filling

_honest = filling.put_cursor
_batches = list[int]()


def _die_inside(conn: Connection, position: int, rebuilt: int) -> None:
    _batches.append(position)
    if len(_batches) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    _honest(conn, position, rebuilt)


def _behind(done: filling.Progress) -> None:
    print(done.position, flush=True)
    if sys.argv[3:4] == ["behind"]:
        _batches.append(done.position)
        if len(_batches) == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    size = int(sys.argv[2])
    if sys.argv[3:4] == ["inside"]:
        filling.put_cursor = _die_inside
    filling.fill(open_ledger(Path(sys.argv[1])), progress=_behind, sizes=filling.Sizes(size, size, size))

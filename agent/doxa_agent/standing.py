"""The lock that one running service holds on its spool, and what it writes there about its way to the broker.

Two services on one spool would send everything twice. And the installer's checklist must not enter the broker by the
account of a running service, which would put it out: it reads here what the service itself found.
"""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from doxa_core.errors import OperationError
from doxa_core.language import Text

_MOST: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a running service said last."""

    connected: bool
    trouble: Text | None = None
    code: str = ""
    """The trouble's code, empty where there is none."""


class Standing:
    """The lock, held until `close` or the process's end. On a read-only disk it holds nothing and says nothing."""

    def __init__(self, spool: Path) -> None:
        self._last: Said | None = None
        self._file: int | None = None
        with suppress(OSError):
            spool.parent.mkdir(parents=True, exist_ok=True)
            found = os.open(_name(spool), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(found)
                raise OperationError(SECOND.fill(path=spool)) from None
            self._file = found
            os.ftruncate(found, 0)  # what a service before us said

    def say(self, said: Said) -> None:
        """Write it down where it is new."""
        if self._file is None or said == self._last:
            return
        trouble = said.trouble and {"vi": said.trouble.vi, "en": said.trouble.en, "code": said.code}
        text = json.dumps({"connected": said.connected, "trouble": trouble}, ensure_ascii=False).encode()
        with suppress(OSError):  # a full disk: the checklist will then find nothing said
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text[:_MOST], 0)
            self._last = said

    def close(self) -> None:
        """Let another service begin."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_standing(spool: Path) -> Said | None:
    """What the service that runs now said last; None where none runs, or where it has said nothing yet."""
    try:
        found = os.open(_name(spool), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(found, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _parse(os.pread(found, _MOST, 0))
    finally:
        os.close(found)
    return None


def _parse(text: bytes) -> Said | None:
    try:
        found: dict[str, Any] = json.loads(text)
        trouble = found["trouble"]
        words = Text(vi=str(trouble["vi"]), en=str(trouble["en"])) if trouble else None
        return Said(connected=found["connected"] is True, trouble=words, code=str(trouble["code"]) if trouble else "")
    except (ValueError, KeyError, TypeError):  # it is just being written
        return None


def _name(spool: Path) -> Path:
    return spool.with_name(spool.name + ".lock")


SECOND = Text(
    vi="một doxa agent khác đang dùng hàng đợi {path}; hãy dừng nó hoặc đặt spool.path riêng",
    en="another doxa agent uses the spool {path}; stop it, or give this one a spool.path of its own",
)

"""Says a trouble once when it begins, seldom while it lasts, and once when it is over: a log that people can read."""

import logging
from time import monotonic
from typing import Final

from doxa_core.language import Text

REMIND_S: Final = 1800.0


class Quiet:
    """For one place of trouble, such as the uplink; not thread-safe."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._code: str | None = None
        self._said_at = 0.0
        self._again = 0

    def warn(self, code: str, text: Text) -> None:
        """A trouble of that code: said when it is a new one, then every half hour with how often it came."""
        if code == self._code and monotonic() - self._said_at < REMIND_S:
            self._again += 1
            return
        if code == self._code:
            text = AGAIN.fill(text=text, times=self._again + 1)
        self._code, self._said_at, self._again = code, monotonic(), 0
        self._log.warning("%s", text)

    def good(self, text: Text) -> None:
        """It works (again)."""
        self._code, self._again = None, 0
        self._log.info("%s", text)


AGAIN = Text(vi="{text} (thêm {times} lần từ lần báo trước)", en="{text} ({times} more times since the last report)")

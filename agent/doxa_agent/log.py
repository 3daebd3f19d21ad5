"""The agent's log: one line an event on standard error, as the journal likes it."""

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Final, TextIO

from doxa_core.language import local_time

_PRIORITY: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""sd-daemon(3): the level in front of the line, where standard error is the journal."""


class OneLine(logging.Formatter):
    """`priority text` for the journal, `time text` for people; a traceback never, a line break never."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """The record in one line."""
        text = " ".join(record.getMessage().split())
        if self._journal:
            return f"<{_PRIORITY.get(record.levelno, 6)}>{text}"
        return f"{local_time(datetime.fromtimestamp(record.created, UTC))} doxa-agent: {text}"


def begin(stream: TextIO | None = None) -> None:
    """Log to standard error from now on, from level INFO."""
    out = logging.StreamHandler(stream or sys.stderr)
    out.setFormatter(OneLine(journal="JOURNAL_STREAM" in os.environ))
    root = logging.getLogger("doxa")
    root.handlers[:] = [out]
    root.setLevel(logging.INFO)
    root.propagate = False

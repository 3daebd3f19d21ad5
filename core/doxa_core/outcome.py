"""The closed set of outcomes that one measurement can have."""

from enum import StrEnum


class Outcome(StrEnum):
    """How one run of a meter ended. A failure to reach is a result; an exception is our own fault."""

    OK = "ok"
    """Measured; the values describe the line."""
    FAILED = "failed"
    """The line or the far end did not answer or broke off: a result about the line, with reasons."""
    SKIPPED = "skipped"
    """Not run, because a guard refused (busy line, data budget, no slot …): reasons say which."""
    PROBE_LIMITED = "probe_limited"
    """Measured, but the probe, its port or the far end was the limit: the values are a lower bound of the line."""
    ERROR = "error"
    """Our own fault (exception, deadline overrun): says nothing about the line."""

"""What a run has found so far: values, what is to blame, what was noticed, evidence."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Account:
    """Filled phase by phase; a state that could not be judged is simply not there."""

    values: dict[str, float] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    """What is to blame, the cause nearest to the office first; never what only follows from another one."""
    findings: list[str] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)

    def flag(self, name: str, *, yes: bool | None) -> None:
        """`name_flag`; None leaves it out."""
        if yes is not None:
            self.values[f"{name}_flag"] = 1.0 if yes else 0.0

    def milliseconds(self, name: str, seconds: float | None) -> None:
        """`name_ms`; None leaves it out."""
        if seconds is not None:
            self.values[f"{name}_ms"] = round(seconds * 1000, 3)

    def blame(self, reason: str) -> None:
        """Name a cause, once."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    def note(self, finding: str) -> None:
        """Name what was noticed, once."""
        if finding not in self.findings:
            self.findings.append(finding)

    def copy(self) -> "Account":
        """One of its own to go on with."""
        return Account(dict(self.values), list(self.reasons), list(self.findings), dict(self.detail))

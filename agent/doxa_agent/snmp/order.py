"""What the parent asks of the child process, and what the child answers: one line of JSON each.

Secrets travel here only, through the child's standard input: never in arguments or the environment, which others can read.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from doxa_agent.meter import Link
from doxa_core.linkkind import LinkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What opens the terminal; `repr` says nothing of it."""

    community: str | None = field(default=None, repr=False)
    user: str | None = None
    auth: str = "sha256"
    auth_key: str | None = field(default=None, repr=False)
    priv: str = "aes128"
    priv_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which interface of the terminal is the line: exactly one of the three is given."""

    name: str | None = None
    """ifName (RFC 2863), or ifDescr where the terminal has no ifName."""
    alias: str | None = None
    """ifAlias: the label that the operator wrote."""
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One terminal."""

    family: int
    address: str
    port: int
    known: int | None = None
    """The index that the interface had at the last poll: tried first, and checked by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One poll of some terminals: by which line, with which secrets, which interface, how patiently."""

    interface: str | None
    source: str | None
    targets: tuple[Target, ...]
    choice: Choice
    secrets: Secrets
    timeout_s: float
    retries: int
    budget_s: float
    """After so long a terminal is given up, whatever it is doing."""

    @property
    def link(self) -> Link:
        """The way by which every request must leave."""
        return Link(name="snmp", kind=LinkKind.FIXED, interface=self.interface, source=self.source)

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Order":
        """What `encode` wrote."""
        found = json.loads(line)
        found["targets"] = tuple(Target(**one) for one in found["targets"])
        found["choice"], found["secrets"] = Choice(**found["choice"]), Secrets(**found["secrets"])
        return cls(**found)


@dataclass(slots=True, kw_only=True)
class Answer:
    """What one terminal said; `reason` says why it said no more."""

    reason: str | None = None
    why: str | None = None
    """More of it for the detail: the name of the error."""
    index: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    """`sysdescr`, `name`, `alias`, `descr` as far as the terminal has them."""
    numbers: dict[str, int] = field(default_factory=dict)
    """The objects of `objects.NUMBERS` by their names, all from one answer; those it does not have are absent."""
    sent_s: float | None = None
    received_s: float | None = None
    """When the request for `numbers` left first and its answer came, by CLOCK_MONOTONIC, which all processes share."""
    offered: list[str] = field(default_factory=list)
    """The names among which the interface was not found."""


@dataclass(slots=True, kw_only=True)
class Answers:
    """One answer a target, in their order; `reason` says why there are none at all."""

    found: list[Answer] = field(default_factory=list)
    reason: str | None = None
    why: str | None = None
    memory_bytes: int | None = None
    """The child's largest resident size."""
    cpu_s: float | None = None

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Answers":
        """What `encode` wrote; `ValueError` for anything else."""
        try:
            found: dict[str, Any] = json.loads(line)
            found["found"] = [Answer(**one) for one in found["found"]]
            return cls(**found)
        except (TypeError, KeyError, RecursionError) as error:
            raise ValueError(str(error)) from None

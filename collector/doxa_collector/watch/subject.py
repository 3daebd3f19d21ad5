"""What an alarm is about: a probe, a line, a node of the network, or the collector itself."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of subject."""

    PROBE = "probe"
    LINK = "link"
    NODE = "node"
    COLLECTOR = "collector"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Subject:
    """One thing that can be well or not. Its text is its key in the ledger: `link:dong-dang/tslcd`, `node:core-1`."""

    kind: Kind
    site: str = ""
    """The office; empty for nodes that belong to none and for the collector."""
    name: str = ""
    """The agent, link or node; empty for the collector."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.site}/{self.name}" if self.site else f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Subject":
        """The subject whose text this is; `ValueError` for anything else."""
        kind, colon, rest = text.partition(":")
        if not colon:
            raise ValueError(f"{text!r} is not a subject")
        site, slash, name = rest.partition("/")
        return cls(kind=Kind(kind), site=site, name=name) if slash else cls(kind=Kind(kind), name=rest)


def probe(site: str, agent: str) -> Subject:
    """The device at an office."""
    return Subject(kind=Kind.PROBE, site=site, name=agent)


def line(site: str, link: str) -> Subject:
    """One line of an office."""
    return Subject(kind=Kind.LINK, site=site, name=link)


def node(name: str) -> Subject:
    """A node of the network, by its name in nodes.toml."""
    return Subject(kind=Kind.NODE, name=name)


COLLECTOR = Subject(kind=Kind.COLLECTOR)
"""This collector, or the broker that it listens to."""

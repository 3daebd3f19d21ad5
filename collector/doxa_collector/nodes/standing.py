"""The tree in force: a good file replaces it, a bad one leaves the last good one and is told."""

from collections.abc import Callable
from pathlib import Path

from doxa_collector.nodes.reading import read_tree
from doxa_collector.nodes.tree import Tree
from doxa_collector.registry import Registry
from doxa_core.errors import InputError


class StandingTree:
    """The last good tree of a file that may be missing: no file is an empty tree, not a mistake."""

    def __init__(self, file: Path, read: Callable[[Path, Registry], Tree] = read_tree) -> None:
        self.file = file
        self.tree = Tree()
        self.trouble: InputError | None = None
        """Why the file as it is now is not in force."""
        self._read = read

    def reload(self, registry: Registry) -> bool:
        """Read the file again; whether the tree changed. A bad file changes nothing but `trouble`."""
        try:
            fresh = self._read(self.file, registry) if self.file.exists() else Tree()
        except InputError as error:
            self.trouble = error
            return False
        self.trouble = None
        changed = fresh != self.tree
        self.tree = fresh
        return changed

"""One thing to do in Grafana, with what would change."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from doxa_core.language import Text
from doxa_dashboards.publish.differences import NOTHING, Difference


class Action(StrEnum):
    """What happens to a thing."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    KEEP = "keep"
    """It is as wanted."""
    LEFT = "left"
    """Ours, no longer wanted, and only removed with --prune."""
    BLOCKED = "blocked"
    """It differs, and Grafana will not let the API change it."""

    @property
    def mark(self) -> str:
        """The sign before its line."""
        return _MARKS[self]

    @property
    def differs(self) -> bool:
        """Whether Grafana is not as wanted."""
        return self is not Action.KEEP


_MARKS: Final = {
    Action.CREATE: "+", Action.CHANGE: "~", Action.DELETE: "-", Action.KEEP: "=", Action.LEFT: "?", Action.BLOCKED: "!",
}  # fmt: skip


class Kind(StrEnum):
    """What a thing is."""

    TEAM = "team"
    FOLDER = "folder"
    PERMISSIONS = "permissions"
    SOURCE = "datasource"
    DASHBOARD = "dashboard"
    CONTACT = "contact"
    POLICY = "policy"
    RULE = "rule"
    GROUP = "group"

    @property
    def text(self) -> Text:
        """The word that people read."""
        return _KINDS[self]


_KINDS: Final = {
    Kind.TEAM: Text(vi="nhóm", en="team"),
    Kind.FOLDER: Text(vi="thư mục", en="folder"),
    Kind.PERMISSIONS: Text(vi="quyền thư mục", en="folder permissions"),
    Kind.SOURCE: Text(vi="nguồn dữ liệu", en="data source"),
    Kind.DASHBOARD: Text(vi="bảng", en="dashboard"),
    Kind.CONTACT: Text(vi="nơi nhận cảnh báo", en="contact point"),
    Kind.POLICY: Text(vi="nhánh định tuyến cảnh báo", en="notification policy branch"),
    Kind.RULE: Text(vi="quy tắc cảnh báo", en="alert rule"),
    Kind.GROUP: Text(vi="chu kỳ nhóm quy tắc", en="interval of a rule group"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing, what would happen to it, and how."""

    kind: Kind
    name: str
    action: Action
    changes: tuple[Difference, ...] = ()
    note: Text | None = None
    do: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    def as_fields(self) -> dict[str, Any]:
        """For machines."""
        found: dict[str, Any] = {"kind": str(self.kind), "name": self.name, "action": str(self.action)}
        if self.changes:
            found["changes"] = [_fields(change) for change in self.changes]
        if self.note is not None:
            found["note"] = str(self.note)
        return found


def _fields(change: Difference) -> dict[str, Any]:
    found = {"path": change.path}
    pairs = {"found": change.found, "wanted": change.wanted}
    return found | {name: value for name, value in pairs.items() if value is not NOTHING}

"""Plans in the audit log: which plan was in force since when, so that a changed threshold can be seen in a curve."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import audit
from doxa_collector.ledger.writing import note
from doxa_collector.plans.keeping import plan_as_json
from doxa_collector.plans.model import Plan

_ADDED, _CHANGED, _REMOVED = "plan.added", "plan.changed", "plan.removed"


def note_plans(conn: Connection, plans: Sequence[Plan], now_us: int, actor: str) -> list[str]:
    """Note each plan that is new, another one or gone since the last time; their ids. Needs a writing transaction."""
    before, now = _known(conn), {plan.id: _print(plan) for plan in plans}
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    for name in changed:
        old, new = before.get(name), now.get(name)
        action = _ADDED if old is None else _REMOVED if new is None else _CHANGED
        title = (new or old or {})["title"]
        detail = {"plan": name, "title": title, "before": old, "after": new}
        note(conn, now_us, actor, action, {key: value for key, value in detail.items() if value is not None})
    return changed


def _print(plan: Plan) -> dict[str, Any]:
    text = json.dumps(plan_as_json(plan), ensure_ascii=False, sort_keys=True)
    return {"version": plan.version, "title": plan.title, "sha256": sha256(text.encode()).hexdigest()}


def _known(conn: Connection) -> dict[str, dict[str, Any]]:
    """The plans as the log left them."""
    found: dict[str, dict[str, Any]] = {}
    query = select(audit.c.detail).where(audit.c.action.in_((_ADDED, _CHANGED, _REMOVED))).order_by(audit.c.id)
    for text in conn.execute(query).scalars():
        detail = json.loads(text)
        if "after" in detail:
            found[detail["plan"]] = detail["after"]
        else:
            found.pop(detail["plan"], None)
    return found

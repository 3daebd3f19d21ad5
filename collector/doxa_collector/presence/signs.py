"""Signs of life from the ledger: what the agents say of themselves, and every measurement that arrives."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, select

from doxa_collector.ledger.record import AnyRow, Record
from doxa_collector.ledger.schema import agent_status
from doxa_collector.presence.model import Sign
from doxa_core.errors import WireError
from doxa_core.status import AgentStatus, State, decode


def statuses_since(conn: Connection, received_us: int) -> Iterator[Sign]:
    """Of the agents whose status arrived at or after `received_us`."""
    query = select(agent_status).where(agent_status.c.received_us >= received_us)
    for row in conn.execute(query):
        if sign := sign_of(row):
            yield sign


def of_records(records: Iterable[Record]) -> Iterator[Sign]:
    """A sign for each agent that these measurements came from: it was there when they arrived … or a moment before.

    What the last will overtook is no life after death: the broker publishes the will when it has nothing more of the probe.
    """
    newest: dict[str, Sign] = {}
    for record in records:
        known = newest.get(record.agent)
        if known is None or record.received_us > known.at_us:
            newest[record.agent] = Sign(agent=record.agent, site=record.site, at_us=record.received_us, online=True)
    yield from newest.values()


def sign_of(row: AnyRow) -> Sign | None:
    """The sign in a row of `agent_status`; None where its text cannot be read any more."""
    try:
        status = decode(row.raw)
    except WireError:
        return None
    return Sign(
        agent=row.agent,
        site=row.site,
        at_us=row.received_us,
        online=status.state is State.ONLINE,
        reason=status.reason,
        boot=status.boot,
        on_battery=status.on_battery,
        ports_down=_ports_down(status),
    )


def _ports_down(status: AgentStatus) -> tuple[str, ...]:
    return tuple(sorted(name for name, link in status.links.items() if link.get("up") is False))

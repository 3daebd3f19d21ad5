"""What a deployment may decide about the page."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from doxa_collector.api.settings import Settings as ApiSettings


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the page; every default is the careful one."""

    reveal_tslcd: bool = False
    """Show addresses, gateways and paths of TSLCD lines. They may be state secrets (domain.md §8), so off by default."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides localhost by which a browser may ask for the page while no token is configured."""
    page_size: int = 20
    """Places on one page of verdicts."""
    refresh_s: int = 5
    """Seconds between two looks of an open page."""
    silent_after_s: int = 1800
    """A line with no measurement for so long is called silent: it is not known whether it works."""
    sink_delay_rows: int = 1000
    """A sink that is so many measurements behind is called delayed."""
    api: ApiSettings = field(default_factory=ApiSettings)
    """What is below /api/v1."""
    now: Callable[[], datetime] = _utc_now
    """The wall clock; tests bring their own."""

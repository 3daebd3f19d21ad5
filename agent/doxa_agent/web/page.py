"""A page over one family: the visit, the redirects after it, and what is made of them."""

import ipaddress
import time
from collections.abc import Iterator
from typing import Any, Final

from doxa_agent.meter import FarEnd, Reading, Request
from doxa_agent.net.binding import LinkUnusable, Unreachable
from doxa_agent.web.fetch import PHASES, Manner, Visit, fetch
from doxa_agent.web.options import Options
from doxa_agent.web.url import Url, target_of
from doxa_agent.web.waiting import Patience, Stopped
from doxa_core.outcome import Outcome

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_NOT_THE_PAGE: Final = frozenset({"no_route", "name_timeout", "no_address_in_family", "blocked_here", "tls_ca_file"})
"""Reasons that do not say that the page is down: the line, the resolver, our own settings, a family it never had."""


def measure_all(request: Request[Options]) -> list[Reading]:
    """A reading a far end and family, one after the other: two at a time would measure each other."""
    return [
        _Walk(request, far_end, family).reading()
        for far_end in request.far_ends
        for family in _families(far_end.host, request.family)
    ]


def _families(host: str, wanted: int | None) -> tuple[int, ...]:
    """The forced family, an address's own, else both of a name, each on its own."""
    if wanted is not None:
        return (wanted,)
    try:
        return (ipaddress.ip_address(host).version,)
    except ValueError:
        return 4, 6


class _Walk:
    """From the far end's page to the last one that its redirects lead to."""

    def __init__(self, request: Request[Options], far_end: FarEnd, family: int) -> None:
        self._options, self._far_end, self._family = request.options, far_end, family
        self._manner = Manner(
            link=request.link, family=family, ca_file=far_end.ca_file, body_limit=request.options.body_limit
        )
        self._deadline = request.deadline
        self._visits: list[Visit] = []
        self._findings: list[str] = []

    def reading(self) -> Reading:
        """What the walk amounts to."""
        began = time.monotonic()
        try:
            self._go(Patience(began + self._options.timeout_s, self._deadline))
            took_s = time.monotonic() - began
            reasons = tuple(self._unexpected())
            outcome = Outcome.FAILED if reasons else Outcome.OK
            values = self._phases() | {"answered_flag": 1, "expected_flag": int(not reasons)} | self._content()
            if "body_cut" not in self._findings:
                values["total_ms"] = round(took_s * 1000, 3)
        except Stopped:
            outcome, reasons, values = Outcome.SKIPPED, ("cut_short",), {}
        except Unreachable as unreachable:
            outcome, reasons = Outcome.FAILED, (unreachable.reason,)
            values = self._phases() | self._failed(unreachable)
        return Reading(
            outcome=outcome,
            far_end=self._far_end.name,
            family=self._family,
            proof=next((visit.proof for visit in self._visits if visit.proof is not None), None),
            reasons=reasons,
            findings=tuple(dict.fromkeys((*self._findings, *(f for visit in self._visits for f in visit.faults)))),
            values=values | self._security(),
            detail={"pages": [_shown(visit) for visit in self._visits]},
        )

    def _go(self, patience: Patience) -> None:
        url = _start(self._far_end, self._options)
        while True:
            visit = Visit(url=url)
            self._visits.append(visit)
            fetch(visit, self._manner, patience)
            if (following := self._next(visit)) is None:
                return
            url = following

    def _next(self, visit: Visit) -> Url | None:
        """Where the answer sends us; None where it is the page."""
        head = visit.head
        if head is None or head.status not in _REDIRECTS:
            return None
        if self._options.expect_status is not None and head.status in self._options.expect_status:
            return None
        if (location := head.first("location")) is None:
            return None
        found = visit.url.joined(_as_meant(location))
        if any(found == before.url for before in self._visits):
            raise Unreachable("redirect_loop")
        if len(self._visits) > self._options.redirects:
            raise Unreachable("redirects_too_many")
        if visit.url.tls and not found.tls:
            self._findings.append("redirect_to_plain_http")
        return found

    def _unexpected(self) -> Iterator[str]:
        """What is not as the task expects it."""
        last = self._visits[-1]
        if last.head is None or last.body is None:
            return
        wanted = self._options.expect_status
        if last.head.status not in (range(200, 300) if wanted is None else wanted):
            yield f"http_status_{last.head.status}"
        if last.body.full:
            self._findings.append("body_cut")
        if last.body.extra:
            self._findings.append("body_longer_than_told")
        text = self._options.expect_text
        if text is None or text.encode() in last.body.kept:
            return
        if last.head.first("content-encoding") not in (None, "", "identity"):
            self._findings.append("body_encoded")  # not what we asked for; nobody can tell whether the text is there
        elif not last.body.full:
            yield "text_missing"

    def _phases(self) -> dict[str, float]:
        """Milliseconds of each phase over all visits; none from the broken one on, for it would lack a part."""
        broken = next((visit.broken for visit in self._visits if visit.broken), None)
        known = PHASES if broken is None else PHASES[: PHASES.index(broken)]
        if any(visit.body is not None and visit.body.full for visit in self._visits):
            known = known[: PHASES.index("transfer")]
        return {
            f"{name}_ms": round(sum(spent) * 1000, 3)
            for name in known
            if (spent := [visit.phases[name] for visit in self._visits if name in visit.phases])
        }

    def _content(self) -> dict[str, float]:
        last = self._visits[-1]
        found: dict[str, float] = {"redirects_count": len(self._visits) - 1}
        if last.body is not None and not last.body.full:
            found["body_bytes"] = len(last.body.kept)
        return found

    def _failed(self, unreachable: Unreachable) -> dict[str, float]:
        if isinstance(unreachable, LinkUnusable) or unreachable.reason in _NOT_THE_PAGE:
            return {}
        answered = any(visit.head is not None for visit in self._visits[-1:])
        return {"answered_flag": int(answered), "expected_flag": 0}

    def _security(self) -> dict[str, float]:
        """The certificate that ends first of those on the way, and whether all were in order."""
        shown = [visit for visit in self._visits if visit.certificate is not None]
        found: dict[str, float] = {}
        if shown:
            from doxa_agent.web.secure import left_s

            found["certificate_left_s"] = round(min(left_s(visit.certificate) for visit in shown))
        if any(visit.faults for visit in self._visits):
            found["certificate_valid_flag"] = 0
        elif any(visit.tls_version for visit in self._visits):
            found["certificate_valid_flag"] = 1
        return found


def _as_meant(location: str) -> str:
    """A Location that was sent as raw UTF-8, which no standard allows and browsers take."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location


def _start(far_end: FarEnd, options: Options) -> Url:
    target = options.target
    if target is None:
        path, _, query = far_end.path.partition("?")
        target = target_of(f"/{path}", query)
    return Url(tls=far_end.tls, host=far_end.host, port=far_end.port, target=target)


def _shown(visit: Visit) -> dict[str, Any]:
    """A visit as evidence."""
    found: dict[str, Any] = {
        "url": visit.url.text[:500],
        "address": visit.address,
        "status": None if visit.head is None else visit.head.status,
        "failed_in": visit.broken,
        "phases_ms": {name: round(spent * 1000, 3) for name, spent in visit.phases.items()},
        "tls": visit.tls_version,
    }
    if visit.certificate is not None:
        found["certificate"] = {
            "not_before": visit.certificate.not_before.isoformat(),
            "not_after": visit.certificate.not_after.isoformat(),
            "names": list(visit.certificate.names[:8]),
        }
    return {name: value for name, value in found.items() if value not in (None, "", {})}

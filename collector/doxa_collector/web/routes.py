"""Which address gives which page; parameters are checked here, and what does not exist is a 404, not a fault."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Engine, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from doxa_collector.ledger.engine import reading
from doxa_collector.ledger.record import record_from
from doxa_collector.ledger.schema import measurement
from doxa_collector.nodes.tree import Tree
from doxa_collector.plans.model import Plan
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.web import wording
from doxa_collector.web.board import Filters, board
from doxa_collector.web.charts import RATE_NAMES, Wish
from doxa_collector.web.forecasts import forecasts_of
from doxa_collector.web.health import read_health, read_quarantine
from doxa_collector.web.history import RANGES
from doxa_collector.web.language import Voice, from_us
from doxa_collector.web.linkpage import is_sensitive, proof_of, read_link_page
from doxa_collector.web.linkstate import by_site, link_states
from doxa_collector.web.machine import MOST, health_fields, link_list, verdict_list
from doxa_collector.web.masking import mask_evidence, mask_text
from doxa_collector.web.officepage import read_offices, sites_without_agent
from doxa_collector.web.pages import Pages, voice_of
from doxa_collector.web.places import Atlas, Site, fold, read_atlas
from doxa_collector.web.settings import Settings
from doxa_collector.web.watchpage import read_incident, read_incidents, read_presence
from doxa_core.language import VIETNAM_TIME
from doxa_core.measurement import MAX_SEQ
from doxa_core.names import IDENTIFIER

_OFFICES_ON_CARD: Final = 6
_LONGEST_SEARCH: Final = 60


class Routes:
    """The pages over one ledger and its plans."""

    def __init__(
        self, engine: Engine, plans: Sequence[Plan], pages: Pages, settings: Settings, tree: Callable[[], Tree] = Tree
    ) -> None:
        self._engine = engine
        self._plans = sorted(plans, key=lambda plan: plan.letter)
        self._pages = pages
        self._settings = settings
        self._tree = tree

    def routes(self) -> list[Route]:
        """All addresses that only read."""
        pages: dict[str, Callable[[Request], Response]] = {
            "/": self.verdicts,
            "/sites": self.offices,
            "/sites/{site}": self.office,
            "/sites/{site}/links/{link}": self.line,
            "/measurements/{id}": self.evidence,
            "/incidents": self.incidents,
            "/incidents/{id}": self.incident,
            "/presence": self.presence,
            "/quarantine": self.quarantine,
            "/about": self.about,
            "/health": self.health,
            "/api/verdicts.json": self.api_verdicts,
            "/api/links.json": self.api_links,
        }
        return [Route(path, endpoint, methods=["GET"]) for path, endpoint in pages.items()]

    def verdicts(self, request: Request) -> Response:
        """Places × targets."""
        filters = self._filters(request)
        now_us, today = self._now()
        with reading(self._engine) as conn:
            atlas = read_atlas(conn)
            found = board(conn, self._plans, atlas, filters, today=today, page_size=self._settings.page_size)
            offices = {card.key: atlas.sites_of(card.place) for card in found.cards}
            shown = [s.site for sites in offices.values() if len(sites) <= _OFFICES_ON_CARD for s in sites]
            states = link_states(conn, shown, now_us=now_us, silent_after_s=self._settings.silent_after_s)
            health = read_health(conn, self._settings, now_us)
            explained = ((card.plan, d.target, card.place) for card in found.cards for d in card.measured)
            forecasts = forecasts_of(conn, explained, today)
        facts = {
            "board": found,
            "forecasts": forecasts,
            "filters": filters,
            "plans": self._plans,
            "provinces": self._provinces(atlas, voice_of(request)),
            "atlas": atlas,
            "offices": offices,
            "links": by_site(states),
            "most_offices": _OFFICES_ON_CARD,
            "health": health,
        }
        return self._pages.page(request, "verdicts.html", facts)

    def offices(self, request: Request) -> Response:
        """The offices with their lines: those whose probe is gone first, then by name."""
        province, words = request.query_params.get("province"), self._words(request)
        now_us, _ = self._now()
        with reading(self._engine) as conn:
            atlas = read_atlas(conn)
            wanted = [
                s
                for s in atlas.sites.values()
                if province in (None, "", atlas.provinces.get(s.place))
                and fold(words) in fold(f"{s.name} {s.site} {s.place} {atlas.name_of(s.place)}")
            ]
            missing = sites_without_agent(conn)
            wanted.sort(key=lambda s: (s.site not in missing, fold(s.name)))
            size = self._settings.page_size
            pages = max(1, -(-len(wanted) // size))
            page = min(max(1, _count(request, "page", 1)), pages)
            shown = read_offices(
                conn, atlas, wanted[(page - 1) * size : page * size], settings=self._settings, now_us=now_us
            )
            health = read_health(conn, self._settings, now_us)
        codes = {atlas.provinces[s.place] for s in atlas.sites.values() if s.place in atlas.provinces}
        facts = {
            "offices": shown,
            "n": len(wanted),
            "page": page,
            "pages": pages,
            "province": province or None,
            "words": words,
            "provinces": sorted(((code, atlas.name_of(code)) for code in codes), key=lambda item: fold(item[1])),
            "health": health,
        }
        return self._pages.page(request, "offices.html", facts)

    def office(self, request: Request) -> Response:
        """One office."""
        now_us, _ = self._now()
        with reading(self._engine) as conn:
            atlas = read_atlas(conn)
            site = self._site(atlas, request)
            office = read_offices(conn, atlas, [site], settings=self._settings, now_us=now_us)[0]
        return self._pages.page(request, "office.html", {"office": office})

    def line(self, request: Request) -> Response:
        """One line of an office."""
        now_us, today = self._now()
        asked = request.query_params
        wish = Wish(
            range=asked["range"] if asked.get("range") in RANGES else "24h",
            layer=asked.get("layer") if asked.get("layer") in RATE_NAMES else None,
            far_end=int(text) if (text := asked.get("far_end", "")).isdecimal() and len(text) < 4 else None,
            month=asked.get("month"),
        )
        with reading(self._engine) as conn:
            atlas = read_atlas(conn)
            site = self._site(atlas, request)
            found = read_link_page(
                conn,
                self._plans,
                atlas,
                (site.site, request.path_params["link"]),
                wish,
                voice_of(request),
                settings=self._settings,
                now_us=now_us,
                today=today,
            )
        if found is None:
            raise HTTPException(404)
        facts = {"line": found, "place": atlas.name_of(site.place), "ranges": list(RANGES)}
        return self._pages.page(request, "line.html", facts)

    def evidence(self, request: Request) -> Response:
        """One measurement with the line that the probe sent."""
        text = request.path_params["id"]
        if not (text.isascii() and text.isdecimal() and len(text) < 17 and int(text) <= MAX_SEQ):
            raise HTTPException(404)
        with reading(self._engine) as conn:
            row = conn.execute(select(measurement).where(measurement.c.id == int(text))).first()
            if row is None:
                raise HTTPException(404)
            atlas = read_atlas(conn)
            sensitive = is_sensitive(conn, row.site, row.link, self._settings)
        sent: dict[str, Any] = json.loads(row.raw)
        facts = {
            "record": record_from(row),
            "site": atlas.sites.get(row.site),
            "sensitive": sensitive,
            "proof": proof_of(sent, sensitive=sensitive),
            "sent": sent,
            "far_end": mask_text(row.far_end) if sensitive and row.far_end else row.far_end,
            "raw": json.dumps(mask_evidence(sent) if sensitive else sent, ensure_ascii=False, indent=2),
            "signed": row.signature is not None,
            # The hash of a masked line would let the few hidden bytes of an address be guessed.
            "digest": None if sensitive else hashlib.sha256(row.raw).hexdigest(),
            "received_us": row.received_us,
        }
        return self._pages.page(request, "measurement.html", facts)

    def incidents(self, request: Request) -> Response:
        """What goes on, and what was."""
        now_us, today = self._now()
        with reading(self._engine) as conn:
            found = read_incidents(conn, self._tree(), today, now_us, reveal=self._settings.reveal_tslcd)
        return self._pages.page(request, "incidents.html", {"board": found})

    def incident(self, request: Request) -> Response:
        """One incident."""
        text = request.path_params["id"]
        if not (text.isascii() and text.isdecimal() and len(text) < 17):
            raise HTTPException(404)
        _, today = self._now()
        with reading(self._engine) as conn:
            found = read_incident(conn, self._tree(), today, int(text), reveal=self._settings.reveal_tslcd)
        if found is None:
            raise HTTPException(404)
        return self._pages.page(request, "incident.html", {"page": found})

    def presence(self, request: Request) -> Response:
        """Which probes are there."""
        _, today = self._now()
        with reading(self._engine) as conn:
            found = read_presence(conn, today)
        return self._pages.page(request, "presence.html", {"board": found})

    def quarantine(self, request: Request) -> Response:
        """What was refused."""
        with reading(self._engine) as conn:
            refusals = read_quarantine(conn)
        return self._pages.page(
            request, "quarantine.html", {"refusals": refusals, "reveal": self._settings.reveal_tslcd}
        )

    def about(self, request: Request) -> Response:
        """What the numbers mean."""
        return self._pages.page(request, "about.html", {})

    def health(self, request: Request) -> Response:
        """For monitoring: open without a token, but then it says only that it answers."""
        now_us, _ = self._now()
        with reading(self._engine) as conn:
            found = read_health(conn, self._settings, now_us)
        if not request.scope.get("state", {}).get("may_read"):
            return JSONResponse({"status": "answering"})
        return JSONResponse(health_fields(found))

    def api_verdicts(self, request: Request) -> Response:
        """The verdicts of the latest period."""
        outcome = request.query_params.get("outcome")
        with reading(self._engine) as conn:
            found = verdict_list(
                conn,
                self._plans,
                plan=request.query_params.get("plan"),
                outcome=outcome,
                after=_count(request, "after", 0),
                limit=min(_count(request, "limit", 1000), MOST),
            )
        return JSONResponse(found)

    def api_links(self, request: Request) -> Response:
        """The lines with their state."""
        now_us, _ = self._now()
        after = request.query_params.get("after", "")
        with reading(self._engine) as conn:
            found = link_list(
                conn, self._settings, after=after, limit=min(_count(request, "limit", 200), 500), now_us=now_us
            )
        return JSONResponse(found)

    def _now(self) -> tuple[int, date]:
        now_us = self._pages.now_us()
        return now_us, from_us(now_us).astimezone(VIETNAM_TIME).date()

    def _site(self, atlas: Atlas, request: Request) -> Site:
        name = request.path_params["site"]
        if not IDENTIFIER.fullmatch(name) or name not in atlas.sites:
            raise HTTPException(404)
        return atlas.sites[name]

    def _words(self, request: Request) -> str:
        return request.query_params.get("q", "").strip()[:_LONGEST_SEARCH]

    def _filters(self, request: Request) -> Filters:
        asked = request.query_params
        outcome = asked.get("outcome", "")
        return Filters(
            plan=plan if (plan := asked.get("plan")) in {p.id for p in self._plans} else None,
            outcome=VerdictOutcome(outcome) if outcome in list(VerdictOutcome) else None,
            province=asked.get("province") or None,
            words=self._words(request),
            page=_count(request, "page", 1),
        )

    def _provinces(self, atlas: Atlas, voice: Voice) -> list[tuple[str, str]]:
        """The provinces that the plans' places lie in, by name."""
        _, today = self._now()
        codes = {place.province for plan in self._plans for place in plan.places if place.judged_on(today)}
        named = [(code, wording.province(voice, atlas, code)) for code in codes]
        return sorted(named, key=lambda item: fold(item[1]))


def _count(request: Request, name: str, default: int) -> int:
    """A whole number from the address, `default` where it is none."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else default

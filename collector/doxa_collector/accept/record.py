"""A bundle as the record that the paper is made of."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from doxa_collector.accept.bundle import Evidence
from doxa_collector.accept.contracted import BOTH, REGISTRY, SAID
from doxa_collector.accept.settings import Ceremony
from doxa_collector.papers.drafts.acceptance_records import (
    PARTIES,
    AcceptanceRecord,
    Bundle,
    Meaning,
    Party,
    Run,
)
from doxa_collector.papers.drafts.acceptance_words import REASONS
from doxa_collector.papers.sources import Ground

NO_OFFICE: Final = "Trụ sở ………………………………………"
NO_CONTRACT: Final = "hợp đồng số ………………… ngày …… tháng …… năm ………"
_SOURCES: Final = {
    REGISTRY: "sổ đăng ký điểm đo",
    SAID: "khai khi nghiệm thu",
    BOTH: "sổ đăng ký điểm đo và khai khi nghiệm thu",
}


def record_of(evidence: Evidence, ceremony: Ceremony) -> AcceptanceRecord:
    """The record; the same bundle and settings give the same one."""
    contract = evidence.contract
    office = contract.office or NO_OFFICE
    ground = f"hợp đồng số {contract.number}" if contract.number else NO_CONTRACT
    return AcceptanceRecord(
        run=evidence.run,
        office=office,
        place=_beside(contract.place or "", office),
        provider=contract.provider or "",
        technology=contract.technology or "",
        contract=contract.number or "",
        contract_from=contract.valid_from,
        contract_to=contract.valid_to,
        contract_layer=contract.layer is not None,
        contract_source=_SOURCES[contract.source],
        parties=ceremony.parties or tuple(_usual(contract.provider, contract.office)),
        grounds=ceremony.grounds or (Ground(words=ground),),
        bundle=Bundle(name=evidence.name, sha256=evidence.sha256),
        meanings=tuple(meanings_of(evidence.run)),
    )


def _beside(place: str, office: str) -> str:
    """The place behind the office's name: units as they stand within a sentence, none that the name has already."""
    units = [f"{unit[:1].lower()}{unit[1:]}" for unit in place.split(", ") if unit]
    return ", ".join(unit for unit in units if unit.casefold() not in office.casefold())


def _usual(provider: str | None, office: str | None) -> Iterator[Party]:
    """The usual three sides; the provider hands over, the office receives."""
    known = (provider, office, None)
    for party, organisation in zip(PARTIES, known, strict=True):
        yield party if organisation is None else replace(party, organisation=organisation)


def meanings_of(run: Run) -> Iterator[Meaning]:
    """The words of those codes that only meters and guards use, as the collector's page says them."""
    codes = sorted(_codes(run) - REASONS.keys())
    if not codes:
        return
    from doxa_collector.words.codes import CODES  # many words, for the rare case

    for code in codes:
        if code in CODES:
            yield Meaning(code=code, words=CODES[code].vi)


def _codes(run: Run) -> set[str]:
    steps = [one for step in run.steps for one in (step, *step.attempts)]
    found = {code for step in steps for code in (*step.reasons, *step.notes)}
    return found | {code for part in run.parts for code in part.reasons} | {*run.reasons, *run.findings}

"""What a deployment may decide about the API: `[web.api]` of collector.toml."""

from dataclasses import dataclass
from pathlib import Path

from doxa_collector.api.tokens import read_tokens
from doxa_collector.files import optional_file
from doxa_collector.places.overlay import FOLDER
from doxa_collector.report.settings import read_paper
from doxa_core.strict import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Files; each is read again when it changes, so a token that is taken out ends at once."""

    tokens_file: Path | None = None
    """Tokens of other systems, by their SHA-256; None: only the page's own token opens the API."""
    paper_file: Path | None = None
    """The table [paper] of documents, as `doxa report --settings` takes it; None: its neutral defaults."""
    places_folder: Path = FOLDER
    """Where `doxa places import` keeps what it brought in."""


def read(table: Table | None, base: Path) -> Settings:
    """The table; its files are read once, so that what is wrong in them is said at the start. `InputError`."""
    if table is None:
        return Settings()
    found = Settings(
        tokens_file=optional_file(table, "tokens_file", base),
        paper_file=optional_file(table, "paper_file", base),
        places_folder=table.path("places_folder", base=base) if "places_folder" in table else FOLDER,
    )
    table.close()
    if found.tokens_file is not None:
        read_tokens(found.tokens_file)
    read_paper(found.paper_file)
    return found

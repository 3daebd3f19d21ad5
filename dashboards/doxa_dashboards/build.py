"""From pages to JSON files: the same bytes from the same code, on any machine, in any order."""

import json
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from doxa_core.language import LANGUAGES, Language, speaking
from doxa_dashboards import pages
from doxa_dashboards.page import assemble

FOLDER: Final = Path("dashboards/json")
"""Where the files are committed, from the top of a checkout."""
MAIN: Final[Language] = LANGUAGES[0]


def built(name: str, spoken: Language = MAIN) -> dict[str, Any]:
    """The dashboard of one page as Grafana reads it."""
    with speaking(spoken):
        found: dict[str, Any] = json.loads(json.dumps(assemble(pages.load(name)), cls=JSONEncoder))
    return found


def text(document: dict[str, Any]) -> str:
    """The file's text: sorted keys, two spaces, letters as they are, one newline at the end."""
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def file_of(name: str, spoken: Language = MAIN) -> str:
    """The file's name: `commune.json`, `commune.en.json`."""
    return f"{name}.json" if spoken == MAIN else f"{name}.{spoken}.json"

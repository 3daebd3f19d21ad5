"""The pages of the code, built in the languages that an organisation reads."""

from collections.abc import Sequence
from functools import cache

from doxa_core.language import Language
from doxa_dashboards import build, pages
from doxa_dashboards.publish.content import Page


def pages_in(languages: Sequence[Language]) -> tuple[Page, ...]:
    """Every page in each language."""
    return tuple(_page(name, spoken) for spoken in languages for name in pages.names())


@cache
def _page(name: str, spoken: Language) -> Page:
    return Page(model=build.built(name, spoken), internal=pages.load(name).internal)

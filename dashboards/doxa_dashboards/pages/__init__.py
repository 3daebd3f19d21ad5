"""The pages: each module here that does not start with `_` is one. The directory is the registry.

**How a page is written.** One file `pages/<name>.py` with one function `page() -> Page`. It lists sections of cards;
each card is one call of `charts.chart`, `number`, `states`, `tables.grid`, `matrix` or `maps.markers` (or a finished one
of cards.py) with

* a `key` that never changes (links to the panel hang on it),
* `Words(title=…, meaning=…, nothing=…)`: what it is called, what the number means and does not mean, what an empty panel
  says. Vietnamese first, read by somebody who does not know how it is measured;
* one `Ask(select=…, alias=…, role=…)` a query. `query.select` and `query.over_time` build the InfluxQL and refuse a name
  that nobody writes; `chosen("province", "place")` filters by the variables of those names. Which data source answers
  follows from the measurement;
* a unit of `style.UNITS`.

No threshold and no requirement is a constant: it is a query of `doxa_target`, `doxa_contract` or `doxa_published` with
`role=Role.TARGET` (or CONTRACT, FLOOR, REQUIRED, PUBLISHED), drawn dashed, or a column of a table. A click leads on with
`page.to_page("commune", …, place="place")`. Then `doxa dashboards build` writes `dashboards/json/<name>.json`, which is
committed and never edited; tests/dashboards runs every query of the page on a real InfluxDB without a further line.
"""

import importlib
import pkgutil

from doxa_core.errors import DoxaError, InputError
from doxa_core.language import Text
from doxa_core.similar import nearest
from doxa_dashboards.catalogue import UnknownNameError
from doxa_dashboards.page import Page


def names() -> list[str]:
    """The pages in this folder, sorted; nothing is imported."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def load(name: str) -> Page:
    """The page of that name, in the language in force. `InputError` for an unknown one; a query that asks for what

    nobody writes says in which page it stands.
    """
    known = names()
    if name not in known:
        near = nearest(name, known)
        raise InputError("PAGE", _UNKNOWN.fill(name=name), _CHOOSE.fill(names=near or ", ".join(known)))
    try:
        found: Page = importlib.import_module(f"{__name__}.{name}").page()
    except DoxaError as error:
        raise UnknownNameError(_IN_PAGE.fill(name=name, why=error.text)) from error
    return found


_UNKNOWN = Text(vi="không có trang «{name}»", en="there is no page '{name}'")
_CHOOSE = Text(vi="hãy chọn: {names}", en="choose: {names}")
_IN_PAGE = Text(vi="trang {name}: {why}", en="page {name}: {why}")

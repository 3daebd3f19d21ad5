"""Where a map puts a province: one point inside it, for symbols. Nothing is measured or judged by it."""

import csv
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from doxa_collector.places.table import DATA
from doxa_core.errors import OperationError
from doxa_core.language import Text

FILE: Final = DATA / "centres.csv"


@lru_cache(maxsize=1)
def centres() -> Mapping[str, tuple[float, float]]:
    """Province code → latitude and longitude in degrees (WGS 84). `OperationError` where the file is missing."""
    try:
        with FILE.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
    except OSError as error:
        raise OperationError(_MISSING.fill(file=error.filename)) from None
    return {row["code"]: (float(row["latitude_deg"]), float(row["longitude_deg"])) for row in rows}


_MISSING = Text(vi="không đọc được {file}; hãy cài lại doxa", en="{file} cannot be read; install doxa again")

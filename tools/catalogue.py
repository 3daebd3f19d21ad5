"""Writes collector/doxa_collector/alerts/catalogue.json: every value that a meter of the agent declares.

`python tools/catalogue.py` writes it; `--check` only says (exit code 1) whether it is out of date.
"""

import json
import sys

from doxa_agent import meters
from doxa_collector.alerts.catalogue import FILE
from doxa_core.names import unit_of


def catalogue() -> str:
    """The text of the file: metric → meter, unit, and what it means in both languages."""
    found = {
        f"{kind}.{name}": {"meter": kind, "unit": unit_of(name), "vi": text.vi, "en": text.en}
        for kind in meters.kinds()
        for name, text in meters.load(kind).values.items()
    }
    return json.dumps(dict(sorted(found.items())), ensure_ascii=False, indent=1) + "\n"


def main(words: list[str]) -> int:
    """Write the file, or compare it."""
    text = catalogue()
    if "--check" in words:
        fresh = FILE.exists() and FILE.read_text(encoding="utf-8") == text
        print("up to date" if fresh else f"{FILE.name} is out of date: python tools/catalogue.py")
        return 0 if fresh else 1
    FILE.write_text(text, encoding="utf-8")
    print(f"{FILE.name}: {len(json.loads(text))} metrics")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

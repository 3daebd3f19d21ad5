"""`python -m doxa_lab.incidents.keeper FOLDER LASTS_S`: watch and messages of a collector over a ledger, without intake and page.

Two of them over one ledger are what two collectors are to each other. Ends at end of input, politely.
"""

import logging
import sys
import threading
from functools import partial
from pathlib import Path

from doxa_collector.config import read_settings
from doxa_collector.ledger.engine import open_ledger
from doxa_collector.notify import channels
from doxa_collector.notify.courier import Courier
from doxa_collector.registry import read_registry
from doxa_collector.watch.lease import Lease
from doxa_collector.watching import Watching


def main(folder: Path, lasts_s: float) -> int:
    """Run until the input ends."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    settings = read_settings(folder / "collector.toml")
    engine = open_ledger(settings.ledger)
    lease, stopping, news = Lease(engine, lasts_s=lasts_s), threading.Event(), threading.Event()
    watching = Watching(engine, settings, read_registry(settings.registry), (), news=news.set, lease=lease)
    (chosen,) = settings.notify
    channel = channels.load(chosen.kind).open_channel(chosen.options)
    courier = Courier(engine, chosen, channel, may=lease.still_ours)
    threads = [
        threading.Thread(target=partial(watching.run, stopping), daemon=True),
        threading.Thread(target=partial(courier.run, stopping, news), daemon=True),
    ]
    for thread in threads:
        thread.start()
    print("ready", flush=True)  # noqa: T201 - for who started us
    sys.stdin.read()
    stopping.set()
    news.set()
    for thread in threads:
        thread.join(10)
    engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))

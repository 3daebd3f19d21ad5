"""The process behind `Amqtt`: `python -m doxa_lab.servers.last_resort PORT [HOST]` serves MQTT 3.1.1 until it is ended."""

import asyncio
import logging
import sys
from typing import Any


async def serve(host: str, port: int) -> None:
    """Serve until cancelled."""
    from amqtt.broker import Broker

    configuration: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    broker = Broker(configuration)
    await broker.start()
    try:
        await asyncio.Event().wait()
    finally:
        await broker.shutdown()


def main(argv: list[str]) -> int:
    """Run the broker on PORT of HOST."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        asyncio.run(serve(argv[1] if len(argv) > 1 else "127.0.0.1", int(argv[0])))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

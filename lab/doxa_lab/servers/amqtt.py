"""amqtt: the broker of last resort, in pure Python, where mosquitto is not installed (MQTT 3.1.1, TCP, no `$share`).

It keeps nothing over a restart and drops messages for clients that are away: the agent's spool and the application
acknowledge cover both.
"""

import sys
from collections.abc import Sequence
from importlib.util import find_spec

from doxa_lab.servers.server import Server


class Amqtt(Server):
    """The pure Python broker as a process of its own."""

    program = "amqtt"
    package = "amqtt"

    @classmethod
    def installed(cls) -> bool:
        """Whether the Python package is there."""
        return find_spec("amqtt") is not None

    def _prepare(self) -> Sequence[str]:
        return [sys.executable, "-m", "doxa_lab.servers.last_resort", str(self.port), self.host]

"""The packets of UDPSTP (RFC 9946, protocol version 20), one module each; here is the one place to import them from.

`X.decode(bytes)` raises `PduError` and nothing else; `X.encode()` gives the bytes. Integers are big-endian; times are nanoseconds
since 1970; "no figure" is None.
"""

from doxa_agent.udpstp.activation import (
    ACTIVATION_ID,
    ACTIVATION_SIZE,
    RANDOM_PAYLOAD,
    ROW_IS_START,
    SEARCH_ROW,
    Activation,
    ActivationResult,
    Algorithm,
    Direction,
)
from doxa_agent.udpstp.load import HEADER, LOAD_ID, LOAD_SIZE, MOST_STATUS_ERRORS, Action, Load
from doxa_agent.udpstp.setup import (
    JUMBO,
    MOST_BANDWIDTH_MBPS,
    MOST_CONNECTIONS,
    NULL_ID,
    NULL_SIZE,
    SETUP_ID,
    SETUP_SIZE,
    TRADITIONAL_MTU,
    Null,
    Setup,
    SetupCommand,
    SetupResult,
)
from doxa_agent.udpstp.status import STATUS_ID, STATUS_SIZE, Status, SubInterval
from doxa_agent.udpstp.wire import CONTROL_PORT, OLDEST_VERSION, VERSION, Authentication, PduError

__all__ = [
    "ACTIVATION_ID",
    "ACTIVATION_SIZE",
    "CONTROL_PORT",
    "HEADER",
    "JUMBO",
    "LOAD_ID",
    "LOAD_SIZE",
    "MOST_BANDWIDTH_MBPS",
    "MOST_CONNECTIONS",
    "MOST_STATUS_ERRORS",
    "NULL_ID",
    "NULL_SIZE",
    "OLDEST_VERSION",
    "RANDOM_PAYLOAD",
    "ROW_IS_START",
    "SEARCH_ROW",
    "SETUP_ID",
    "SETUP_SIZE",
    "STATUS_ID",
    "STATUS_SIZE",
    "TRADITIONAL_MTU",
    "VERSION",
    "Action",
    "Activation",
    "ActivationResult",
    "Algorithm",
    "Authentication",
    "Direction",
    "Load",
    "Null",
    "PduError",
    "Setup",
    "SetupCommand",
    "SetupResult",
    "Status",
    "SubInterval",
]

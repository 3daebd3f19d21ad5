"""One example of every UDPSTP packet, as kept in golden/."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from doxa_agent.udpstp.auth import derive, signed
from doxa_agent.udpstp.pdu import (
    ROW_IS_START,
    TRADITIONAL_MTU,
    Action,
    Activation,
    ActivationResult,
    Algorithm,
    Direction,
    Load,
    Null,
    Setup,
    SetupCommand,
    SetupResult,
    Status,
    SubInterval,
)
from doxa_agent.udpstp.rates import table

GOLDEN = Path(__file__).parent / "golden"
KEY_ID = 3
KEYS = derive(b"thirdkey", 1_790_000_000)
SENT_NS = 1_790_000_001_234_567_890

REQUEST = Setup(connection_index=1, connection_count=2, connection_set=0x1234, bandwidth_mbps=300, upstream=True)
RESPONSE = Setup(
    command=SetupCommand.RESPONSE, result=SetupResult.OK, connection_index=1, connection_count=2,
    connection_set=0x1234, bandwidth_mbps=300, upstream=True, test_port=54321, modifiers=TRADITIONAL_MTU,
)  # fmt: skip
WISHES = Activation(
    direction=Direction.DOWNSTREAM, low_ms=31, upper_ms=91, trial_ms=51, seconds=11, dscp_ecn=0xB8, row=0x123,
    one_way=True, high_speed_delta=12, slow_threshold=4, sequence_errors=13, ignore_reordering=False,
    modifiers=ROW_IS_START, algorithm=Algorithm.C, sub_interval_ms=990,
)  # fmt: skip
HOLDS = Activation(direction=Direction.UPSTREAM, result=ActivationResult.OK, rate=table()[123])
LOAD = Load(
    sequence=0x01020304, payload=1222, status_errors=2, status_sent_ns=SENT_NS, sent_ns=SENT_NS + 5,
    response_delay_ms=7,
)  # fmt: skip
LAST_LOAD = Load(action=Action.STOP, receive_stopped=True, sequence=9, payload=52, sent_ns=SENT_NS)
SUB_INTERVAL = SubInterval(
    datagrams=10_000, payload_bytes=0x1_0000_0001, delta_us=1_000_123, lost=1, reordered=2, duplicates=3,
    delay_variation_min_ms=4, delay_variation_max_ms=5, delay_variation_sum_ms=6, delay_variation_count=7,
    rtt_variation_min_ms=8, rtt_variation_max_ms=9, accumulated_ms=1010,
)  # fmt: skip
TOLD = Status(
    sequence=20, rate=table()[999], sub_interval_number=1, sub_interval=SUB_INTERVAL, lost=11, reordered=12,
    duplicates=13, clock_delta_min_ms=-14, delay_variation_min_ms=15, delay_variation_max_ms=16,
    delay_variation_sum_ms=17, delay_variation_count=18, rtt_min_ms=19, rtt_variation_ms=21, minimum_updated=True,
    trial_us=50_022, datagrams=23, payload_bytes=24, sent_ns=SENT_NS, mode=1, ce_marks=25, sub_interval_ce_marks=26,
    ecn_bleached=True,
)  # fmt: skip
FIRST_STATUS = Status(sequence=1, sent_ns=SENT_NS)


def _signed(packet: Setup | Null | Activation, key: bytes) -> Callable[[], bytes]:
    return lambda: signed(packet, key, key_id=KEY_ID, unix_time=1_790_000_000)


PACKETS: dict[str, tuple[Any, Callable[[], bytes]]] = {
    "setup_request": (REQUEST, REQUEST.encode),
    "setup_request_signed": (REQUEST, _signed(REQUEST, KEYS.client)),
    "setup_response": (RESPONSE, RESPONSE.encode),
    "setup_response_signed": (RESPONSE, _signed(RESPONSE, KEYS.server)),
    "null": (Null(), Null().encode),
    "null_signed": (Null(), _signed(Null(), KEYS.server)),
    "activation_request": (WISHES, WISHES.encode),
    "activation_request_signed": (WISHES, _signed(WISHES, KEYS.client)),
    "activation_response": (HOLDS, HOLDS.encode),
    "activation_response_signed": (HOLDS, _signed(HOLDS, KEYS.server)),
    "load": (LOAD, LOAD.encode),
    "load_stop": (LAST_LOAD, LAST_LOAD.encode),
    "status": (TOLD, TOLD.encode),
    "status_first": (FIRST_STATUS, FIRST_STATUS.encode),
}
"""By name of its file: the packet and what writes its bytes."""


def golden(name: str) -> bytes:
    """The bytes kept of a packet."""
    return bytes.fromhex((GOLDEN / f"{name}.hex").read_text(encoding="ascii"))

"""The client against far ends that answer, refuse, lie, fall silent or are somebody else: always a reasoned outcome."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from tests.agent.udpstp import farends
from tests.agent.udpstp.farends import telling

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import capacity
from doxa_agent.udpstp import client, clockwork
from doxa_agent.udpstp.activation import Activation, ActivationResult, Algorithm, Direction
from doxa_agent.udpstp.load import Action, Load
from doxa_agent.udpstp.rates import SendingRate, table
from doxa_agent.udpstp.setup import Null, Setup, SetupCommand, SetupResult
from doxa_agent.udpstp.status import Status, SubInterval
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

KEYS = "7 a-shared-key\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same course, in less time."""
    monkeypatch.setattr(client, "ASK_S", 0.8)
    monkeypatch.setattr(client, "FIRST_WAIT_S", 0.1)
    monkeypatch.setattr(clockwork, "QUIET_NS", 200_000_000)
    monkeypatch.setattr(clockwork, "SILENT_NS", 500_000_000)


def measure(
    port: int,
    *directions: str,
    host: str = "127.0.0.1",
    keys: Path | None = None,
    deadline: Deadline | None = None,
    **options: Any,
) -> Reading:
    request = Request(
        link=Link(name="x", kind=LinkKind.FIXED),
        far_ends=(FarEnd(name="far", host=host, capacity_port=port, capacity_keys=keys),),
        options=capacity.Options(directions=directions or ("download",), **options),
        deadline=deadline or Deadline(60),
    )
    (reading,) = capacity.measure(request)
    assert set(reading.values) <= set(capacity.VALUES)
    return reading


@contextmanager
def serving(**settings: Any) -> Iterator[int]:
    """Our own server; its port."""
    with farends.serving(**settings) as server:
        yield server.addresses[0][1]


class Far:
    """A far end that does as it is told: `play(test socket, client's address, activation)` after a right beginning."""

    def __init__(self, play: Callable[["Far", Activation], None], **changed: Any) -> None:
        self.play, self.changed = play, changed
        self.result = changed.pop("result", SetupResult.OK)
        self.accept: Callable[[Activation], Activation | None] = changed.pop(
            "accept", lambda asked: replace(asked, result=ActivationResult.OK, rate=table()[5])
        )
        self.control = self._open()
        self.test = self._open()
        self.client: tuple[str, int] = ("", 0)
        self.activations: list[Activation] = []
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        return int(self.control.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join(5)
        self.control.close()
        self.test.close()

    def say(self, packet: Load | Status, padding: int = 0) -> None:
        try:
            self.test.sendto(packet.encode() + bytes(padding), self.client)
        except OSError:
            self.over.set()

    def load(self, number: int, **changed: Any) -> None:
        self.say(Load(sequence=number, payload=1222, sent_ns=time.time_ns(), **changed), 1190)

    def loads(self, count: int, first: int = 1, pause: float = 0.005) -> None:
        for number in range(first, first + count):
            if self.over.is_set():
                return
            self.load(number)
            time.sleep(pause)

    @staticmethod
    def _open() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.02)
        return sock

    def _serve(self) -> None:
        while not self.over.is_set():
            for sock in (self.control, self.test):
                try:
                    data, self.client = sock.recvfrom(2048)
                except OSError:
                    continue
                if sock is self.control:
                    self._set_up(data)
                else:
                    self._activate(data)

    def _set_up(self, data: bytes) -> None:
        asked = Setup.decode(data)
        port = self.test.getsockname()[1]
        answer = replace(asked, command=SetupCommand.RESPONSE, result=self.result, test_port=port, **self.changed)
        self.control.sendto(answer.encode(), self.client)
        if self.result is SetupResult.OK:
            self.test.sendto(Null().encode(), self.client)

    def _activate(self, data: bytes) -> None:
        try:
            asked = Activation.decode(data)
        except ValueError:
            return
        self.activations.append(asked)
        answer = self.accept(asked)
        if answer is not None:
            self.test.sendto(answer.encode(), self.client)
        if answer is None or answer.result is ActivationResult.OK:
            self.play(self, asked)
            self.over.set()


def idle(far: Far, _asked: Activation) -> None:
    far.over.wait(5)


# --- our own server, whole tests ------------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.calm
@pytest.mark.parametrize(("host", "directions"), [("127.0.0.1", ("download", "upload")), ("::1", ("upload",))])
def test_a_fixed_rate_of_our_own_server(host: str, directions: tuple[str, ...]) -> None:
    with serving(hosts=(host,)) as port:
        reading = measure(port, *directions, host=host, rate_mbps=20.0, seconds=1, sub_interval_s=0.5)
    values = reading.values
    assert reading.family == (6 if ":" in host else 4)
    for direction in directions:
        assert values[f"{direction}_mean_ip_mbps"] == pytest.approx(20, rel=0.1)
        assert values[f"{direction}_sent_mbps"] == pytest.approx(20, rel=0.1)
        assert values[f"{direction}_udp_mbps"] < values[f"{direction}_ip_mbps"] < values[f"{direction}_wire_mbps"]
        assert values[f"{direction}_loss_ratio"] < 0.01
        assert len(reading.detail[direction]["sub_intervals"]) >= 2
        assert reading.detail[direction]["search"] == "fixed"
    assert values["idle_rtt_p50_ms"] > 0
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED)


def test_signed_requests_are_served_and_unsigned_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(KEYS)
    with serving(keys={7: b"a-shared-key"}, require_auth=True) as port:
        signed = measure(port, rate_mbps=5.0, seconds=1, keys=path)
        unsigned = measure(port, rate_mbps=5.0, seconds=1)
        path.write_text("7 another-key\n")
        wrong = measure(port, rate_mbps=5.0, seconds=1, keys=path)
    assert signed.values["download_mean_ip_mbps"] == pytest.approx(5, rel=0.15)
    assert (unsigned.outcome, unsigned.reasons) == (Outcome.FAILED, ("far_end_wants_keys",))
    assert (wrong.outcome, wrong.reasons) == (Outcome.FAILED, ("far_end_auth_failed",))


def test_an_answer_that_is_not_signed_is_no_answer_where_keys_are_used(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(KEYS)
    with Far(idle) as far:
        reading = measure(far.port, keys=path)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_answer",))
    assert not far.activations


def test_a_far_end_without_room_is_a_skip_that_says_when_to_come_back() -> None:
    with serving(bandwidth_mbps=50) as port:
        reading = measure(port, "download", "upload", rate_mbps=100.0)
    assert (reading.outcome, reading.reasons) == (Outcome.SKIPPED, ("far_end_busy",))
    assert reading.retry_after_s
    assert not reading.values


def test_a_search_that_the_far_end_held_back_is_its_limit_not_the_lines() -> None:
    with serving(bandwidth_mbps=8) as port:
        reading = measure(port, search="b", bandwidth_mbps=8, seconds=1, sub_interval_s=0.2)
    assert (reading.outcome, reading.reasons) == (Outcome.PROBE_LIMITED, ("far_end_rate_limit",))


@pytest.mark.alone
@pytest.mark.calm
@pytest.mark.parametrize(
    ("load", "reasons"),
    [({"cpu_ratio": 0.97}, ("far_end_cpu",)), ({"cpu_ratio": 0.3, "held_back": True}, ())],
)
def test_what_the_far_end_says_of_its_load_is_heard_and_the_links_headers_reach_the_wire(
    load: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    with telling({"seconds": 1.0, **load}) as http, serving() as port:
        request = Request(
            link=Link(name="x", kind=LinkKind.FIXED, vlan_tags=1, pppoe=True),
            far_ends=(FarEnd(name="far", host="127.0.0.1", port=http, capacity_port=port),),
            options=capacity.Options(directions=("upload",), rate_mbps=3.0, seconds=1, sub_interval_s=0.2),
            deadline=Deadline(60),
        )
        (reading,) = capacity.measure(request)
    assert reading.reasons == reasons
    assert reading.outcome is (Outcome.PROBE_LIMITED if reasons else Outcome.OK)
    assert reading.detail["upload"]["headers"] == "ipv4+8/ethernet+vlan1+pppoe"
    payload = reading.values["upload_bytes"] / reading.detail["upload"]["received_datagrams"]
    ratio = reading.values["upload_wire_mbps"] / reading.values["upload_ip_mbps"]
    assert ratio == pytest.approx((payload + 28 + 18 + 4 + 8 + 20) / (payload + 28), rel=1e-6)


# --- refusals and silence --------------------------------------------------------------------------------------------


def test_a_far_end_that_never_answers() -> None:
    with Far(idle) as far:
        far.control.close()
        quiet = Far._open()
        reading = measure(quiet.getsockname()[1])
        quiet.close()
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_answer",))


def test_a_closed_port_is_heard_from_icmp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    reading = measure(port)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("port_unreachable",))


@pytest.mark.parametrize("result", [r for r in SetupResult if r not in (SetupResult.NONE, SetupResult.OK)])
def test_every_refusal_has_its_own_word(result: SetupResult) -> None:
    with Far(idle, result=result) as far:
        reading = measure(far.port)
    busy = result in (SetupResult.CAPACITY_EXCEEDED, SetupResult.NO_CONNECTION_FREE)
    assert reading.outcome is (Outcome.SKIPPED if busy else Outcome.FAILED)
    assert reading.reasons == (client._REFUSALS[result],)
    assert reading.detail["download"]["setup_result"] == result


def test_an_activation_that_is_never_answered() -> None:
    with Far(idle, accept=lambda _asked: None) as far:
        reading = measure(far.port)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_activation",))


def test_the_fast_search_gives_way_to_type_c_where_it_is_refused() -> None:
    def accept(asked: Activation) -> Activation:
        good = asked.algorithm is not Algorithm.FAST
        return replace(asked, result=ActivationResult.OK if good else ActivationResult.BAD_PARAMETERS)

    with Far(lambda far, _: far.loads(20), accept=accept) as far:
        reading = measure(far.port)
    assert [asked.algorithm for asked in far.activations] == [Algorithm.FAST, Algorithm.C]
    assert "fast_search_unknown" in reading.findings


def test_load_without_an_answer_is_an_answer() -> None:
    with Far(lambda far, _: far.loads(30), accept=lambda _asked: None) as far:
        reading = measure(far.port, search="b", sub_interval_s=0.1)
    assert "activation_unanswered" in reading.findings
    assert reading.detail["download"]["received_datagrams"] == 30
    assert reading.detail["download"]["lost_datagrams"] == 0


# --- in the middle of a test -----------------------------------------------------------------------------------------


def test_load_that_stops_in_the_middle_is_a_stall_with_what_was_seen() -> None:
    def play(far: Far, _asked: Activation) -> None:
        far.loads(50)
        far.over.wait(3)

    with Far(play) as far:
        reading = measure(far.port, search="b", sub_interval_s=0.1)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("stalled",))
    assert "traffic_gap" in reading.findings
    assert reading.values["download_bytes"] == 50 * 1222


@pytest.mark.parametrize("direction", ["download", "upload"])
def test_a_far_end_that_goes_silent_at_once(direction: str) -> None:
    with Far(idle) as far:
        reading = measure(far.port, direction)
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("no_load",))
    assert f"{direction}_ip_mbps" not in reading.values


def test_a_test_port_that_closes_is_heard() -> None:
    with Far(lambda far, _: far.test.close()) as far:
        reading = measure(far.port, "upload")
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("port_unreachable",))


def test_the_deadline_ends_a_test_and_keeps_what_is_known() -> None:
    with Far(lambda far, _: far.loads(120)) as far:
        began = time.monotonic()
        reading = measure(far.port, search="b", sub_interval_s=0.1, deadline=Deadline(0.4))
        lasted = time.monotonic() - began
    assert (reading.outcome, reading.reasons[0]) == (Outcome.ERROR, "deadline")
    assert reading.values["download_bytes"] > 0
    assert lasted < 3


def status(number: int, **changed: Any) -> Status:
    return Status(sequence=number, sent_ns=time.time_ns(), trial_us=50_000, **{"rate": table()[5], **changed})


@pytest.mark.parametrize(
    "lie",
    [
        {"datagrams": 4_000_000_000, "payload_bytes": 4_000_000_000},
        {"datagrams": 5, "payload_bytes": 4_000_000_000},
        {"lost": 4_000_000_000},
        {"sub_interval_number": 1, "sub_interval": SubInterval(datagrams=10**9, payload_bytes=2**63, delta_us=1)},
        {"sub_interval_number": 4_000_000_000, "sub_interval": SubInterval(datagrams=1, payload_bytes=2**40)},
    ],
)
def test_a_status_that_claims_more_than_was_sent_makes_no_numbers(lie: dict[str, Any]) -> None:
    def play(far: Far, _asked: Activation) -> None:
        for number in range(1, 8):
            far.say(status(number, **(lie if number > 3 else {})))
            time.sleep(0.02)

    with Far(play) as far:
        reading = measure(far.port, "upload")
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("far_end_nonsense",))
    assert not [name for name in reading.values if name.startswith("upload_")]


def test_sequence_numbers_from_nowhere_make_no_numbers() -> None:
    def play(far: Far, _asked: Activation) -> None:
        far.loads(20)
        far.load(0xFFFF_FF00)
        for _ in range(3):
            far.load(0xFFFF_FF01, action=Action.STOP)
            time.sleep(0.05)

    with Far(play) as far:
        reading = measure(far.port, search="b")
    assert (reading.outcome, reading.reasons) == (Outcome.FAILED, ("far_end_nonsense",))
    assert "download_ip_mbps" not in reading.values


def test_repeated_old_and_impossible_feedback_moves_nothing() -> None:
    rates: list[int] = []

    def play(far: Far, _asked: Activation) -> None:
        fast = SendingRate(interval1_us=100, payload1=1222, burst1=10)
        for number in (1, 2, 3):
            far.say(status(number))
            time.sleep(0.03)
        for number in (2, 1, 3, 4_000_000):
            far.say(status(number, rate=fast, action=Action.STOP))
        time.sleep(0.2)
        far.test.settimeout(0)
        try:
            while True:
                rates.append(len(far.test.recv(2048)))
        except OSError:
            pass
        for number in (4, 5):
            far.say(status(number, action=Action.STOP))

    with Far(play) as far:
        reading = measure(far.port, "upload", search="b")
    assert {"feedback_repeated", "feedback_forged"} <= set(reading.findings)
    assert reading.detail["upload"]["ended"] == "complete"
    assert reading.detail["upload"]["sent_datagrams"] < 2000  # 1 Gbit/s would be 20,000 in 0.2 s


def test_packets_from_a_stranger_are_not_heard() -> None:
    def play(far: Far, _asked: Activation) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in range(1, 30):
                stranger.sendto(Load(sequence=number, payload=1222, sent_ns=1).encode() + bytes(1190), far.client)
                far.load(number)
                time.sleep(0.005)
        far.load(30, action=Action.STOP)

    with Far(play) as far:
        reading = measure(far.port, search="b")
    assert reading.detail["download"]["received_datagrams"] == 30
    assert reading.detail["download"]["lost_datagrams"] == 0


def test_a_setup_answer_from_a_stranger_is_not_taken() -> None:
    with Far(idle, result=SetupResult.BAD_VERSION) as far:
        stranger = Far._open()

        class Elsewhere:
            """Answers from another port than it was asked at."""

            def __getattr__(self, name: str) -> Any:
                return getattr(far_control, name)

            def sendto(self, data: bytes, address: tuple[str, int]) -> int:
                return stranger.sendto(data, address)

        far_control = far.control
        far.control = Elsewhere()  # type: ignore[assignment]
        reading = measure(far_control.getsockname()[1])
        stranger.close()
    assert reading.reasons == ("no_answer",)


def test_the_options_of_a_request_reach_the_far_end() -> None:
    with Far(lambda far, _: far.loads(5)) as far:
        measure(far.port, search="c", seconds=7, sub_interval_s=0.5, start_mbps=60, random_payload=True)
    (asked,) = far.activations
    assert (asked.algorithm, asked.seconds, asked.sub_interval_ms) == (Algorithm.C, 7, 500)
    assert (asked.row, asked.row_is_start, asked.random_payload) == (60, True, True)
    assert asked.direction is Direction.DOWNSTREAM

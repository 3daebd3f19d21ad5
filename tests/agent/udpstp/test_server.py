"""The UDPSTP server over real sockets: what it grants, refuses, ignores, and how its tests run and end."""

import time
from dataclasses import replace

import pytest
from tests.agent.udpstp.farends import DOWN, KEYS, UP, client, serving, until

from doxa_agent.udpstp import session
from doxa_agent.udpstp.auth import derive, fits, signed
from doxa_agent.udpstp.pdu import (
    SEARCH_ROW,
    Action,
    Activation,
    ActivationResult,
    Load,
    Null,
    Setup,
    SetupCommand,
    SetupResult,
)
from doxa_agent.udpstp.rates import table
from doxa_agent.udpstp.server import Settings, open_sockets
from doxa_core.errors import OperationError

# --- Setup -----------------------------------------------------------------------------------------------------------


def test_a_setup_is_granted_with_a_test_port_from_which_a_null_request_follows() -> None:
    with serving() as server, client(server) as one:
        asked = Setup(connection_set=77, modifiers=2)
        answer = one.setup(asked)
        assert answer == replace(
            asked, command=SetupCommand.RESPONSE, result=SetupResult.OK, test_port=answer.test_port
        )
        data, origin = one.sock.recvfrom(300)
        assert (Null.decode(data), origin[1]) == (Null(), answer.test_port)


def test_the_answer_and_the_test_come_from_the_address_that_was_asked() -> None:
    """All of 127/8 is this machine's: it is multi-homed."""
    with serving(hosts=("0.0.0.0",)) as server, client(server, host="127.0.0.7") as one:
        one.sock.sendto(Setup().encode(), (one.host, one.port))
        origins = [one.sock.recvfrom(300)[1] for _ in range(2)]
        assert [origin[0] for origin in origins] == ["127.0.0.7"] * 2
        assert origins[0][1] == one.port != origins[1][1]


def test_a_repeated_setup_gets_the_same_test_and_not_another_one() -> None:
    with serving() as server, client(server) as one:
        ports = {one.setup().test_port}
        Null.decode(one.sock.recv(300))
        ports |= {one.setup().test_port for _ in range(5)}
        assert len(ports) == len(server.sessions) == 1
        assert server.counters["setup_repeated"] == 5


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        (Setup(version=10), SetupResult.BAD_VERSION),
        (Setup(version=21), SetupResult.BAD_VERSION),
        (Setup(connection_count=0), SetupResult.BAD_CONNECTIONS),
        (Setup(connection_count=25), SetupResult.BAD_CONNECTIONS),
        (Setup(connection_index=2, connection_count=2), SetupResult.BAD_CONNECTIONS),
    ],
)
def test_what_cannot_be_is_refused_with_its_code(asked: Setup, result: SetupResult) -> None:
    with serving() as server, client(server) as one:
        answer = one.setup(asked)
        assert (answer.result, answer.test_port, answer.version) == (result, 0, 20)
        assert server.sessions == ()


def test_each_direction_has_its_own_bandwidth_which_comes_back_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SILENT_NS", 500_000_000)  # else 3 s
    with serving(bandwidth_mbps=100) as server, client(server) as one:
        wishes = [(0, False), (60, False), (60, False), (60, True), (40, False), (41, True)]
        found = []
        for number, (mbps, upstream) in enumerate(wishes):
            found.append(one.setup(Setup(bandwidth_mbps=mbps, upstream=upstream, connection_set=number)).result)
            if found[-1] is SetupResult.OK:
                one.sock.recv(300)
        full, ok = SetupResult.CAPACITY_EXCEEDED, SetupResult.OK
        assert found == [SetupResult.BANDWIDTH_REQUIRED, ok, full, ok, ok, full]
        figures = server.figures()
        assert (figures["granted_down_mbps"], figures["granted_up_mbps"], figures["waiting"]) == (100, 60, 3)
        assert until(lambda: not server.sessions)  # nobody activated them
        assert server.figures()["granted_down_mbps"] == 0
        assert server.counters["ended_never_activated"] == 3


def test_no_more_tests_run_than_allowed() -> None:
    with serving(most_tests=2) as server, client(server) as one:
        found = []
        for number in range(3):
            found.append(one.setup(Setup(connection_set=number)).result)
            one.sock.recv(300) if found[-1] is SetupResult.OK else None
        assert found == [SetupResult.OK, SetupResult.OK, SetupResult.NO_CONNECTION_FREE]


def test_tests_keep_to_the_range_of_ports() -> None:
    with serving() as other, client(other) as one:
        taken = one.setup().test_port  # a port that is in use, and the one behind it
        with serving(test_ports=range(taken, taken + 2)) as server, client(server) as two:
            answer = two.setup()
            assert answer.result in (SetupResult.OK, SetupResult.NO_CONNECTION_FREE)
            assert answer.test_port in (0, taken + 1)


def test_a_port_in_use_is_said_in_a_sentence() -> None:
    with serving() as server:
        wished = Settings(hosts=("127.0.0.1",), port=server.addresses[0][1])
        with pytest.raises(OperationError) as caught:
            open_sockets(wished)
        assert "in use" in caught.value.text.en


# --- authentication --------------------------------------------------------------------------------------------------


def test_a_signed_test_is_answered_with_signatures_of_the_servers_key() -> None:
    with serving(keys=KEYS, require_auth=True) as server:
        now = int(time.time())
        with client(server, keys=derive(KEYS[3], now), unix_time=now) as one:
            assert one.keys is not None
            one.sock.sendto(one.bytes_of(Setup()), (one.host, one.port))
            answer, null = one.sock.recv(300), one.sock.recv(300)
            assert (Setup.decode(answer).result, Null.decode(null).version) == (SetupResult.OK, 20)
            one.sock.connect((one.host, Setup.decode(answer).test_port))
            one.sock.send(Activation(direction=UP).encode())  # not signed: nobody answers
            one.sock.send(signed(Activation(direction=UP), one.keys.server, key_id=3, unix_time=now))
            assert one.silent()
            one.sock.send(one.bytes_of(Activation(direction=UP)))
            response = one.sock.recv(300)
            assert Activation.decode(response).result is ActivationResult.OK
            assert all(fits(data, one.keys.server) for data in (answer, null, response))
            assert server.counters["activation_ignored"] == 2


@pytest.mark.parametrize(
    ("known", "key", "offset", "result"),
    [
        (KEYS, None, 0, SetupResult.AUTHENTICATION_REQUIRED),
        ({}, b"thirdkey", 0, SetupResult.AUTHENTICATION_NOT_CONFIGURED),
        (KEYS, b"wrong", 0, SetupResult.AUTHENTICATION_FAILED),
        ({4: b"thirdkey"}, b"thirdkey", 0, SetupResult.AUTHENTICATION_FAILED),
        (KEYS, b"thirdkey", 60, SetupResult.AUTHENTICATION_TIME),
        (KEYS, b"thirdkey", -60, SetupResult.AUTHENTICATION_TIME),
    ],
)
def test_who_cannot_prove_who_he_is_gets_no_test(
    known: dict[int, bytes], key: bytes | None, offset: int, result: SetupResult
) -> None:
    now = int(time.time()) + offset
    with serving(keys=known, require_auth=bool(known)) as server:
        keys = derive(key, now) if key else None
        with client(server, keys=keys, unix_time=now) as one:
            answer = one.setup()
            assert (answer.result, server.sessions) == (result, ())
            if result is SetupResult.AUTHENTICATION_FAILED:
                assert answer.authentication.digest == bytes(32)  # no digest for who has no key


def test_a_signed_setup_that_somebody_sends_again_opens_nothing() -> None:
    with serving(keys=KEYS) as server:
        now = int(time.time())
        with client(server, keys=derive(KEYS[3], now), unix_time=now) as one, client(server) as stranger:
            assert one.setup().result is SetupResult.OK
            stranger.sock.sendto(one.bytes_of(Setup()), (one.host, one.port))
            assert stranger.silent()
            assert (len(server.sessions), server.counters["setup_replayed"]) == (1, 1)


# --- silence ---------------------------------------------------------------------------------------------------------


def test_rubbish_gets_no_answer_and_refusals_are_rationed() -> None:
    with serving() as server, client(server) as one:
        for data in (b"", b"x", bytes(56), Setup().encode()[:-1], Setup().encode() + b"\0", Null().encode(),
                     replace(Setup(), command=SetupCommand.RESPONSE, result=SetupResult.OK).encode()):  # fmt: skip
            one.sock.sendto(data, (one.host, one.port))
        assert one.silent()
        answers = 0
        for _ in range(60):
            one.sock.sendto(Setup(version=99).encode(), (one.host, one.port))
        while not one.silent(0.2):
            answers += 1
        assert 5 <= answers <= 15
        assert server.counters["unanswered"] == 60 - answers
        assert sum(count for name, count in server.counters.items() if name.startswith("rubbish")) == 7


def test_one_source_cannot_take_every_test() -> None:
    with serving(most_tests=1000) as server, client(server) as one, client(server, source="127.0.0.2") as other:
        for number in range(300):
            one.sock.sendto(Setup(connection_set=number).encode(), (one.host, one.port))
            if number % 20 == 0:
                time.sleep(0.01)
        assert until(lambda: server.counters["granted"] + server.counters["unanswered"] == 300)
        assert 100 <= server.counters["granted"] <= 200
        assert other.setup().result is SetupResult.OK


def test_no_answer_is_longer_than_its_request() -> None:
    with serving(keys=KEYS) as server:
        for number, asked in enumerate((Setup(), Setup(version=1), Setup(connection_count=0))):
            now = int(time.time()) - number
            with client(server, keys=derive(KEYS[3], now), unix_time=now) as one:
                one.sock.sendto(one.bytes_of(asked), (one.host, one.port))
                assert len(one.sock.recv(2000)) <= len(asked.encode())


def test_nobody_else_can_activate_a_test() -> None:
    with serving() as server, client(server) as one, client(server, source="127.0.0.9") as stranger:
        port = one.setup().test_port
        stranger.sock.sendto(Activation(direction=DOWN).encode(), (one.host, port))
        assert stranger.silent()
        assert one.activate(port, Activation(direction=UP)).direction is UP


# --- a test ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_downstream_the_server_climbs_with_good_reports_and_ends_the_test(host: str) -> None:
    with serving(hosts=(host,)) as server, client(server, host=host) as one:
        holds = one.test(Activation(direction=DOWN, seconds=1, sub_interval_ms=500))
        assert (holds.result, holds.seconds, holds.row) == (ActivationResult.OK, 1, SEARCH_ROW)
        seen: list[Load] = []
        for number in range(1, 200):
            seen += one.loads(0.05)
            if seen and seen[-1].action is Action.STOP:
                one.tell(number, action=Action.STOP)
                break
            one.tell(number)
        sequences = [load.sequence for load in seen]
        assert (sequences[0], sequences) == (1, sorted(set(sequences)))
        assert sequences[-1] > 5_000  # to 300 Mbit/s in 1.5 s: 20,000
        assert {load.payload for load in seen} >= {1222 if host != "::1" else 1202}
        assert any(load.status_sent_ns for load in seen)
        assert until(lambda: server.counters["ended_complete"] == 1)
        assert server.sessions == ()


def test_upstream_the_server_tells_the_rate_and_ends_the_test() -> None:
    with serving() as server, client(server) as one:
        holds = one.test(Activation(direction=UP, seconds=1, trial_ms=50))
        assert holds.rate == table()[0]
        rows = []
        for number in range(1, 500):
            one.sock.send(Load(sequence=number, payload=100, sent_ns=time.time_ns()).encode() + bytes(68))
            status = one.next_status() if number % 2 == 0 else None
            if status is None:
                continue
            if status.action is Action.STOP:
                one.sock.send(Load(action=Action.STOP, sequence=number + 1, payload=52, sent_ns=1).encode() + bytes(20))
                break
            echo = Load(sequence=number + 1, payload=100, status_sent_ns=status.sent_ns, sent_ns=time.time_ns())
            rows.append(table().index(status.rate))
            assert (status.lost, status.payload_bytes) == (0, 100 * status.datagrams)
            assert echo.status_sent_ns
        assert rows[0] in (0, 10)
        assert until(lambda: server.counters["ended_complete"] == 1)


def test_a_fixed_row_is_withheld_until_the_client_has_shown_that_it_is_there() -> None:
    with serving() as server, client(server) as one:
        assert one.test(Activation(direction=DOWN, row=50)).row == 50
        before = one.loads(0.3)
        one.tell(1)
        after = one.loads(0.3)
        assert len(before) <= 10
        assert sum(load.payload + 28 for load in after) * 8 / 0.3e6 == pytest.approx(50, rel=0.25)


def test_a_test_gets_no_more_than_the_bandwidth_that_it_asked_for() -> None:
    with serving(bandwidth_mbps=500) as server, client(server) as one:
        holds = one.test(Activation(direction=DOWN, row=400), Setup(bandwidth_mbps=30))
        assert holds.row == 30
    with serving(bandwidth_mbps=500) as server, client(server) as one:
        wrong = one.test(Activation(direction=UP), Setup(bandwidth_mbps=30))
        assert wrong.result is ActivationResult.BAD_PARAMETERS


def test_repeated_reordered_and_impossible_reports_move_nothing() -> None:
    with serving() as server, client(server) as one:
        one.test(Activation(direction=DOWN))
        one.loads(0.05)
        one.tell(5)
        for sequence in (5, 4, 1, 5, 4_000_000_000, 100_000):
            one.tell(sequence)
        assert until(lambda: server.counters["status_repeated"] == 4 and server.counters["status_forged"] == 2)
        sizes = [load.payload + 28 for load in one.loads(0.4)]
        assert sum(sizes) * 8 / 0.4e6 < 13  # one report: row 10
        assert server.counters["test_ignored"] == 0


def test_rubbish_at_the_test_port_is_ignored_and_a_repeated_activation_answered_again() -> None:
    with serving() as server, client(server) as one:
        asked = Activation(direction=UP)
        holds = one.test(asked)
        one.sock.send(b"rubbish" * 10)
        one.sock.send(asked.encode())
        assert Activation.decode(one.sock.recv(300)) == holds
        one.sock.send(replace(asked, direction=DOWN).encode())
        assert until(lambda: server.counters["test_ignored"] == 2)


def test_a_client_that_falls_silent_is_told_so_and_dropped() -> None:
    with serving() as server, client(server) as one:
        one.test(Activation(direction=DOWN, seconds=20))
        started = time.monotonic()
        one.loads(0.1)
        one.tell(1)
        said = next(load for load in iter(lambda: Load.decode(one.sock.recv(2000)), None) if load.receive_stopped)
        assert said.action is Action.TEST
        assert time.monotonic() - started >= 1.0
        assert until(lambda: server.counters["ended_silent"] == 1)
        assert time.monotonic() - started >= 3.0


def test_a_client_may_stop_early_and_a_client_that_is_gone_is_noticed() -> None:
    with serving() as server:
        with client(server) as one:
            one.test(Activation(direction=DOWN, seconds=20))
            one.loads(0.1)
            one.tell(1, action=Action.STOP)
            assert until(lambda: server.counters["ended_client_stopped"] == 1)
        with client(server) as two:
            two.test(Activation(direction=DOWN, seconds=20))
        assert until(lambda: server.counters["ended_unreachable"] == 1)


def test_a_server_that_stops_tells_its_clients() -> None:
    with serving() as server, client(server) as one:
        one.test(Activation(direction=DOWN, seconds=20))
        server.stop()
        assert until(lambda: Load.decode(one.sock.recv(2000)).action is Action.STOP)
        one.tell(1, action=Action.STOP)

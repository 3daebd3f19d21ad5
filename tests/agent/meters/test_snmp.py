"""The snmp meter against a real snmpd on loopback and in namespaces, and against a terminal whose counters are acted."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.conftest import Line, inside
from tests.agent.snmp.snmpd import AUTH, COMMUNITY, PRIV, Acted, Snmpd, acted, row, snmpd

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import snmp
from doxa_agent.snmp import child, counters
from doxa_agent.snmp.order import Answer, Answers, Choice, Order, Secrets, Target
from doxa_agent.snmp.search import read_interface
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

pytestmark = pytest.mark.server
V2C = {"community_file": "community"}
V3 = {"user": "doxa", "auth_key_file": "auth", "priv_key_file": "priv"}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder of the plan with the secrets beside it."""
    for name, text in (
        ("community", COMMUNITY),
        ("auth", AUTH),
        ("priv", PRIV),
        ("wrong", "another phrase"),
        ("short", "abc"),
    ):
        (tmp_path / name).write_text(f"{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    return tmp_path


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as server:
        yield server


@pytest.fixture
def actor(tmp_path: Path) -> Iterator[Acted]:
    with acted(tmp_path / "acted") as found:
        yield found


def options(keys: Path, **found: Any) -> snmp.Options:
    table = Table(found, str(keys / "plan.toml"), "task.t.options.")
    read = snmp.read_options(table)
    table.close()
    return read


def request(keys: Path, port: int, host: str = "127.0.0.1", **found: Any) -> Request[snmp.Options]:
    plain = {"port": port, "timeout_s": 5, "retries": 1}
    which = {} if any(key.startswith("interface_") for key in found) else {"interface_name": "lo"}
    return Request(
        link=Link(name="fixed", kind=LinkKind.FIXED),
        far_ends=(FarEnd(name="terminal", host=host),),
        options=options(keys, **(plain | which | found)),
        deadline=Deadline(100),
    )


def poll(keys: Path, port: int, host: str = "127.0.0.1", **found: Any) -> Reading:
    (reading,) = snmp.measure(request(keys, port, host, **found))
    assert set(reading.values) <= set(snmp.VALUES)
    said = json.dumps(reading.detail) + repr(reading)
    assert not any(secret in said for secret in (COMMUNITY, AUTH, PRIV))
    return reading


def poll_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll in this process: what the child does, without its start."""
    monkeypatch.setattr(snmp, "ask", lambda order, *_: child.run(Order.decode(order.encode())))


def test_the_registry_takes_it_and_neither_agent_nor_plan_loads_pysnmp(keys: Path) -> None:
    meter = meters.load("snmp")
    assert (meter.method, meter.heavy) == ("snmp/1", False)
    assert all(is_value_name(name) for name in meter.values)
    names = "import sys; from doxa_agent import meters; meters.load('snmp'); sys.exit('pysnmp' in sys.modules or 'asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", names], check=False, timeout=60).returncode == 0


def test_v2c_and_v3_read_the_same_interface_in_a_child_that_goes(keys: Path, terminal: Snmpd) -> None:
    first = poll(keys, terminal.port, **V2C)
    second = poll(keys, terminal.port, **V3)
    assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.OK)
    assert "first_poll" in first.findings
    assert "interval_s" not in first.values
    assert (first.detail["version"], second.detail["version"]) == ("2c", "3")
    assert first.detail["device"]["name"] == second.detail["device"]["name"] == "lo"
    assert first.values["oper_up_flag"] == 1
    ran = second.values["uptime_s"] - first.values["uptime_s"]
    assert second.values["interval_s"] == pytest.approx(ran, abs=0.02)
    assert first.proof is not None
    assert (first.family, first.far_end, first.proof.interface) == (4, "terminal", "lo")
    assert second.detail["child_memory_bytes"] < 80e6


@pytest.mark.parametrize(
    ("access", "reason"),
    [
        ({"community_file": "wrong"}, "no_reply"),
        (V3 | {"auth_key_file": "wrong"}, "snmp_wrong_key"),
        (V3 | {"priv_key_file": "wrong"}, "snmp_request_ignored"),
        (V3 | {"user": "nobody"}, "snmp_unknown_user"),
        ({"user": "doxa", "auth_key_file": "auth", "priv": "none"}, "snmp_not_allowed"),
        (V3 | {"auth": "sha512"}, "snmp_wrong_key"),
        (V2C | {"interface_name": "wan9"}, "interface_unknown"),
        (V2C | {"interface_index": 9999}, "interface_unknown"),
    ],
)
def test_what_the_terminal_refuses_has_a_reason(
    keys: Path, terminal: Snmpd, access: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll_here(monkeypatch)
    patience: dict[str, Any] = (
        {"timeout_s": 0.5, "retries": 0} if reason in ("no_reply", "snmp_request_ignored") else {}
    )
    reading = poll(keys, terminal.port, **patience, **access)
    assert (reading.outcome, reading.reasons, dict(reading.values)) == (Outcome.FAILED, (reason,), {})
    if access.get("interface_name") == "wan9":
        assert "lo" in reading.detail["device"]["interfaces"]


def test_a_user_who_only_signs_and_a_terminal_of_ipv6_are_read_too(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll_here(monkeypatch)
    with snmpd(tmp_path / "six", host="::1") as server:
        found = poll(keys, server.port, "::1", user="plain", auth_key_file="auth", auth="sha512", priv="none")
    assert (found.outcome, found.family) == (Outcome.OK, 6)
    gone = poll(keys, server.port, "::1", **V2C, timeout_s=0.5, retries=0)
    assert gone.reasons == ("port_unreachable",)


def test_a_restart_gives_no_rate_and_a_missed_poll_a_longer_interval(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll_here(monkeypatch)
    monkeypatch.setattr(counters, "SLACK_S", 0.05)  # of sysUpTime against our clock, for polls a second apart
    with snmpd(tmp_path / "restarted") as server:
        poll(keys, server.port, **V2C)
        server.restart()
        again = poll(keys, server.port, **V2C)
        assert (again.outcome, "terminal_restarted" in again.findings) == (Outcome.OK, True)
        assert not [name for name in again.values if "traffic" in name or name == "interval_s"]
        poll(keys, server.port, community_file="wrong", timeout_s=0.5, retries=0)
        late = poll(keys, server.port, **V2C)
    assert "polls_missed" in late.findings
    assert late.values["polls_missed_count"] == 1
    assert late.values["interval_s"] == pytest.approx(late.values["uptime_s"] - again.values["uptime_s"], abs=0.02)


def test_counters_wrap_interfaces_move_and_narrow_ones_are_told(
    keys: Path, actor: Acted, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll_here(monkeypatch)
    plain = {
        "ifName": "wan0",
        "ifDescr": "wan0",
        "ifType": 6,
        "ifHighSpeed": 100,
        "ifAlias": "TSLCD",
        "ifOperStatus": 2,
    }
    port = actor.server.port

    def show(index: int, **counters: Any) -> None:
        other = row(4, ifName="lan0", ifDescr="lan0", ifAlias="office", ifHCInOctets=1)
        actor.show(other | row(index, **(plain | counters)))

    def ask(**more: Any) -> Reading:
        return poll(keys, port, **V2C, **{"interface_name": "wan0"} | more)

    show(7, ifHCInOctets=2**64 - 1000, ifHCOutOctets=10, ifHCInUcastPkts=1, ifHCOutUcastPkts=1)
    assert ask().values == {"oper_up_flag": 0, "port_speed_wire_mbps": 100, "uptime_s": pytest.approx(0, abs=60)}
    show(7, ifHCInOctets=99_000, ifHCOutOctets=110, ifHCInUcastPkts=101, ifHCOutUcastPkts=2)
    wrapped = ask()
    assert (wrapped.values["download_traffic_bytes"], wrapped.values["upload_traffic_bytes"]) == (100_000, 100)
    assert wrapped.values["download_traffic_packet_count"] == 100
    seconds = wrapped.values["interval_s"]
    assert wrapped.values["download_traffic_frame_mbps"] == pytest.approx(100_400 * 8 / seconds / 1e6, abs=1e-6)

    show(9, ifHCInOctets=500, ifHCOutOctets=110)  # the terminal numbered its interfaces anew
    moved = ask()
    assert (moved.detail["index"], "interface_moved" in moved.findings) == (9, True)
    assert "download_traffic_bytes" not in moved.values
    show(9, ifHCInOctets=700, ifHCOutOctets=110, ifCounterDiscontinuityTime=5)
    assert "counters_discontinued" in ask().findings

    show(9, ifInOctets=2**32 - 50, ifOutOctets=0, ifHCInOctets=0, ifHCOutOctets=0)
    assert "counters_32bit" in ask(side="lan").findings
    show(9, ifInOctets=50, ifOutOctets=0, ifHCInOctets=0, ifHCOutOctets=0)
    narrow = ask(side="lan")
    assert narrow.values["upload_traffic_bytes"] == 100  # in at the LAN port is out to the provider


def test_an_alias_finds_the_interface_and_two_of_a_name_are_refused(
    keys: Path, actor: Acted, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll_here(monkeypatch)
    two = {"ifDescr": "ppp", "ifAlias": "kênh TSLCD", "ifHCInOctets": 1, "ifHCOutOctets": 1}
    actor.show(row(3, **two) | row(5, **(two | {"ifAlias": "backup"})))
    port = actor.server.port
    found = poll(keys, port, **V2C, interface_alias="kênh TSLCD")
    assert (found.outcome, found.detail["index"]) == (Outcome.OK, 3)
    assert poll(keys, port, **V2C, interface_name="ppp").reasons == ("interface_ambiguous",)
    assert poll(keys, port, **V2C, interface_index=5).detail["device"]["alias"] == "backup"
    actor.show(row(3, **{k: v for k, v in two.items() if "Octets" not in k}))
    assert poll(keys, port, **V2C, interface_index=3).reasons == ("no_counters",)


@pytest.mark.root
def test_traffic_over_a_real_line_is_what_the_kernel_counts(
    keys: Path, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The router is the terminal: its port to the provider is up0, and pings of 1,400 octets go through it."""
    poll_here(monkeypatch)

    def kernel(name: str) -> int:
        shown = subprocess.run(
            ["ip", "netns", "exec", line.router, "cat", f"/sys/class/net/up0/statistics/{name}"],
            capture_output=True, check=True, text=True, timeout=20,
        )  # fmt: skip
        return int(shown.stdout)

    def ask() -> Reading:
        with inside(line.client):
            return poll(keys, server.port, line.gateway4, **V2C, interface_name="up0")

    with snmpd(tmp_path / "router", namespace=line.router, host=line.gateway4) as server:
        server.quicken()
        time.sleep(1.3)  # it reads its counters every second, and packets not before the first time
        ask()
        before = {name: kernel(name) for name in ("rx_bytes", "tx_bytes", "tx_packets")}
        ping = ["ip", "netns", "exec", line.client, "ping", "-q", "-c", "300", "-i", "0.002", "-s", "1400", line.there4]
        subprocess.run(ping, check=True, capture_output=True, timeout=60)
        after = {name: kernel(name) for name in before}
        time.sleep(1.3)
        found = ask()
    moved = {name: after[name] - before[name] for name in before}
    assert moved["tx_bytes"] >= 300 * 1442
    assert found.values["upload_traffic_bytes"] == pytest.approx(moved["tx_bytes"], rel=0.01)
    assert found.values["download_traffic_bytes"] == pytest.approx(moved["rx_bytes"], rel=0.01)
    assert found.values["upload_traffic_packet_count"] == pytest.approx(moved["tx_packets"], rel=0.02)
    rate = (moved["tx_bytes"] + 4 * moved["tx_packets"]) * 8 / found.values["interval_s"] / 1e6
    assert found.values["upload_traffic_frame_mbps"] == pytest.approx(rate, rel=0.01)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"interface_name": "a"}, "nothing opens the terminal; write community_file (v2c), or user"),
        (V2C | {"user": "x", "interface_name": "a"}, "both community_file (v2c) and user (v3) are given"),
        (V2C | {"auth": "sha256", "interface_name": "a"}, "auth: this key belongs to v3"),
        (V2C, "it is not said which interface is the line; write exactly one of"),
        (V2C | {"interface_name": "a", "interface_index": 1}, "named in more than one way"),
        (V3 | {"priv": "none", "interface_name": "a"}, 'priv = "none" is written; remove one of the two'),
        (V3 | {"auth_key_file": "short", "interface_name": "a"}, "write one single line of 8 to 255 characters"),
        (V3 | {"auth_key_file": "gone", "interface_name": "a"}, "gone cannot be read (No such file or directory)"),
        (V2C | {"interface_name": "a", "comunity": "x"}, "this key does not exist; did you mean"),
        (V2C | {"interface_name": "a", "port": 0}, "write a whole number from 1 to 65535"),
        (V3 | {"auth": "md5", "interface_name": "a"}, "write one of: sha256"),
    ],
)
def test_a_bad_option_is_told_with_its_cure(keys: Path, found: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        options(keys, **found)
    assert said in error.value.text.en
    assert "abc" not in error.value.text.en


def test_a_secret_is_in_no_argument_no_repr_and_no_environment(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = subprocess.Popen

    def watch(command: Any, **more: Any) -> Any:
        seen.append((command, more.get("env")))
        return real(["true"], **more)

    monkeypatch.setattr("doxa_agent.net.child.subprocess.Popen", watch)
    asked = request(keys, 9, **V3)
    (reading,) = snmp.measure(asked)
    assert (reading.outcome, reading.reasons) == (Outcome.ERROR, ("child_crashed",))
    secrets = Secrets(community=COMMUNITY, auth_key=AUTH, priv_key=PRIV)
    for text in (repr(seen), repr(asked), repr(secrets)):
        assert not any(secret in text for secret in (COMMUNITY, AUTH, PRIV))


def test_a_secret_that_everybody_may_read_is_a_finding_and_one_that_has_gone_a_reason(keys: Path) -> None:
    (keys / "community").chmod(0o644)
    asked = request(keys, 9, **V2C, timeout_s=0.5, retries=0)
    (reading,) = snmp.measure(asked)
    assert "key_readable_by_all" in reading.findings
    (keys / "community").unlink()
    (reading,) = snmp.measure(asked)
    assert (reading.outcome, reading.reasons) == (Outcome.ERROR, ("key_unusable",))


def test_a_missing_package_is_told_with_the_command_that_installs_it(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snmp, "find_spec", lambda _: None)
    with pytest.raises(InputError) as error:
        options(keys, **V2C, interface_name="lo")
    assert error.value.text.en.endswith(
        f"the package pysnmp is missing; run: {sys.executable} -m pip install 'doxa[snmp]'"
    )


def test_a_name_that_is_none_and_a_run_cut_short_are_told(keys: Path) -> None:
    (named,) = snmp.measure(request(keys, 9, "no-such-host.invalid", **V2C))
    assert named.outcome is Outcome.FAILED
    asked = request(keys, 9, **V2C)
    asked.deadline.cancel()
    (cut,) = snmp.measure(asked)
    assert (cut.outcome, cut.reasons) == (Outcome.SKIPPED, ("cut_short",))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["found", "reason", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=80) | JSON.map(lambda found: json.dumps(found).encode()))
def test_whatever_the_child_writes_is_an_answer_or_a_value_error(line: bytes) -> None:
    try:
        found = Answers.decode(line)
    except ValueError:
        return
    assert isinstance(found, Answers)


def test_orders_and_answers_travel_whole() -> None:
    order = Order(
        interface="eth0", source=None, targets=(Target(family=6, address="::1", port=161, known=3),), choice=Choice(alias="x"),
        secrets=Secrets(user="u", auth_key="k"), timeout_s=2, retries=1, budget_s=9,
    )  # fmt: skip
    assert Order.decode(order.encode()) == order
    answers = Answers(found=[Answer(index=3, numbers={"in_octets": 2**64 - 1})], cpu_s=0.5)
    assert Answers.decode(answers.encode()) == answers


class Rogue:
    """A terminal that answers anything."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    async def get(self, oids: Any) -> list[Any]:
        return [self._data.draw(_THING) for _ in oids]

    async def next(self, oid: tuple[int, ...]) -> list[Any]:
        steps = self._data.draw(st.lists(st.tuples(st.integers(-2, 40), _THING), max_size=5))
        return [((*oid[:-1], max(0, oid[-1] + step)) if step % 3 else (*oid, step % 7), thing) for step, thing in steps]


class _Octets:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def asOctets(self) -> bytes:  # noqa: N802
        return self._octets


_THING = st.none() | st.integers(-(2**70), 2**70) | st.binary(max_size=12).map(_Octets) | st.text(max_size=4)


@given(
    data=st.data(),
    known=st.none() | st.integers(1, 9),
    choice=st.sampled_from([Choice(name="a"), Choice(alias=""), Choice(index=3)]),
)
def test_no_answer_of_a_terminal_breaks_the_search(data: st.DataObject, known: int | None, choice: Choice) -> None:
    import asyncio

    answer = Answer()
    asyncio.run(read_interface(Rogue(data), choice, known, answer))
    assert (answer.reason is None) == (answer.index is not None)
    assert all(0 <= number < 2**64 for number in answer.numbers.values())
    assert Answers.decode(Answers(found=[answer]).encode()).found == [answer]

"""Each check's judgement, its words in both languages, and the form of the whole list."""

import json
import pwd
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent import checklist, config
from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist import (
    _render,
    _rights,
    address,
    clock,
    dns,
    gateway,
    nic,
    ping_permission,
    raw_permission,
    speed,
)
from doxa_agent.checklist._rights import Rights
from doxa_agent.checklist._words import REASONS, reason
from doxa_agent.dns import servers
from doxa_agent.meter import Link, Reading
from doxa_agent.net.nic import Duplex, Nic
from doxa_core.language import Text, choose_language
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import Clock
from doxa_core.outcome import Outcome

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
OFFICE = Link(name="internet", kind=LinkKind.FIXED, interface="eth0")
MOBILE = Link(name="di-dong", kind=LinkKind.MOBILE, interface="wwan0")

AGENT = """
site = "xa-thu"
agent = "pi-1"
[broker]
host = "127.0.0.1"
port = 1
[link.internet]
kind = "fixed"
interface = "lo"
"""
PLAN = """
[far-end.noc]
host = "127.0.0.1"
port = 1
[task.toc-do]
meter = "speed"
link = "internet"
every_s = 3600
far_ends = ["noc"]
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Settings:
    """An agent whose broker and far end are not there, on a machine without resolvers."""
    (tmp_path / "agent.toml").write_text(AGENT)
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "resolv.conf").write_text("# none\n")
    monkeypatch.setattr(dns, "RESOLV_CONF", tmp_path / "resolv.conf")
    return config.load(tmp_path / "agent.toml")


@pytest.fixture
def english() -> Iterator[None]:
    choose_language("en")
    yield
    choose_language("vi")


def port(speed_mbps: int | None, duplex: Duplex | None = "full", *, up: bool = True, virtual: bool = False) -> Nic:
    state = "up" if up else "down"
    return Nic(name="eth0", up=up, operstate=state, speed_mbps=speed_mbps, duplex=duplex, is_virtual=virtual)


@pytest.mark.parametrize(
    ("link", "found", "state", "value"),
    [
        (OFFICE, port(1000), State.GOOD, "eth0, 1000 Mb/s, song công"),
        (OFFICE, port(100), State.BAD, "eth0, 100 Mb/s, song công"),
        (MOBILE, port(100), State.WARNING, "eth0, 100 Mb/s, song công"),
        (OFFICE, port(1000, "half"), State.BAD, "eth0, 1000 Mb/s, bán song công"),
        (OFFICE, port(None, None), State.GOOD, "eth0, tốc độ cổng không rõ"),
        (OFFICE, port(10_000, virtual=True), State.GOOD, "eth0, giao diện ảo"),
        (OFFICE, port(None, None, up=False), State.BAD, "eth0 không hoạt động (down)"),
        (OFFICE, None, State.BAD, "không có giao diện eth0"),
    ],
)
def test_a_port_is_judged_by_what_its_line_promises(link: Link, found: Nic | None, state: State, value: str) -> None:
    judged, text, advice = nic.judge(link, found)
    assert (judged, text.vi) == (state, value)
    assert (advice is None) == (state is State.GOOD)


@pytest.mark.parametrize(
    ("found", "year", "state"),
    [
        (Clock(synchronised=True, error_ms=12.34), 2026, State.GOOD),
        (Clock(synchronised=True), 2026, State.GOOD),
        (Clock(synchronised=False), 2026, State.WARNING),
        (Clock(synchronised=False), 1970, State.BAD),
        (Clock(synchronised=True, error_ms=1), 2020, State.BAD),
    ],
)
def test_a_clock_that_was_never_set_is_bad_and_a_free_running_one_is_noted(
    found: Clock, year: int, state: State
) -> None:
    item = clock.judge(found, datetime(year, 11, 21, 1, 5, 9, tzinfo=UTC))
    assert item.state is state
    assert item.value.vi.startswith(f"21/11/{year} 08:05:09")
    if found.error_ms == 12.34:
        assert item.value.vi.endswith("sai số tối đa 12,3 ms")


@pytest.mark.parametrize(
    ("way", "state"), [("icmp_datagram", State.GOOD), ("icmp_raw", State.GOOD), (None, State.WARNING)]
)
def test_a_missing_permission_to_ping_comes_with_the_command_that_gives_it(way: str | None, state: State) -> None:
    item = ping_permission.judge(Rights(way=way, raw=False, groups="1 0"))
    assert item.state is state
    assert (item.advice is not None and "ping_group_range" in item.advice.vi) == (way is None)


def test_a_missing_right_is_bad_only_for_who_asks_for_what_needs_it() -> None:
    none, raw = Rights(way=None, raw=False, groups="1 0"), Rights(way="icmp_raw", raw=True, groups="1 0")
    assert raw_permission.judge(none, craft=False).state is State.GOOD
    wanted = raw_permission.judge(none, craft=True)
    assert wanted.state is State.WARNING
    assert wanted.advice is not None
    assert "AmbientCapabilities=CAP_NET_RAW" in wanted.advice.vi
    assert raw_permission.judge(raw, craft=True).state is State.GOOD


@pytest.mark.root
def test_an_administrator_is_told_what_the_service_may_do_and_not_what_he_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may do everything: without this, the check before the start would always be good."""
    unit, added = tmp_path / "doxa-agent.service", tmp_path / "doxa-agent.service.d"
    unit.write_text((DEPLOY / "pi/doxa-agent.service").read_text().replace("User=doxa", "User=nobody"))
    group = pwd.getpwnam("nobody").pw_gid
    monkeypatch.setattr(_rights, "groups", lambda: f"0 {group}")
    assert _rights.rights(unit) == Rights(way="icmp_datagram", raw=False, groups=f"0 {group}", account="nobody")
    monkeypatch.setattr(_rights, "groups", lambda: "1 0")
    missing = ping_permission.judge(_rights.rights(unit))
    assert (missing.state, missing.value.vi.startswith("dịch vụ (nobody): không được phép")) == (State.WARNING, True)
    added.mkdir()
    (added / "override.conf").write_text("[Service]\nAmbientCapabilities=CAP_NET_RAW\n")
    assert _rights.rights(unit) == Rights(way="icmp_raw", raw=True, groups="1 0", account="nobody")
    (added / "z.conf").write_text("[Service]\nAmbientCapabilities=\n")
    assert not _rights.rights(unit).raw
    assert _rights.rights(tmp_path / "absent").account is None


def reading(outcome: Outcome, **values: float) -> Reading:
    return Reading(outcome=outcome, values=values, reasons=() if values else ("connect_refused",))


def test_a_short_speed_test_shows_steady_rates_else_means() -> None:
    found = reading(Outcome.OK, download_mbps=94.06, download_mean_mbps=90.0, upload_mean_mbps=34.41)
    state, value, advice = speed.judge(Link(name="internet", kind=LinkKind.FIXED), found)
    assert (state, value.vi, advice) == (State.GOOD, "tải xuống 94,1 Mbps, tải lên 34,4 Mbps", None)
    assert value.en == "download 94.1 Mbps, upload 34.4 Mbps"


def test_a_speed_test_at_the_ports_own_speed_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "read_nic", lambda _: port(100))
    found = reading(Outcome.OK, download_mbps=94.0, download_wire_mbps=99.9, upload_mbps=30.0)
    assert speed.judge(OFFICE, found)[0] is State.WARNING


def test_a_failed_speed_test_says_why() -> None:
    state, value, advice = speed.judge(OFFICE, reading(Outcome.FAILED))
    assert (state, value.vi) == (State.BAD, "không đo được (cổng đóng, dịch vụ chưa chạy)")
    assert advice is not None


@given(st.text())
def test_any_resolv_conf_is_read(text: str) -> None:
    assert all(servers.is_address(server) for server in servers.nameservers(text))


def test_the_resolvers_stand_in_the_files_order() -> None:
    text = "search xa.vn\n#nameserver 9.9.9.9\nnameserver 192.0.2.1\nnameserver  2001:db8::53 \nnameserver rubbish\noptions x\n"
    assert servers.nameservers(text) == ("192.0.2.1", "2001:db8::53")


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        (lambda question: question, True),
        (lambda question: question[:3] + b"\x85" + question[4:], True),
        (lambda question: bytes([question[0] ^ 1]) + question[1:], False),
        (lambda question: question[:2], False),
    ],
)
def test_a_resolver_is_there_when_anything_with_our_number_comes_back(
    answer: Callable[[bytes], bytes], counts: bool
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            question, client = server.recvfrom(512)
            server.sendto(answer(question), client)

        thread = threading.Thread(target=serve)
        thread.start()
        took = dns.ask("127.0.0.1", server.getsockname()[1])
        thread.join()
    assert (took is not None) is counts


@pytest.mark.usefixtures("settings")
def test_a_silent_resolver_is_bad_only_where_a_name_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "ask", lambda _: None)
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    assert dns._resolvers(is_needed=False).state is State.WARNING
    assert dns._resolvers(is_needed=True).state is State.BAD
    monkeypatch.setattr(dns, "ask", lambda _: 0.0042)
    found = dns._resolvers(is_needed=True)
    assert (found.state, found.value.vi) == (State.GOOD, "192.0.2.1 (4,2 ms)")


def test_every_text_of_every_check_is_there_in_both_languages() -> None:
    modules: list[ModuleType] = [module for _, module in checklist.checks()]
    texts = [text for module in modules for text in vars(module).values() if isinstance(text, Text)]
    texts += list(REASONS.values())
    assert len(texts) > 60
    for text in texts:
        assert text.vi
        assert text.en
        assert text.vi.count("{") == text.en.count("{")
    assert reason("some_new_code").vi == "some_new_code"


def test_the_checks_stand_in_the_order_of_installing() -> None:
    names = [name for name, _ in checklist.checks()]
    assert names == [
        "nic", "address", "gateway", "dns", "clock", "power", "ping_permission", "raw_permission", "broker", "far_end", "speed",
    ]  # fmt: skip


def items_of(settings: config.Settings, *, speed: bool = False) -> dict[str, Item]:
    return {item.key: item for item in checklist.look(settings, speed=speed)}


def test_a_machine_where_nothing_is_reached_is_told_line_by_line(settings: config.Settings) -> None:
    found = items_of(settings)
    assert found["plan"].state is State.GOOD
    assert found["nic.internet"].state is State.GOOD
    assert found["address4.internet"].value.vi == "127.0.0.1"
    assert found["broker"].state is State.BAD
    assert found["far_end.noc.internet"].value.vi == "127.0.0.1:1: cổng đóng, dịch vụ chưa chạy"
    assert found["speed"].state is State.SKIPPED
    assert len(items_of(settings, speed=True)) == len(found)
    assert items_of(settings, speed=True)["speed.internet"].state is State.BAD


def test_a_broken_plan_is_the_first_line_and_ends_nothing(settings: config.Settings) -> None:
    settings.plan.write_text("[task.x]\nmeter = 'sped'\n")
    found = list(checklist.look(settings, speed=True))
    assert (found[0].key, found[0].state) == ("plan", State.BAD)
    assert "sped" in found[0].value.vi
    assert {"nic.internet", "clock", "broker"} <= {item.key for item in found}


def test_a_fault_of_one_check_hides_no_other(settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> Iterator[Item]:
        raise ZeroDivisionError("seven")

    monkeypatch.setattr(clock, "look", fail)
    found = items_of(settings)
    assert found["clock"].state is State.WARNING
    assert "ZeroDivisionError: seven" in found["clock"].value.vi
    assert "broker" in found


def test_the_list_is_printed_as_it_is_found_and_ends_with_the_sum(
    settings: config.Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checklist.run(settings, speed=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("✓ đạt     Kế hoạch đo: 1 tác vụ trong ")
    assert lines[-1].startswith("Tổng kết: ")
    assert "Chưa xong" in lines[-1]
    assert any(line.startswith("          → ") for line in lines)


@pytest.mark.usefixtures("english")
def test_the_machines_form_has_stable_keys_and_the_chosen_language(
    settings: config.Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checklist.run(settings, speed=False, as_json=True) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["language"]) == (False, "en")
    by_key = {item["key"]: item for item in found["items"]}
    assert by_key["speed"] == {
        "key": "speed",
        "state": "skipped",
        "title": "Short speed test",
        "value": "as asked (--no-speed)",
    }
    assert "advice" in by_key["broker"]


def test_nothing_bad_is_a_success(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    note = Item(key="x", title=Text("x", "x"), state=State.WARNING, value=Text("y", "y"))
    module = SimpleNamespace(look=lambda _: iter([note]), TITLE=Text("x", "x"), ORDER=1)
    monkeypatch.setattr(checklist, "checks", lambda: [("x", module)])
    assert checklist.run(settings, speed=False) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Tổng kết: 1 đạt, 1 lưu ý, 0 hỏng, 0 bỏ qua. Thiết bị sẵn sàng."


def test_the_columns_stand_below_one_another_in_both_languages() -> None:
    items = [Item(key="k", title=Text("T", "T"), state=state, value=Text("v", "v")) for state in State]
    for lang in ("vi", "en"):
        assert len({line.index("T:") for line in _render.render(items, lang)}) == 1


def test_a_source_address_that_the_port_does_not_have_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "addresses", lambda _, family: ["192.0.2.9"] if family == 4 else [])
    wrong = Link(name="internet", kind=LinkKind.FIXED, interface="eth0", source="192.0.2.8")
    four, six = address.look(Scene(settings=SimpleNamespace(links={"internet": wrong}), plan=None))  # type: ignore[arg-type]
    assert (four.state, four.value.vi) == (State.BAD, "192.0.2.9; không có 192.0.2.8")
    assert six.state is State.WARNING


def test_only_the_gateway_of_its_own_family_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "addresses", lambda _, family: ["192.0.2.9"] if family == 4 else [])
    assert gateway._has(OFFICE, 4)
    assert not gateway._has(OFFICE, 6)
    assert gateway._has(Link(name="x", kind=LinkKind.FIXED, source="2001:db8::1"), 6)

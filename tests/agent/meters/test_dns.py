"""The dns meter against unbound and dnsmasq, over the line in both families, and against servers that lie."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.agent.conftest import Line, a_line, inside
from tests.agent.dns.rogue import address, reply, rogue

from doxa_agent import meters
from doxa_agent.dns import run, servers
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import dns
from doxa_agent.net.binding import Unreachable
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
ANSWERED = {
    "answered_flag", "resolved_flag", "resolve_ms", "rtt_ms", "response_bytes", "tcp_flag", "retransmits_count",
}  # fmt: skip
RESOLVED = ANSWERED | {"answers_count", "aliases_count", "ttl_min_s", "authenticated_flag"}
UNBOUND = """
server:
  interface: 0.0.0.0@5353
  interface: ::0@5353
  port: 5353
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  verbosity: 0
  module-config: "iterator"
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  access-control-view: 10.99.1.0/24 line
  access-control-view: fd99:1::/64 line
  local-zone: "." static
view:
  name: "line"
  local-zone: "." static
  local-data: "portal.xa.test. 300 IN A 203.0.113.10"
  local-data: "portal.xa.test. 60 IN A 203.0.113.11"
  local-data: "portal.xa.test. 300 IN AAAA 2001:db8::10"
  local-data: "v4only.xa.test. 300 IN A 203.0.113.10"
  local-data: "xa.test. 300 IN MX 10 mail.xa.test."
  local-zone: "no.test." refuse
{many}
"""


def options(**found: Any) -> dns.Options:
    table = Table(found, "plan.toml", "task.t.options.")
    read = dns.read_options(table)
    table.close()
    return read


def measure(
    *hosts: str, link: Link = LOOPBACK, family: int | None = None, seconds: float = 30, **found: Any
) -> list[Reading]:
    far_ends = tuple(FarEnd(name=f"f{n}", host=host) for n, host in enumerate(hosts))
    chosen = options(**{"name": "portal.xa.test", "timeout_s": 0.4, "tries": 2, **found})
    readings = dns.measure(
        Request(link=link, far_ends=far_ends, options=chosen, deadline=Deadline(seconds), family=family)
    )
    for reading in readings:
        assert set(reading.values) <= set(dns.VALUES)
    return readings


@contextmanager
def serving(*command: str) -> Iterator[None]:
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int, host: str = "127.0.0.1") -> None:
    """Until the server answers anything at all."""
    for _ in range(100):
        if measure(host, port=port, timeout_s=0.2, tries=1)[0].values.get("answered_flag"):
            return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def test_the_registry_takes_it_and_a_run_is_never_longer_than_it_says() -> None:
    assert meters.load("dns").method == "dns/1"
    chosen = options(name="xa.vn")
    assert (chosen.policy.timeout_s, chosen.policy.tries, chosen.port) == (2.0, 3, 53)
    assert dns.seconds(chosen, 1) == 2 * (5 + 2 * 2.0 * 3) + 1
    assert dns.seconds(chosen, 0) == 3 * (5 + 2 * 2.0 * 3) + 1


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({}, "name: this required key is missing; write a text that is not empty"),
        (
            {"name": "a..b"},
            "name: 'a..b' is not a domain name; write a name such as dichvucong.gov.vn, with labels of 1–63 characters and at most 253 in all",
        ),
        (
            {"name": "a", "expect": ["10.0.0.1"], "type": "MX"},
            "expect: the type MX gives no addresses; use expect with type A or AAAA only; take it out",
        ),
        (
            {"name": "a", "expect": ["10.0.0.1/8"]},
            """expect: '10.0.0.1/8' is no address or prefix; write addresses or prefixes, such as ["203.0.113.0/24"], with no bits set after the prefix""",
        ),
        ({"name": "a", "expect": ["::1"]}, "expect: '::1' cannot answer A; write IPv4 addresses"),
        ({"name": "a", "nmae": 1}, "nmae: this key does not exist; did you mean 'name'?"),
    ],
)  # fmt: skip
def test_a_bad_option_is_refused_with_its_place_and_its_cure(found: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        options(**found)
    assert error.value.text.en == f"plan.toml: task.t.options.{sentence}"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Line, Link]]:
    """unbound behind a line, with answers for the office alone."""
    folder = tmp_path_factory.mktemp("unbound")
    many = "\n".join(f'  local-data: "many.xa.test. 300 IN A 10.0.{n >> 8}.{n & 255}"' for n in range(200))
    (folder / "conf").write_text(UNBOUND.format(folder=folder, many=many))
    unbound = shutil.which("unbound") or "/usr/sbin/unbound"
    with a_line() as line, ExitStack() as stack:
        stack.enter_context(serving("ip", "netns", "exec", line.server, unbound, "-d", "-c", str(folder / "conf")))
        link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
        with inside(line.client):
            for _ in range(100):
                ready = measure(line.there4, line.there6, link=link, port=5353, timeout_s=0.1, tries=1)
                if all(reading.outcome is Outcome.OK for reading in ready):
                    break
                time.sleep(0.05)
        yield line, link


@pytest.mark.root
@pytest.mark.server
def test_a_name_is_resolved_over_the_line_in_each_family_apart(office: tuple[Line, Link]) -> None:
    line, link = office
    with inside(line.client):
        readings = measure(line.there4, line.there6, link=link, port=5353)
    for reading, family, source in zip(readings, (4, 6), (line.here4, line.here6), strict=True):
        assert (reading.outcome, reading.family, reading.reasons, reading.findings) == (Outcome.OK, family, (), ())
        assert set(reading.values) == RESOLVED
        assert (reading.values["answers_count"], reading.values["ttl_min_s"]) == (2, 60)
        assert 0 < reading.values["rtt_ms"] <= reading.values["resolve_ms"]
        assert set(reading.detail["answers"]) == {"203.0.113.10", "203.0.113.11"}
        assert reading.proof is not None
        assert (reading.proof.interface, reading.proof.source) == (line.interface, source)


@pytest.mark.root
@pytest.mark.server
@pytest.mark.parametrize(
    ("found", "outcome", "reasons"),
    [
        ({"type": "AAAA"}, Outcome.OK, ()),
        ({"name": "xa.test", "type": "MX"}, Outcome.OK, ()),
        ({"name": "v4only.xa.test", "type": "AAAA"}, Outcome.FAILED, ("no_data",)),
        ({"name": "nowhere.xa.test"}, Outcome.FAILED, ("nxdomain",)),
        ({"name": "a.no.test"}, Outcome.FAILED, ("refused",)),
        ({"transport": "tcp"}, Outcome.OK, ()),
    ],
)  # fmt: skip
def test_each_answer_of_a_real_server_is_named(
    office: tuple[Line, Link], found: dict[str, Any], outcome: Outcome, reasons: tuple[str, ...]
) -> None:
    line, link = office
    with inside(line.client):
        (reading,) = measure(line.there4, link=link, port=5353, **found)
    assert (reading.outcome, reading.reasons) == (outcome, reasons)
    assert reading.values["answered_flag"] == 1
    assert reading.values["resolved_flag"] == (outcome is Outcome.OK)
    assert reading.values["tcp_flag"] == (found.get("transport") == "tcp")


@pytest.mark.root
@pytest.mark.server
def test_an_answer_too_long_for_udp_comes_whole_over_tcp(office: tuple[Line, Link]) -> None:
    line, link = office
    with inside(line.client):
        (reading,) = measure(line.there6, link=link, port=5353, name="many.xa.test")
    assert (reading.outcome, reading.findings) == (Outcome.OK, ("answer_truncated",))
    assert (reading.values["answers_count"], reading.values["tcp_flag"]) == (200, 1)


@pytest.mark.root
def test_a_server_behind_a_dead_line_does_not_answer_and_a_cut_cable_blames_nobody(line: Line) -> None:
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    with inside(line.client):
        (silent,) = measure("10.99.2.77", link=link, port=5353, timeout_s=0.15)
        subprocess.run(["ip", "link", "set", line.interface, "down"], check=True)
        (cut,) = measure(line.there4, link=link, port=5353)
    assert silent.outcome is Outcome.FAILED
    assert silent.reasons[0] in ("no_answer", "host_unreachable")
    assert silent.values["answered_flag"] == 0
    assert (cut.outcome, cut.reasons, cut.values) == (Outcome.FAILED, ("interface_down",), {})


@pytest.mark.server
def test_dnsmasq_that_rewrites_what_does_not_exist_is_caught(tmp_path: Path) -> None:
    """One wildcard for a whole domain is what a provider's landing page looks like from here."""
    with rogue(lambda *_: []) as free:
        port = free.port
    command = [
        shutil.which("dnsmasq") or "/usr/sbin/dnsmasq", "-k", f"-p{port}", "--listen-address=127.0.0.1", "--bind-interfaces",
        "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root", "--pid-file=",
        "--address=/rewritten.test/203.0.113.99", "--host-record=portal.xa.test,203.0.113.10",
        "--local=/honest.test/", "--cname=www.xa.test,portal.xa.test",
    ]  # fmt: skip
    with serving(*command):
        wait_for(port)
        (caught,) = measure("127.0.0.1", port=port, absent_under="rewritten.test", expect=["203.0.113.0/28"])
        (honest,) = measure("127.0.0.1", port=port, absent_under="honest.test", expect=["198.51.100.7"])
        (alias,) = measure("127.0.0.1", port=port, name="www.xa.test")
    assert caught.findings == ("absent_name_rewritten", "local_resolver")
    assert (caught.values["absent_honest_flag"], caught.values["expected_flag"]) == (0, 1)
    assert caught.detail["absent_answers"] == ["203.0.113.99"]
    assert honest.findings == ("answer_unexpected", "local_resolver")
    assert (honest.values["absent_honest_flag"], honest.values["expected_flag"]) == (1, 0)
    assert (alias.values["aliases_count"], alias.values["answers_count"]) == (1, 1)


def test_the_ad_bit_is_told_as_the_servers_word() -> None:
    with rogue(lambda asked, _: [reply(asked, address(), flags=0x81A0)]) as server:
        (reading,) = measure("127.0.0.1", port=server.port)
    assert reading.values["authenticated_flag"] == 1
    assert server.asked[0][3] & 0x20, "AD is asked for"


def test_a_servfail_and_a_malformed_answer_are_failures_with_their_names() -> None:
    with rogue(lambda asked, _: [reply(asked, flags=0x8182)]) as server:
        (failing,) = measure("127.0.0.1", port=server.port)
    with rogue(lambda asked, _: [asked[:2] + b"\x81\x80" + b"\xff" * 30]) as server:
        (broken,) = measure("127.0.0.1", port=server.port, timeout_s=0.1)
    assert (failing.outcome, failing.reasons) == (Outcome.FAILED, ("servfail",))
    assert set(failing.values) == ANSWERED
    assert (broken.outcome, broken.reasons) == (Outcome.FAILED, ("malformed_answer",))
    assert broken.values == {"answered_flag": 0, "retransmits_count": 1}
    assert "malformed_answers" in broken.findings


def test_a_server_of_many_faults_takes_no_more_than_its_share() -> None:
    """Truncated answers, and a TCP side that accepts and says nothing: twice the patience, not more."""

    over = threading.Event()

    def silent(*_: object) -> list[bytes]:
        over.wait(5)
        return []

    with rogue(lambda asked, _: [reply(asked, flags=0x8380)], silent) as server:
        began = time.monotonic()
        (reading,) = measure("127.0.0.1", port=server.port, timeout_s=0.1, tries=2)
        took = time.monotonic() - began
        over.set()
    assert reading.reasons == ("truncated_then_tcp_failed", "no_answer")
    assert took < 1.2


def test_a_cancelled_run_says_nothing_about_the_server() -> None:
    with rogue(lambda *_: []) as server:
        (reading,) = measure("127.0.0.1", port=server.port, seconds=0.1, timeout_s=5.0)
    assert (reading.outcome, reading.reasons, reading.values) == (Outcome.SKIPPED, ("cut_short",), {})


def test_the_systems_resolvers_are_asked_where_no_far_end_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# none\nsearch xa.vn\nnameserver 127.0.0.1\nnameserver ::1\nnameserver 127.0.0.1\nnameserver x\n")
    assert servers.system_servers(file) == ("127.0.0.1", "::1")
    assert servers.system_servers(tmp_path / "absent") == ()
    monkeypatch.setattr(run, "system_servers", lambda: servers.system_servers(file))
    with rogue(lambda asked, _: [reply(asked, address())]) as server:
        readings = measure(port=server.port, timeout_s=0.1)
        (only,) = measure(port=server.port, family=4, link=Link(name="x", kind=LinkKind.FIXED, interface="absent0"))
    assert [(reading.far_end, reading.family) for reading in readings] == [("resolver-1", 4), ("resolver-2", 6)]
    assert only.outcome is Outcome.OK, "a resolver on this machine is not behind the line"
    monkeypatch.setattr(run, "system_servers", lambda: ())
    (none,) = measure()
    assert (none.outcome, none.reasons) == (Outcome.FAILED, ("no_server",))


def test_a_server_that_is_named_is_asked_over_both_families_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, family: int | None, *, timeout_s: float) -> tuple[int, str]:
        if family == 6:
            raise Unreachable("no_address_in_family")
        return 4, "127.0.0.1"

    monkeypatch.setattr(run, "resolve", resolve)
    with rogue(lambda asked, _: [reply(asked, address())]) as server:
        over4, over6 = measure("ns.xa.test", port=server.port)
    assert (over4.outcome, over4.family) == (Outcome.OK, 4)
    assert (over6.outcome, over6.family, over6.reasons) == (Outcome.FAILED, 6, ("no_address_in_family",))

"""The checklist against real surroundings: brokers with accounts, gateways that answer or not, far ends, a speed test."""

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.agent.conftest import Line, inside, ip, shape
from tests.agent.conftest import far_end as responder

from doxa_agent import config
from doxa_agent import plan as plans
from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist import broker, far_end, gateway, nic, ping_permission, speed
from doxa_lab.servers import Mosquitto

AGENT = """
site = "xa-thu"
agent = "pi-1"
{broker}
[link.internet]
kind = "fixed"
{link}
"""


def scene(folder: Path, *, broker: str = "", link: str = 'interface = "lo"', plan: str | None = None) -> Scene:
    (folder / "agent.toml").write_text(AGENT.format(broker=broker, link=link))
    settings = config.load(folder / "agent.toml")
    if plan is None:
        return Scene(settings=settings, plan=None)
    (folder / "plan.toml").write_text(plan)
    return Scene(settings=settings, plan=plans.load(settings))


def account(folder: Path, server: Mosquitto, password: str) -> str:
    (folder / "password").write_text(password)
    return f'[broker]\nhost = "{server.host}"\nport = {server.port}\nusername = "pi-1"\npassword_file = "password"'


@pytest.mark.server
def test_the_broker_takes_the_account_or_says_that_it_does_not(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "mosquitto", users={"pi-1": "right"}) as server:
        (good,) = broker.look(scene(tmp_path, broker=account(tmp_path, server, "right")))
        (refused,) = broker.look(scene(tmp_path, broker=account(tmp_path, server, "wrong")))
        port = server.port
        assert good.state is State.GOOD
        assert "«pi-1»" in good.value.vi
    assert (refused.state, refused.advice) == (State.BAD, broker.REACHED)
    with_nobody = f'[broker]\nhost = "127.0.0.1"\nport = {port}'
    (absent,) = broker.look(scene(tmp_path, broker=with_nobody))
    assert (absent.state, absent.advice) == (State.BAD, broker.NOT_REACHED)
    assert "wrong" not in refused.value.vi + refused.value.en


@pytest.mark.server
def test_the_check_leaves_no_word_on_the_broker_and_disturbs_no_running_agent(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """A retained status, or a session taken over, would tell the country that the agent is lost."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    heard: list[str] = []
    agent = Client(CallbackAPIVersion.VERSION2, client_id="pi-1")
    agent.on_message = lambda *found: heard.append(found[2].topic)
    agent.connect(mosquitto.host, mosquitto.port)
    agent.subscribe("#", qos=1)
    agent.loop_start()
    try:
        settings = f'[broker]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}'
        (item,) = broker.look(scene(tmp_path, broker=settings))
        assert agent.is_connected()
    finally:
        agent.disconnect()
        agent.loop_stop()
    assert item.state is State.GOOD
    assert heard == []


def gateways(line: Line, folder: Path) -> dict[str, Item]:
    with inside(line.client):
        return {item.key: item for item in gateway.look(scene(folder, link=f'interface = "{line.interface}"'))}


def shut(namespace: str, protocol: str) -> None:
    rules = f"table inet shut {{\nchain i {{\ntype filter hook input priority 0\n{protocol} drop\n}}\n}}\n"
    subprocess.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], input=rules, text=True, check=True, timeout=20)


@pytest.mark.root
def test_a_gateway_answers_or_is_there_without_answering_or_is_not_there(line: Line, tmp_path: Path) -> None:
    good = gateways(line, tmp_path)["gateway4.internet"]
    assert good.state is State.GOOD
    assert good.value.vi.startswith(f"{line.gateway4} trả lời sau ")
    shut(line.router, "icmp type echo-request")
    mute = gateways(line, tmp_path)["gateway4.internet"]
    assert (mute.state, mute.value.vi) == (State.WARNING, f"{line.gateway4} có mặt (ARP) nhưng không trả lời ping")
    ip("-n", line.router, "link", "set", "down0", "arp", "off")
    ip("-n", line.client, "neigh", "flush", "dev", line.interface)
    gone = gateways(line, tmp_path)["gateway4.internet"]
    assert (gone.state, gone.value.vi) == (State.BAD, f"{line.gateway4} không trả lời")
    assert gone.advice is not None


@pytest.mark.root
def test_a_missing_default_route_is_seen(line: Line, tmp_path: Path) -> None:
    ip("-n", line.client, "route", "del", "default")
    found = gateways(line, tmp_path)["gateway4.internet"]
    assert found.state is not State.GOOD
    assert found.advice is not None


@pytest.mark.root
def test_a_pulled_cable_is_a_bad_port(line: Line, tmp_path: Path) -> None:
    ip("-n", line.router, "link", "set", "down0", "down")
    there = scene(tmp_path, link=f'interface = "{line.interface}"')
    with inside(line.client):
        for _ in range(100):  # the kernel tells of a lost carrier up to a second later (linkwatch)
            (item,) = nic.look(there)
            if item.state is State.BAD:
                break
            time.sleep(0.05)
        else:
            pytest.fail("a pulled cable was never noticed")
    assert item.advice == nic.PLUG_IN


@pytest.mark.root
def test_the_permission_is_that_of_the_namespace(line: Line, tmp_path: Path) -> None:
    allowed = "net.ipv4.ping_group_range=0 2147483647"
    subprocess.run(["ip", "netns", "exec", line.client, "sysctl", "-qw", allowed], check=True, timeout=20)
    with inside(line.client):
        (item,) = ping_permission.look(scene(tmp_path))
    assert item.state is State.GOOD
    assert "0 2147483647" in item.value.vi


PLAN = """
[far-end.noc]
host = "{host}"
port = {port}
[far-end.echo]
host = "{host}"
[task.toc-do]
meter = "speed"
link = "internet"
every_s = 3600
far_ends = ["noc"]
[task.tre]
meter = "latency"
link = "internet"
every_s = 60
far_ends = ["echo", "noc"]
"""


@pytest.mark.root
@pytest.mark.alone
def test_a_real_far_end_answers_http_and_ping_and_a_short_speed_test_runs(line: Line, tmp_path: Path) -> None:
    shape(line, 80)
    with responder(namespace=line.server) as port, inside(line.client):
        there = scene(tmp_path, link=f'interface = "{line.interface}"', plan=PLAN.format(host=line.there4, port=port))
        ends = {item.key: item for item in far_end.look(there)}
        tests = list(speed.look(there))
        unasked = list(speed.look(replace(there, speed=False)))
    assert {key: item.state for key, item in ends.items()} == {
        "far_end.noc.internet": State.GOOD, "far_end.echo.internet": State.GOOD,
    }  # fmt: skip
    assert "HTTP" in ends["far_end.noc.internet"].value.vi
    assert "ping" in ends["far_end.echo.internet"].value.vi
    assert [(item.key, item.state) for item in tests] == [("speed.internet", State.GOOD)]
    assert [item.state for item in unasked] == [State.SKIPPED]


@pytest.mark.root
def test_a_far_end_that_is_not_there_says_which_way_it_is_missing(line: Line, tmp_path: Path) -> None:
    with inside(line.client):
        closed = scene(tmp_path, link=f'interface = "{line.interface}"', plan=PLAN.format(host=line.there4, port=9))
        found = {item.key: item for item in far_end.look(closed)}
    assert found["far_end.noc.internet"].state is State.BAD
    assert found["far_end.noc.internet"].value.vi == f"{line.there4}:9: cổng đóng, dịch vụ chưa chạy"
    assert found["far_end.echo.internet"].state is State.GOOD

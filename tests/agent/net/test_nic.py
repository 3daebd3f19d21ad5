"""The port, as /sys/class/net describes it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.conftest import Line, inside, ip

from doxa_agent.net.nic import read_nic


def make(root: Path, **files: str) -> Path:
    """A folder as the kernel shows one for `eth0`; double underscores stand for a sub-folder."""
    folder = root / "eth0"
    (folder / "statistics").mkdir(parents=True)
    (folder / "device").mkdir()
    for name, text in files.items():
        (folder / name.replace("__", "/")).write_text(text + "\n")
    return root


def test_a_gigabit_port_is_read_whole(tmp_path: Path) -> None:
    make(
        tmp_path, operstate="up", carrier="1", speed="1000", duplex="full", mtu="1500",
        statistics__rx_bytes="12", statistics__tx_bytes="34", statistics__rx_packets="5", statistics__tx_packets="6",
    )  # fmt: skip
    nic = read_nic("eth0", tmp_path)
    assert nic is not None
    assert (nic.up, nic.carrier, nic.speed_mbps, nic.duplex, nic.mtu) == (True, True, 1000, "full", 1500)
    assert (nic.rx_bytes, nic.tx_bytes, nic.rx_packets, nic.tx_packets) == (12, 34, 5, 6)
    assert not nic.is_virtual


@pytest.mark.parametrize("speed", ["-1", "4294967295", "0", "", "fast"])
def test_an_unknown_speed_is_absent_never_a_number(tmp_path: Path, speed: str) -> None:
    nic = read_nic("eth0", make(tmp_path, operstate="up", carrier="1", speed=speed, duplex="unknown"))
    assert nic is not None
    assert nic.speed_mbps is None
    assert nic.duplex is None


def test_files_that_the_kernel_will_not_read_out_are_absent(tmp_path: Path) -> None:
    nic = read_nic("eth0", make(tmp_path, operstate="down"))
    assert nic is not None
    assert (nic.up, nic.carrier, nic.speed_mbps, nic.mtu, nic.rx_bytes) == (False, None, None, None, None)


@pytest.mark.parametrize(("operstate", "carrier", "up"), [("unknown", "1", True), ("unknown", "0", False),
                                                          ("lowerlayerdown", "0", False), ("dormant", "1", False)])  # fmt: skip
def test_an_unknown_state_is_up_only_with_a_carrier(tmp_path: Path, operstate: str, carrier: str, up: bool) -> None:
    nic = read_nic("eth0", make(tmp_path, operstate=operstate, carrier=carrier))
    assert nic is not None
    assert nic.up is up


@pytest.mark.parametrize("name", ["", ".", "..", "../eth0", "eth1", "a" * 16])
def test_what_is_no_interface_is_none(tmp_path: Path, name: str) -> None:
    assert read_nic(name, make(tmp_path, operstate="up")) is None


@given(st.text(max_size=20))
def test_any_name_is_answered(name: str) -> None:
    nic = read_nic(name.replace("\0", ""))
    assert nic is None or nic.name == name.replace("\0", "")


def test_loopback_is_there_and_virtual() -> None:
    nic = read_nic("lo")
    assert nic is not None
    assert nic.is_virtual
    assert nic.rx_bytes is not None


@pytest.mark.root
def test_a_sysfs_of_another_namespace_is_not_believed(line: Line) -> None:
    """setns(2) changes the namespace, not the mounted /sys: there `lo` may be another one, and `line0` is missing."""
    with inside(line.client):
        nic = read_nic(line.interface)
        assert nic is not None
        assert (nic.up, nic.carrier, nic.rx_bytes, nic.speed_mbps) == (True, True, None, None)
        ip("-n", line.client, "link", "set", line.interface, "down")
        down = read_nic(line.interface)
        assert down is not None
        assert (down.up, down.carrier) == (False, None)
        assert read_nic("line9") is None

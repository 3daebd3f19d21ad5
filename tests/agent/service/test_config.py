"""agent.toml: what is right is read, what is wrong is one exact sentence in both languages."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent import config
from doxa_agent.config import Secret
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind

HEAD = 'site = "s1"\nagent = "a1"\n'
LINK = '[link.internet]\nkind = "fixed"\ninterface = "eth0"\n'
GOOD = HEAD + LINK


def load(tmp_path: Path, text: str) -> config.Settings:
    file = tmp_path / "agent.toml"
    file.write_text(text, encoding="utf-8")
    (tmp_path / "word").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "pem").write_text("x", encoding="utf-8")
    return config.load(file)


def test_the_smallest_file_gets_every_default(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD)
    assert (found.site, found.agent, found.plan) == ("s1", "a1", tmp_path / "plan.toml")
    assert (found.broker.port, found.broker.protocol, found.broker.tls) == (1883, "5", False)
    assert (found.uplink.batch_lines, found.uplink.batch_bytes) == (200, 128 * 1024)
    assert (found.uplink.reconnect_min_s, found.uplink.reconnect_max_s) == (1, 300)
    assert found.links["internet"].kind is LinkKind.FIXED
    assert not found.is_dual_homed


def test_files_are_found_beside_the_configuration_and_tls_follows_from_them(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD + '[broker]\nca_file = "pem"\nusername = "a1"\npassword_file = "word"\n')
    assert found.broker.tls
    assert found.broker.port == 8883
    assert found.broker.ca_file == tmp_path / "pem"
    assert found.broker.password is not None
    assert found.broker.password.reveal() == "s3cret"


def test_a_name_without_a_folder_is_found_among_the_credentials_of_systemd_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GOOD + '[broker]\nusername = "a1"\npassword_file = "word"\n'
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert load(tmp_path, text).broker.password == Secret("s3cret")
    (credentials / "word").write_text("of systemd\n")
    assert load(tmp_path, text).broker.password == Secret("of systemd")
    assert load(tmp_path, text.replace('"word"', '"./word"')).broker.password == Secret("of systemd")
    assert load(tmp_path, text.replace('"word"', f'"{tmp_path}/word"')).broker.password == Secret("s3cret")


def test_a_unix_socket_stands_alone(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD + '[broker]\nsocket = "/run/mqtt.sock"\n')
    assert found.broker.place == "/run/mqtt.sock"


def test_two_legs_are_allowed_when_switched_on(tmp_path: Path) -> None:
    legs = LINK + '[link.wan]\nkind = "tslcd"\ninterface = "eth1"\n'
    assert load(tmp_path, "dual_homed = true\n" + HEAD + legs).is_dual_homed


def test_links_may_share_an_interface_when_both_say_so(tmp_path: Path) -> None:
    shared = LINK + "shared_interface = true\n"
    again = shared.replace("internet", "second")
    assert set(load(tmp_path, HEAD + shared + again).links) == {"internet", "second"}


@given(word=st.text(min_size=1))
def test_a_secret_never_shows_itself(word: str) -> None:
    secret = Secret(f"tell-{word}-nobody")
    assert repr(secret) == str(secret) == f"{secret}" == "Secret(***)"
    assert f"tell-{word}-nobody" not in repr({"password": secret})


def test_the_password_is_not_in_the_repr_of_the_settings(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD + '[broker]\nusername = "a1"\npassword_file = "word"\n')
    assert "s3cret" not in repr(found)


BAD: dict[str, tuple[str, str, str]] = {
    "not toml": (
        "site =",
        "agent.toml: không đúng cú pháp TOML (Invalid value (at end of document)); hãy sửa tại vị trí đó",
        "agent.toml: it is not valid TOML (Invalid value (at end of document)); mend it at that place",
    ),
    "no site": (
        'agent = "a1"\n' + LINK,
        "agent.toml: site: thiếu khóa bắt buộc này; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
        "agent.toml: site: this required key is missing; write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang",
    ),
    "site with spaces": (
        'site = "Xã Đồng Đăng"\nagent = "a1"\n' + LINK,
        "agent.toml: site: giá trị 'Xã Đồng Đăng' không hợp lệ; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
        "agent.toml: site: the value 'Xã Đồng Đăng' is not valid; write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang",
    ),
    "unknown key": (
        HEAD + "agnet = 1\n" + LINK,
        "agent.toml: agnet: khóa này không tồn tại; có phải ý bạn là «agent»?",
        "agent.toml: agnet: this key does not exist; did you mean 'agent'?",
    ),
    "unknown table": (
        GOOD + "[borker]\nhost = 'x'\n",
        "agent.toml: borker: khóa này không tồn tại; có phải ý bạn là «broker»?",
        "agent.toml: borker: this key does not exist; did you mean 'broker'?",
    ),
    "unknown broker key": (
        GOOD + "[broker]\nhots = 'x'\n",
        "agent.toml: broker.hots: khóa này không tồn tại; có phải ý bạn là «host»?",
        "agent.toml: broker.hots: this key does not exist; did you mean 'host'?",
    ),
    "password in the file": (
        GOOD + "[broker]\nusername = 'a1'\npassword = 's3cret'\npassword_file = 'word'\n",
        "agent.toml: broker.password: khóa này không tồn tại; có phải ý bạn là «password_file»?",
        "agent.toml: broker.password: this key does not exist; did you mean 'password_file'?",
    ),
    "port": (
        GOOD + "[broker]\nport = 70000\n",
        "agent.toml: broker.port: giá trị 70000 không hợp lệ; hãy ghi một số nguyên từ 1 đến 65535",
        "agent.toml: broker.port: the value 70000 is not valid; write a whole number from 1 to 65535",
    ),
    "port as text": (
        GOOD + "[broker]\nport = '1883'\n",
        "agent.toml: broker.port: giá trị '1883' không hợp lệ; hãy ghi một số nguyên từ 1 đến 65535",
        "agent.toml: broker.port: the value '1883' is not valid; write a whole number from 1 to 65535",
    ),
    "protocol": (
        GOOD + "[broker]\nprotocol = '3.1'\n",
        "agent.toml: broker.protocol: giá trị '3.1' không hợp lệ; hãy ghi một trong: 5, 3.1.1",
        "agent.toml: broker.protocol: the value '3.1' is not valid; write one of: 5, 3.1.1",
    ),
    "socket and host": (
        GOOD + "[broker]\nsocket = '/s'\nhost = 'x'\n",
        "agent.toml: broker.host: không dùng cùng lúc với broker.socket (MQTT qua unix socket); hãy giữ socket hoặc bỏ host",
        "agent.toml: broker.host: it cannot stand beside broker.socket (MQTT over a unix socket); keep socket, or remove host",
    ),
    "socket and tls": (
        GOOD + "[broker]\nsocket = '/s'\ntls = true\n",
        "agent.toml: broker.tls: không dùng cùng lúc với broker.socket (MQTT qua unix socket); hãy giữ socket hoặc bỏ tls",
        "agent.toml: broker.tls: it cannot stand beside broker.socket (MQTT over a unix socket); keep socket, or remove tls",
    ),
    "tls file missing": (
        GOOD + "[broker]\nca_file = '/nowhere/ca.pem'\n",
        "agent.toml: broker.ca_file: không đọc được tệp /nowhere/ca.pem; hãy kiểm tra đường dẫn và quyền đọc của tài khoản chạy doxa",
        "agent.toml: broker.ca_file: the file /nowhere/ca.pem cannot be read; check the path and that the account which runs doxa may read it",
    ),
    "tls file without tls": (
        GOOD + "[broker]\ntls = false\nca_file = 'pem'\n",
        "agent.toml: broker.ca_file: tệp TLS được ghi nhưng tls = false; hãy giữ tls = true hoặc bỏ ca_file",
        "agent.toml: broker.ca_file: a TLS file is given but tls = false; keep tls = true, or remove ca_file",
    ),
    "certificate without key": (
        GOOD + "[broker]\ncert_file = 'pem'\n",
        "agent.toml: broker.key_file: thiếu khóa này trong khi có cert_file; hãy ghi thêm key_file",
        "agent.toml: broker.key_file: this key is missing while cert_file is given; add key_file",
    ),
    "key without certificate": (
        GOOD + "[broker]\nkey_file = 'pem'\n",
        "agent.toml: broker.cert_file: thiếu khóa này trong khi có key_file; hãy ghi thêm cert_file",
        "agent.toml: broker.cert_file: this key is missing while key_file is given; add cert_file",
    ),
    "user without password": (
        GOOD + "[broker]\nusername = 'a1'\n",
        "agent.toml: broker.password_file: thiếu khóa này trong khi có username; hãy ghi thêm password_file",
        "agent.toml: broker.password_file: this key is missing while username is given; add password_file",
    ),
    "password without user": (
        GOOD + "[broker]\npassword_file = 'word'\n",
        "agent.toml: broker.username: thiếu khóa này trong khi có password_file; hãy ghi thêm username",
        "agent.toml: broker.username: this key is missing while password_file is given; add username",
    ),
    "password file missing": (
        GOOD + "[broker]\nusername = 'a1'\npassword_file = '/nowhere/word'\n",
        "agent.toml: broker.password_file: không đọc được tệp /nowhere/word; hãy kiểm tra đường dẫn và quyền đọc của tài khoản chạy doxa",
        "agent.toml: broker.password_file: the file /nowhere/word cannot be read; check the path and that the account which runs doxa may read it",
    ),
    "spool too small": (
        GOOD + "[spool]\nmax_rows = 5\n",
        "agent.toml: spool.max_rows: giá trị 5 không hợp lệ; hãy ghi một số nguyên từ 100 đến 100000000",
        "agent.toml: spool.max_rows: the value 5 is not valid; write a whole number from 100 to 100000000",
    ),
    "batch too large for the contract": (
        GOOD + "[uplink]\nbatch_lines = 501\n",
        "agent.toml: uplink.batch_lines: giá trị 501 không hợp lệ; hãy ghi một số nguyên từ 1 đến 500",
        "agent.toml: uplink.batch_lines: the value 501 is not valid; write a whole number from 1 to 500",
    ),
    "shortest above longest": (
        GOOD + "[uplink]\nreconnect_min_s = 400\n",
        "agent.toml: uplink.reconnect_min_s: lớn hơn reconnect_max_s; hãy giảm khóa này hoặc tăng khóa kia",
        "agent.toml: uplink.reconnect_min_s: it is larger than reconnect_max_s; lower this one or raise the other",
    ),
    "resend below timeout": (
        GOOD + "[uplink]\nresend_max_s = 3\n",
        "agent.toml: uplink.ack_timeout_s: lớn hơn resend_max_s; hãy giảm khóa này hoặc tăng khóa kia",
        "agent.toml: uplink.ack_timeout_s: it is larger than resend_max_s; lower this one or raise the other",
    ),
    "not a number": (
        GOOD + "[uplink]\nreplay_per_s = nan\n",
        "agent.toml: uplink.replay_per_s: giá trị nan không hợp lệ; hãy ghi một số từ 0.1 đến 100000",
        "agent.toml: uplink.replay_per_s: the value nan is not valid; write a number from 0.1 to 100000",
    ),
    "no link": (
        HEAD,
        'agent.toml: link: chưa có đường truyền nào; hãy thêm ít nhất một bảng, ví dụ [link.internet] với kind = "fixed" và interface = "eth0"',
        'agent.toml: link: there is no link; add at least one table, such as [link.internet] with kind = "fixed" and interface = "eth0"',
    ),
    "kind of link": (
        HEAD + '[link.internet]\nkind = "dsl"\n',
        "agent.toml: link.internet.kind: giá trị 'dsl' không hợp lệ; hãy ghi một trong: fixed, mobile, tslcd",
        "agent.toml: link.internet.kind: the value 'dsl' is not valid; write one of: fixed, mobile, tslcd",
    ),
    "name of link": (
        HEAD + '[link.Internet_1]\nkind = "fixed"\n',
        "agent.toml: link.Internet_1: tên không hợp lệ; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
        "agent.toml: link.Internet_1: the name is not valid; write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang",
    ),
    "interface": (
        HEAD + '[link.internet]\nkind = "fixed"\ninterface = "this is not one"\n',
        "agent.toml: link.internet.interface: giá trị 'this is not one' không hợp lệ; hãy ghi tên một giao diện mạng, ví dụ eth0",
        "agent.toml: link.internet.interface: the value 'this is not one' is not valid; write the name of a network interface, such as eth0",
    ),
    "source": (
        HEAD + '[link.internet]\nkind = "fixed"\nsource = "10.0.0.300"\n',
        "agent.toml: link.internet.source: «10.0.0.300» không phải địa chỉ IP; hãy ghi địa chỉ IPv4 hoặc IPv6 của chính máy này",
        "agent.toml: link.internet.source: '10.0.0.300' is not an IP address; write an IPv4 or IPv6 address of this machine",
    ),
    "same interface twice": (
        GOOD + '[link.second]\nkind = "mobile"\ninterface = "eth0"\n',
        "agent.toml: link.second.interface: trùng lối ra với đường truyền «internet», nên kết quả của hai đường không phân biệt được; hãy ghi interface hoặc source riêng, hoặc shared_interface = true ở cả hai nếu thật sự muốn",
        "agent.toml: link.second.interface: it leaves the same way as the link 'internet', so the results of the two could not be told apart; give it an interface or source of its own, or write shared_interface = true in both if that is meant",
    ),
    "contract in the wrong file": (
        GOOD + "contracted_down_mbps = 100\n",
        "agent.toml: link.internet.contracted_down_mbps: khóa này không tồn tại; các khóa được dùng: interface, kind, monthly_gb, pppoe, shared_interface, source, vlan",
        "agent.toml: link.internet.contracted_down_mbps: this key does not exist; the keys known here: interface, kind, monthly_gb, pppoe, shared_interface, source, vlan",
    ),
    "a bridge not switched on": (
        GOOD + '[link.wan]\nkind = "tslcd"\ninterface = "eth1"\n',
        "agent.toml: dual_homed: thiết bị này nối vừa TSLCD vừa mạng khác, có thể thành cầu nối giữa hai mạng; nếu đã được phép, hãy ghi dual_homed = true; nếu không, hãy dùng mỗi mạng một thiết bị",
        "agent.toml: dual_homed: this probe joins TSLCD and another network and could become a bridge between them; if that is permitted, write dual_homed = true; otherwise use one probe for each network",
    ),
    "dual_homed as text": (
        'dual_homed = "yes"\n' + GOOD,
        "agent.toml: dual_homed: giá trị 'yes' không hợp lệ; hãy ghi true hoặc false",
        "agent.toml: dual_homed: the value 'yes' is not valid; write true or false",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_exact_sentence(name: str, tmp_path: Path) -> None:
    text, vi, en = BAD[name]
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert caught.value.text.vi.replace(f"{tmp_path}/", "") == vi
    assert caught.value.text.en.replace(f"{tmp_path}/", "") == en
    assert caught.value.exit_code == 2


def test_an_empty_password_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD + "[broker]\nusername = 'a1'\npassword_file = 'empty'\n")
    assert caught.value.text.en.endswith("/empty is empty; write the password on one line")


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        config.load(tmp_path / "none.toml")
    assert "none.toml: it cannot be read (No such file or directory)" in caught.value.text.en


SCALARS: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


@given(
    section=st.sampled_from(["broker", "spool", "uplink", "runner"]),
    key=st.sampled_from(
        ["port", "host", "tls", "socket", "max_mb", "path", "batch_kib", "in_flight", "status_s", "heavy_lock"]
    ),
    value=SCALARS,
)
def test_no_value_of_any_key_ends_in_another_error(
    section: str, key: str, value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever stands in a file, it is either read or refused with a sentence."""
    shown = (
        {True: "true", False: "false", None: '""'}.get(value, repr(value))
        if not isinstance(value, str)
        else repr(value)
    )
    try:
        load(tmp_path_factory.mktemp("c"), GOOD + f"[{section}]\n{key} = {shown}\n")
    except InputError as error:
        assert "agent.toml" in error.text.vi

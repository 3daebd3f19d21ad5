"""collector.toml: every key is read or refused; the table of bad files says exactly what a person is told."""

from pathlib import Path

import pytest

from doxa_collector import sinks
from doxa_collector.config import Assess, Broker, Intake, is_loopback, read_settings
from doxa_core.errors import InputError

BROKER = 'host = "127.0.0.1"'
LEDGER = 'path = "ledger.db"'
BAD = [
    ("+", "[brokr]\nx=1",
     "brokr: khóa này không tồn tại; có phải ý bạn là «broker»?",
     "brokr: this key does not exist; did you mean 'broker'?"),
    ("whole", '[ledger]\npath = "ledger.db"\n[registry]\nfile = "sites.toml"',
     "broker: thiếu khóa bắt buộc này; hãy ghi một bảng [broker]",
     "broker: this required key is missing; write a table [broker]"),
    ("whole", "broker = [",
     "không đúng cú pháp TOML (Invalid value (at end of document)); hãy sửa tại vị trí đó",
     "it is not valid TOML (Invalid value (at end of document)); mend it at that place"),
    ("whole", '[broker]\n\n[ledger]\npath = "ledger.db"\n[registry]\nfile = "sites.toml"',
     "broker.host: thiếu khóa bắt buộc này; hãy ghi một chuỗi không rỗng",
     "broker.host: this required key is missing; write a text that is not empty"),
    ("broker", "prot = 1",
     "broker.prot: khóa này không tồn tại; có phải ý bạn là «port»?",
     "broker.prot: this key does not exist; did you mean 'port'?"),
    ("broker", "port = 70000",
     "broker.port: giá trị 70000 không hợp lệ; hãy ghi một số nguyên từ 1 đến 65535",
     "broker.port: the value 70000 is not valid; write a whole number from 1 to 65535"),
    ("broker", 'port = "1883"',
     "broker.port: giá trị '1883' không hợp lệ; hãy ghi một số nguyên từ 1 đến 65535",
     "broker.port: the value '1883' is not valid; write a whole number from 1 to 65535"),
    ("broker", 'socket = "/run/m.sock"',
     "broker.host: mâu thuẫn với «socket»; hãy bỏ một trong hai",
     "broker.host: it contradicts 'socket'; remove one of the two"),
    ("broker", 'username = "c"',
     "broker.username: thiếu «password_file» đi cùng; hãy ghi thêm password_file",
     "broker.username: 'password_file' must stand beside it; write password_file too"),
    ("broker", 'username = "c"\npassword_file = "none"',
     "broker.password_file: không có tệp none; hãy kiểm tra đường dẫn",
     "broker.password_file: there is no file none; check the path"),
    ("broker", 'username = "c"\npassword = "hush"',
     "broker.password: khóa này không tồn tại; có phải ý bạn là «password_file»?",
     "broker.password: this key does not exist; did you mean 'password_file'?"),
    ("broker", 'ca_file = "ca.crt"',
     "broker.ca_file: khóa này chỉ có nghĩa khi tls = true; hãy ghi tls = true hoặc bỏ khóa này",
     "broker.ca_file: this key means nothing without tls = true; write tls = true or remove this key"),
    ("broker", 'tls = true\ncert_file = "collector.toml"',
     "broker.cert_file: thiếu «key_file» đi cùng; hãy ghi thêm key_file",
     "broker.cert_file: 'key_file' must stand beside it; write key_file too"),
    ("broker", 'protocol = "3.1"',
     "broker.protocol: giá trị '3.1' không hợp lệ; hãy ghi một trong: 5, 3.1.1",
     "broker.protocol: the value '3.1' is not valid; write one of: 5, 3.1.1"),
    ("broker", "shards = [0, 64]",
     "broker.shards: giá trị [0, 64] không hợp lệ; hãy ghi một danh sách số nguyên khác nhau từ 0 đến 63, ví dụ [0, 1]",
     "broker.shards: the value [0, 64] is not valid; write a list of different whole numbers from 0 to 63, such as [0, 1]"),
    ("broker", "shards = [1, 1]",
     "broker.shards: giá trị [1, 1] không hợp lệ; hãy ghi một danh sách số nguyên khác nhau từ 0 đến 63, ví dụ [0, 1]",
     "broker.shards: the value [1, 1] is not valid; write a list of different whole numbers from 0 to 63, such as [0, 1]"),
    ("broker", 'share = "a/b"',
     "broker.share: giá trị 'a/b' không hợp lệ; hãy ghi tên nhóm gồm chữ không dấu, số, gạch nối, ví dụ collectors",
     "broker.share: the value 'a/b' is not valid; write a group name of ASCII letters, digits and hyphens, such as collectors"),
    ("ledger", 'path = "ledger.db"\nurl = "sqlite:///x.db"',
     "ledger.path: mâu thuẫn với «url»; hãy bỏ một trong hai",
     "ledger.path: it contradicts 'url'; remove one of the two"),
    ("ledger", 'url = "postgresql://x/y"',
     "ledger.url: giá trị 'postgresql://x/y' không hợp lệ; hãy ghi sqlite:///đường/dẫn/ledger.db (bản này giữ sổ cái trong SQLite)",
     "ledger.url: the value 'postgresql://x/y' is not valid; write sqlite:///path/ledger.db (this release keeps its ledger in SQLite)"),
    ("ledger", "",
     "ledger.path: thiếu khóa bắt buộc này; hãy ghi một chuỗi không rỗng",
     "ledger.path: this required key is missing; write a text that is not empty"),
    ("+", '[plans]\nfolder = "none"',
     "plans.folder: không có thư mục none; hãy kiểm tra đường dẫn",
     "plans.folder: there is no folder none; check the path"),
    ("+", '[web]\nlisten = "0.0.0.0:8800"',
     "web.listen: địa chỉ 0.0.0.0 mở trang ra ngoài máy này mà chưa có mã truy cập; hãy ghi web.token_file, hoặc chỉ nghe trên 127.0.0.1",
     "web.listen: the address 0.0.0.0 opens the page beyond this machine without an access token; write web.token_file, or listen on 127.0.0.1 only"),
    ("+", '[web]\nlisten = "8800"',
     "web.listen: giá trị '8800' không hợp lệ; hãy ghi địa chỉ:cổng, ví dụ 127.0.0.1:8800 hoặc [::1]:8800",
     "web.listen: the value '8800' is not valid; write address:port, such as 127.0.0.1:8800 or [::1]:8800"),
    ("+", '[web]\nlisten = "127.0.0.1:99999"',
     "web.listen: cổng 99999 không hợp lệ; hãy ghi địa chỉ:cổng, ví dụ 127.0.0.1:8800 hoặc [::1]:8800",
     "web.listen: the port 99999 is not valid; write address:port, such as 127.0.0.1:8800 or [::1]:8800"),
    ("+", '[web]\ntoken_file = "token"',
     "web.token_file: không có tệp token; hãy kiểm tra đường dẫn",
     "web.token_file: there is no file token; check the path"),
    ("+", "[assess]\nmin_samples = 0",
     "assess.min_samples: giá trị 0 không hợp lệ; hãy ghi một số nguyên từ 1 đến 100000",
     "assess.min_samples: the value 0 is not valid; write a whole number from 1 to 100000"),
    ("+", "[assess]\nmin_days = 29",
     "assess.min_days: giá trị 29 không hợp lệ; hãy ghi một số nguyên từ 1 đến 28",
     "assess.min_days: the value 29 is not valid; write a whole number from 1 to 28"),
    ("+", "[assess]\nconfidence = 1.0",
     "assess.confidence: giá trị 1.0 không hợp lệ; hãy ghi một số từ 0.6 đến 0.9999",
     "assess.confidence: the value 1.0 is not valid; write a number from 0.6 to 0.9999"),
    ("+", '[assess]\ndecide_by = "feeling"',
     "assess.decide_by: giá trị 'feeling' không hợp lệ; hãy ghi một trong: bounds, estimate",
     "assess.decide_by: the value 'feeling' is not valid; write one of: bounds, estimate"),
    ("+", '[assess]\nperiod = "week"',
     "assess.period: giá trị 'week' không hợp lệ; hãy ghi một trong: month",
     "assess.period: the value 'week' is not valid; write one of: month"),
    ("+", "[intake]\nwindow_ms = nan",
     "intake.window_ms: giá trị nan không hợp lệ; hãy ghi một số từ 0 đến 1000",
     "intake.window_ms: the value nan is not valid; write a number from 0 to 1000"),
    ("+", '[sink.a]\nkind = "influxdb"\nurl = "http://x"',
     "sink.a.kind: giá trị 'influxdb' không hợp lệ; hãy ghi một trong: {kinds}",
     "sink.a.kind: the value 'influxdb' is not valid; write one of: {kinds}"),
    ("+", '[sink.A_b]\nkind = "influx"',
     "sink.A_b: tên không hợp lệ; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
     "sink.A_b: the name is not valid; write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang"),
    ("+", '[sink.a]\nkind = "influx"\nurl = "http://user:hush@x"',
     "sink.a.url: địa chỉ không hợp lệ; hãy ghi địa chỉ http hoặc https không kèm mật khẩu, ví dụ http://127.0.0.1:8428",
     "sink.a.url: the address is not valid; write an http or https address without a password, such as http://127.0.0.1:8428"),
    ("+", '[sink.a]\nkind = "influx"\nurl = "http://x"\ntags = ["site", "agent"]',
     "sink.a.tags: nhãn «agent» không được phép; hãy chọn trong: province, place, site, link, kind, provider, task, far_end, family, outcome",
     "sink.a.tags: the tag 'agent' is not allowed; choose from: province, place, site, link, kind, provider, task, far_end, family, outcome"),
    ("+", '[sink.a]\nkind = "influx"\nurl = "http://x"\nbatch_rows = 0',
     "sink.a.batch_rows: giá trị 0 không hợp lệ; hãy ghi một số nguyên từ 1 đến 10000",
     "sink.a.batch_rows: the value 0 is not valid; write a whole number from 1 to 10000"),
    ("+", '[sink.a]\nkind = "influx"\nurl = "http://x"\nprecision = "us"',
     "sink.a.precision: khóa này không tồn tại; các khóa được dùng: audience, batch_rows, bucket, ca_file, gzip, kind, margin_s, org, retention, tags, texts, timeout_s, token_file, url",
     "sink.a.precision: this key does not exist; the keys known here: audience, batch_rows, bucket, ca_file, gzip, kind, margin_s, org, retention, tags, texts, timeout_s, token_file, url"),
    ("+", '[sink.a]\nkind = "influx"\nurl = "http://x"\ntoken_file = "none"',
     "sink.a.token_file: không có tệp none; hãy kiểm tra đường dẫn",
     "sink.a.token_file: there is no file none; check the path"),
    ("+", '[sink.a]\nkind = "influx"\nurl = "http://x"\ntoken = "hush"',
     "sink.a.token: khóa này không tồn tại; có phải ý bạn là «token_file»?",
     "sink.a.token: this key does not exist; did you mean 'token_file'?"),
    ("+", '[sink.a]\nkind = "influx"\nurl = "http://x"\ngzip = 1',
     "sink.a.gzip: giá trị 1 không hợp lệ; hãy ghi true hoặc false",
     "sink.a.gzip: the value 1 is not valid; write true or false"),
    ("+", "[assess]\nevery = 60",
     "assess.every: khóa này không tồn tại; có phải ý bạn là «every_s»?",
     "assess.every: this key does not exist; did you mean 'every_s'?"),
]  # fmt: skip
"""Where the text goes, the text, and the two sentences after the file's name."""


def write(folder: Path, where: str, text: str) -> Path:
    file = folder / "collector.toml"
    broker = f"{BROKER}\n{text}" if where == "broker" else BROKER
    ledger = text if where == "ledger" else LEDGER
    whole = f'[broker]\n{broker}\n[ledger]\n{ledger}\n[registry]\nfile = "sites.toml"\n'
    file.write_text(text if where == "whole" else whole + (text if where == "+" else ""), encoding="utf-8")
    return file


@pytest.mark.parametrize(("where", "text", "vi", "en"), BAD, ids=[row[1].replace("\n", " ") for row in BAD])
def test_a_bad_file_is_answered_with_where_what_and_how_to_mend(
    tmp_path: Path, where: str, text: str, vi: str, en: str
) -> None:
    file = write(tmp_path, where, text)
    with pytest.raises(InputError) as found:
        read_settings(file)
    said = found.value.text
    kinds = ", ".join(sinks.kinds())
    assert said.vi.replace(f"{tmp_path}/", "") == f"collector.toml: {vi}".replace("{kinds}", kinds)
    assert said.en.replace(f"{tmp_path}/", "") == f"collector.toml: {en}".replace("{kinds}", kinds)


def test_no_sentence_shows_a_password() -> None:
    secret = [vi + en for _, text, vi, en in BAD if "hush" in text]
    assert len(secret) >= 3
    assert not any("hush" in said for said in secret)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as found:
        read_settings(tmp_path / "none.toml")
    assert found.value.text.en == (
        f"{tmp_path}/none.toml: it cannot be read (No such file or directory); check the path and the permission to read"
    )


def test_the_shortest_file_gets_the_defaults(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, "+", ""))
    assert settings.broker == Broker()
    assert (settings.ledger, settings.registry) == (tmp_path / "ledger.db", tmp_path / "sites.toml")
    assert (settings.plans, settings.intake, settings.assess, settings.sinks) == (None, Intake(), Assess(), ())
    assert settings.web is not None
    assert (settings.web.host, settings.web.port, settings.web.token_file) == ("127.0.0.1", 8800, None)


def test_a_full_file_is_read(tmp_path: Path) -> None:
    for name in ("password", "ca.crt", "c.crt", "c.key", "token", "influx-token"):
        (tmp_path / name).write_text("x")
    (tmp_path / "plans").mkdir()
    file = tmp_path / "collector.toml"
    file.write_text(
        """
[broker]
host = "broker.example"
username = "collector"
password_file = "password"
tls = true
ca_file = "ca.crt"
cert_file = "c.crt"
key_file = "c.key"
protocol = "3.1.1"
keepalive_s = 20
client_id = "collector-1"
shards = [3, 1]
share = "collectors"
[ledger]
url = "sqlite:///var/ledger.db"
[registry]
file = "/etc/doxa/sites.toml"
[plans]
folder = "plans"
[web]
listen = "[::]:8800"
token_file = "token"
reveal_tslcd = true
allowed_hosts = ["doxa.example"]
[intake]
batch_messages = 10
window_ms = 2
[assess]
every_s = 5
min_samples = 3
min_days = 2
confidence = 0.95
decide_by = "estimate"
recent_days = 0.5
[sink.grafana]
kind = "influx"
url = "https://influx.example/base/"
bucket = "b"
org = "o"
token_file = "influx-token"
tags = ["site", "link"]
timeout_s = 3
gzip = false
batch_rows = 10
margin_s = 5
[sink.second]
kind = "influx"
url = "http://127.0.0.1:8428"
"""
    )
    settings = read_settings(file)
    assert settings.broker.port == 8883
    assert settings.broker.shards == (1, 3)
    assert settings.broker.key_file == tmp_path / "c.key"
    assert settings.ledger == tmp_path / "var/ledger.db"
    assert settings.registry == Path("/etc/doxa/sites.toml")
    assert settings.web is not None
    assert (settings.web.host, settings.web.page.allowed_hosts) == ("::", ("doxa.example",))
    assert (settings.assess.every_s, settings.assess.rules.min_samples, settings.assess.rules.recent_days) == (
        5,
        3,
        0.5,
    )
    rules = settings.assess.rules
    assert (rules.min_days, rules.confidence, rules.decide_by) == (2, 0.95, "estimate")
    assert [(s.name, s.options.url, s.margin_s) for s in settings.sinks] == [
        ("grafana", "https://influx.example/base", 5),
        ("second", "http://127.0.0.1:8428", 60),
    ]
    assert settings.sinks[0].options.tags == ("site", "link")


def test_the_page_can_be_left_out(tmp_path: Path) -> None:
    assert read_settings(write(tmp_path, "+", "[web]\nenabled = false\n")).web is None


@pytest.mark.parametrize(
    ("host", "inside"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.0.2.1", False), ("example.com", False)],
)  # fmt: skip
def test_only_loopback_is_inside(host: str, inside: bool) -> None:
    assert is_loopback(host) is inside

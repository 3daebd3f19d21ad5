"""`doxa accept` as a technician and the NOC use it; a stand-in takes the place of the test on the line."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.collector.accept.conftest import GOLDEN, MARK, NAMES, document, evidence, limited, passed, refused

from doxa_collector.accept import running
from doxa_collector.accept.cli import main
from doxa_core.errors import InputError, OperationError

Place = Callable[[Path | None, int], Path]
BUNDLE = f"bang-chung-nghiem-thu_{MARK}.jsonl"


def papers(out: Path) -> list[str]:
    return sorted(file.name for file in out.iterdir())


def write(file: Path, found: dict[str, Any]) -> Path:
    file.write_bytes(document(found))
    return file


def test_the_test_is_run_for_the_contract_of_today_and_its_outcome_is_the_exit_code(
    registry: Path, result: Path, agent_file: Path, stand_in: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, out = stand_in(result, 1), tmp_path / "out"
    words = ["--registry", str(registry), "--agent", str(agent_file), "--out", str(out), "--format", "json,csv"]
    assert main([*NAMES, *words, "--yes", "--max-rtt", "50", "--far-end", "here"]) == 1
    asked = json.loads(log.read_bytes())
    assert asked[:9] == ["internet", "--config", str(agent_file), "--down", "100", "--up", "100", "--layer", "ip"]
    assert asked[9:12] == ["--far-end=here", "--max-rtt=50", "--yes"]
    assert papers(out) == [BUNDLE, f"bien-ban-nghiem-thu_{MARK}.csv", f"bien-ban-nghiem-thu_{MARK}.json"]
    sha256 = hashlib.sha256((out / BUNDLE).read_bytes()).hexdigest()
    paper = json.loads((out / f"bien-ban-nghiem-thu_{MARK}.json").read_bytes())["data"]
    assert paper["bundle"] == {"name": BUNDLE, "sha256": sha256}
    assert (paper["provider"], paper["contract"], paper["place"]) == (
        "VNPT Lạng Sơn", "245/2026/HĐ-VNPT", "xã Đồng Đăng, tỉnh Lạng Sơn",
    )  # fmt: skip
    said = capsys.readouterr().out
    assert said.endswith("KẾT LUẬN: KHÔNG ĐẠT\n")
    assert sha256[:8] in said


@pytest.mark.parametrize("form", ["docx", "pdf", "xlsx", "csv", "json"])
def test_the_paper_can_be_made_again_from_the_bundle_with_the_same_bytes(
    form: str, registry: Path, result: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert main([*NAMES, "--from", str(result), "--registry", str(registry), "--out", str(one), "--format", form]) == 0
    registry.unlink()  # what the contract was stands in the bundle
    assert main(["--from", str(one / BUNDLE), "--out", str(two), "--format", form]) == 0
    name = f"bien-ban-nghiem-thu_{MARK}.{form}"
    assert papers(two) == [name]
    assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_result_that_a_probe_sent_gets_the_contract_of_its_own_day(
    registry: Path, tmp_path: Path, result: Path
) -> None:
    past = write(tmp_path / "past.json", evidence(lambda found: found.update(started="2025-06-01T02:00:00.000000Z")))
    with pytest.raises(InputError, match=r"100/100 Mbps \(ip\) nhưng hợp đồng nêu ra là 50/50 Mbps \(ip\)"):
        main(["--from", str(past), "--registry", str(registry), "--format", "json", "--out", str(tmp_path / "o")])
    long_ago = write(tmp_path / "old.json", evidence(lambda found: found.update(started="2020-06-01T02:00:00.000000Z")))
    with pytest.raises(InputError, match="ngày 01/06/2020 đường truyền này không có hợp đồng nào"):
        main(["--from", str(long_ago), "--registry", str(registry), "--format", "json", "--out", str(tmp_path / "o")])
    assert not (tmp_path / "o").exists()


def test_no_registry_is_needed_where_the_figures_are_said(
    result: Path, agent_file: Path, stand_in: Place, tmp_path: Path
) -> None:
    stand_in(result, 1)
    words = ["--agent", str(agent_file), "--out", str(tmp_path / "o"), "--format", "json", "--yes"]
    with pytest.raises(InputError, match="--down: chưa biết tốc độ theo hợp đồng"):
        main([*NAMES, *words])
    assert main([*NAMES, *words, "--down", "100", "--up", "100", "--office", "Trụ sở X", "--contract", "12/HĐ"]) == 1
    found = json.loads((tmp_path / "o" / f"bien-ban-nghiem-thu_{MARK}.json").read_bytes())["data"]
    assert (found["office"], found["contract"], found["contract_source"]) == (
        "Trụ sở X",
        "12/HĐ",
        "khai khi nghiệm thu",
    )


def test_a_declined_or_refused_test_writes_nothing(
    agent_file: Path, stand_in: Place, tmp_path: Path, registry: Path
) -> None:
    out = tmp_path / "o"
    words = ["--agent", str(agent_file), "--registry", str(registry), "--out", str(out), "--format", "json"]
    for code in (4, 2):
        stand_in(None, code)
        assert main([*NAMES, *words]) == code
    assert papers(out) == []
    stand_in(None, 77)
    with pytest.raises(OperationError, match="dừng đột ngột"):
        main([*NAMES, *words])


def test_a_result_that_cannot_become_a_bundle_stays_and_is_named(
    agent_file: Path, stand_in: Place, tmp_path: Path, registry: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_bytes(GOLDEN.read_bytes().replace(b'"verdict":"fail"', b'"verdict":"pass"'))
    stand_in(bad, 0)
    words = ["--agent", str(agent_file), "--registry", str(registry), "--out", str(tmp_path / "o"), "--format", "json"]
    with pytest.raises(InputError, match="mã băm không khớp"):
        main([*NAMES, *words])
    kept = Path(capsys.readouterr().err.strip().partition(": ")[2])
    assert kept.read_bytes() == bad.read_bytes()


def test_evidence_is_kept_even_where_the_paper_cannot_be_written(
    agent_file: Path, result: Path, stand_in: Place, tmp_path: Path, registry: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o"
    (out / f"bien-ban-nghiem-thu_{MARK}.json").mkdir(parents=True)
    stand_in(result, 1)
    words = ["--agent", str(agent_file), "--registry", str(registry), "--out", str(out), "--format", "json"]
    with pytest.raises(InputError, match="tệp này đã có"):
        main([*NAMES, *words])
    assert (out / BUNDLE).is_file()
    assert f"doxa accept --from {out / BUNDLE}" in capsys.readouterr().err


def test_other_evidence_is_never_written_over_whatever_is_forced(result: Path, registry: Path, tmp_path: Path) -> None:
    (tmp_path / BUNDLE).write_text("other", encoding="utf-8")
    words = ["--from", str(result), "--registry", str(registry), "--out", str(tmp_path), "--format", "json", "--force"]
    with pytest.raises(InputError, match="bằng chứng không bao giờ bị ghi đè"):
        main(words)
    assert (tmp_path / BUNDLE).read_text(encoding="utf-8") == "other"


def test_the_same_command_twice_keeps_one_bundle_and_papers_only_with_force(
    result: Path, registry: Path, tmp_path: Path
) -> None:
    words = ["--from", str(result), "--registry", str(registry), "--out", str(tmp_path / "o"), "--format", "json"]
    assert main(words) == 0
    with pytest.raises(InputError, match="tệp này đã có; hãy thêm --force"):
        main(words)
    assert main([*words, "--force"]) == 0


def test_a_hash_on_paper_tells_its_bundle_from_another(
    result: Path, registry: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o"
    main(["--from", str(result), "--registry", str(registry), "--out", str(out), "--format", "json", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["bundle"], told["signed"]) == ("fail", BUNDLE, False)
    sha256 = told["sha256"]
    grouped = " ".join(sha256[at : at + 8] for at in range(0, 64, 8)).upper()
    for said in (f"sha256:{sha256}", grouped):
        assert main(["--check", str(out / BUNDLE), "--hash", said]) == 0
        assert "KHỚP" in capsys.readouterr().out
    assert main(["--check", str(out / BUNDLE), "--hash", "0" * 64]) == 1
    assert "KHÔNG KHỚP" in capsys.readouterr().out
    assert main(["--check", str(out / BUNDLE), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["matches"] is None
    with pytest.raises(InputError, match="64 chữ số"):
        main(["--check", str(out / BUNDLE), "--hash", sha256[:16]])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "chưa rõ đường truyền nào"),
        (["xa-dong-dang"], "chưa rõ đường truyền nào"),
        ([*NAMES, "--hash", "0" * 64], "--hash: tùy chọn này chỉ đi cùng --check"),
        ([*NAMES, "--from", "x", "--yes"], "--yes: không dùng cùng --from"),
        (["--from", "x", "--step-seconds", "5"], "--step-seconds: không dùng cùng --from"),
        (["--check", "x", "--down", "5"], "--down: không dùng cùng --check"),
        (["--check", "x", "--from", "y"], "--from: không dùng cùng --check"),
        (["--check", "/nowhere"], "/nowhere: không đọc được"),
        ([*NAMES, "--format", "odt"], "--format odt: không có định dạng này"),
        ([*NAMES, "--registry", "/nowhere"], "/nowhere: không đọc được"),  # before the probe's own file is looked for
        (["fiber", "internet", "--agent", "/no-probe", "--registry", "{registry}"], "không có điểm đo «fiber»"),
        ([*NAMES, "--agent", "/no-probe"], "/no-probe: không đọc được"),  # and that one before the rates
        ([*NAMES, "--agent", "/no-probe", "--settings", "/no-paper"], "/no-paper: không đọc được"),
        (
            ["other", "internet", "--agent", "{agent}"],
            "thiết bị đo này thuộc điểm đo «xa-dong-dang», không phải «other»",
        ),
        (["xa-dong-dang", "tslcd", "--from", "{result}"], "tệp này là của «internet», không phải «tslcd»"),
        (["xa-dong-dang", "fiber", "--agent", "{agent}", "--registry", "{registry}"], "không có đường truyền «fiber»"),
        (["xa-dong-dang", "tslcd", "--agent", "{agent}", "--registry", "{registry}"], "chưa biết tốc độ"),
        ([*NAMES, "--agent", "{agent}", "--down", "1", "--up", "1", "--office", "a\nb"], "office không hợp lệ"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    words: list[str], sentence: str, agent_file: Path, result: Path, registry: Path, tmp_path: Path
) -> None:
    places = {"agent": agent_file, "result": result, "registry": registry}
    out = tmp_path / "o"
    with pytest.raises(InputError) as found:
        main([word.format(**places) for word in words] + ["--out", str(out)])
    assert sentence in str(found.value)
    assert found.value.exit_code == 2
    assert not out.exists()


def test_a_bundle_holds_its_own_contract(result: Path, registry: Path, tmp_path: Path) -> None:
    main(["--from", str(result), "--registry", str(registry), "--out", str(tmp_path), "--format", "json"])
    with pytest.raises(InputError, match="--contract: không dùng cùng tệp bằng chứng"):
        main(["--from", str(tmp_path / BUNDLE), "--contract", "1"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[accept]\nground = ['a']\n", "accept.ground: khóa này không tồn tại"),
        ("[accept]\ngrounds = ['a\\nb']\n".replace("'", '"'), "accept.grounds: danh sách dòng chữ không hợp lệ"),
        ("[[accept.party]]\norganisation = 'x'\n", "accept.party[1].role: thiếu khóa bắt buộc"),
        ("[[accept.party]]\nrole = 'x'\n" * 7, "accept.party: quá nhiều bên"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_measured(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(f"[paper]\n{text}", encoding="utf-8")
    with pytest.raises(InputError) as found:
        main([*NAMES, "--settings", str(file), "--format", "json"])
    assert sentence in str(found.value)


WAITS = """
import signal, sys, time
def end(*_): sys.exit(4)
signal.signal(signal.SIGINT, end)
print("measuring", flush=True)
while True: time.sleep(0.02)
"""
PARENT = """
import sys
from pathlib import Path
from doxa_collector.accept import running
running.AGENT = (sys.executable, "-c", {waits!r})
order = running.Order(link="x", agent=Path("a"), down_mbps=1, up_mbps=1, layer="ip")
sys.exit(running.measure(order, Path("r")))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_test_and_not_its_parent(number: signal.Signals) -> None:
    """Ctrl-C comes to both by the terminal; SIGTERM only to us, and goes on as Ctrl-C."""
    command = [sys.executable, "-c", PARENT.format(waits=WAITS)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "measuring\n"
        time.sleep(0.2)
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        assert process.wait(30) == 4


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (passed, 0, "KẾT LUẬN: ĐẠT"),
        (limited, 3, "KẾT LUẬN: THIẾT BỊ ĐO GIỚI HẠN (chưa kết luận về đường truyền)"),
        (refused, 4, "KẾT LUẬN: CHƯA ĐỦ CĂN CỨ (chưa kết luận về đường truyền)"),
    ],
)
def test_each_outcome_is_said_as_it_is(
    change: Callable[[dict[str, Any]], None], code: int, words: str, agent_file: Path, stand_in: Place, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    stand_in(write(tmp_path / "found.json", evidence(change)), code)
    options = [
        "--agent",
        str(agent_file),
        "--out",
        str(tmp_path / "o"),
        "--format",
        "json",
        "--down",
        "100",
        "--up",
        "100",
    ]
    assert main([*NAMES, *options]) == code
    assert words in capsys.readouterr().out


def test_the_agents_command_is_that_of_this_installation() -> None:
    found = subprocess.run([*running.AGENT, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert "doxa agent accept" in found.stdout

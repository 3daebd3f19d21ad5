"""plan.toml: tasks over known links, far ends and meters; every contradiction is one exact sentence."""

from pathlib import Path

import pytest

from doxa_agent import config, plan
from doxa_core.errors import InputError

AGENT = 'site = "s1"\nagent = "a1"\n[link.internet]\nkind = "fixed"\ninterface = "lo"\n'
FAR = '[far-end.here]\nhost = "127.0.0.1"\n'
TASK = '[task.rtt]\nmeter = "latency"\nlink = "internet"\nevery_s = 60\nfar_ends = ["here"]\n'
GOOD = FAR + TASK


def load(tmp_path: Path, text: str) -> plan.Plan:
    (tmp_path / "agent.toml").write_text(AGENT, encoding="utf-8")
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    return plan.load(config.load(tmp_path / "agent.toml"))


def test_a_task_names_its_meter_link_far_ends_and_options(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD + "family = 6\nphase_s = 7\n[task.rtt.options]\ncount = 3\n")
    (task,) = found.tasks
    assert (task.name, task.meter.kind, task.link.name, task.family, task.phase_s) == (
        "rtt",
        "latency",
        "internet",
        6,
        7,
    )
    assert [far_end.host for far_end in task.far_ends] == ["127.0.0.1"]
    assert task.options.cadence.count == 3


def test_the_path_of_a_far_end_loses_its_outer_slashes(tmp_path: Path) -> None:
    found = load(tmp_path, FAR + 'path = "/backend/"\n' + TASK)
    assert found.far_ends["here"].path == "backend"


def test_a_task_is_found_by_its_name_or_the_names_are_told(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD)
    assert plan.task_of(found, "rtt") is found.tasks[0]
    with pytest.raises(InputError) as caught:
        plan.task_of(found, "speed")
    assert caught.value.text.en == "--task speed: there is no task 'speed'; there are: rtt"


BAD: dict[str, tuple[str, str, str]] = {
    "no task": (
        FAR,
        "plan.toml: task: kế hoạch chưa có tác vụ nào; hãy thêm ít nhất một bảng [task.TÊN]",
        "plan.toml: task: the plan has no task; add at least one table [task.NAME]",
    ),
    "unknown link": (
        GOOD.replace('"internet"', '"interent"'),
        "plan.toml: task.rtt.link: không có đường truyền «interent»; có phải ý bạn là «internet»?",
        "plan.toml: task.rtt.link: there is no link 'interent'; did you mean 'internet'?",
    ),
    "another unknown link": (
        GOOD.replace('"internet"', '"wan"'),
        "plan.toml: task.rtt.link: không có đường truyền «wan»; đang có: internet",
        "plan.toml: task.rtt.link: there is no link 'wan'; there are: internet",
    ),
    "unknown far end": (
        GOOD.replace('["here"]', '["there"]'),
        "plan.toml: task.rtt.far_ends: không có đầu xa «there»; có phải ý bạn là «here»?",
        "plan.toml: task.rtt.far_ends: there is no far end 'there'; did you mean 'here'?",
    ),
    "no far end at all": (
        TASK,
        "plan.toml: task.rtt.far_ends: không có đầu xa «here»; hãy định nghĩa nó trước",
        "plan.toml: task.rtt.far_ends: there is no far end 'here'; define it first",
    ),
    "empty list": (
        GOOD.replace('["here"]', "[]"),
        "plan.toml: task.rtt.far_ends: danh sách rỗng hoặc có tên lặp lại; hãy ghi mỗi đầu xa một lần",
        "plan.toml: task.rtt.far_ends: the list is empty or names one twice; name each far end once",
    ),
    "twice the same": (
        GOOD.replace('["here"]', '["here", "here"]'),
        "plan.toml: task.rtt.far_ends: danh sách rỗng hoặc có tên lặp lại; hãy ghi mỗi đầu xa một lần",
        "plan.toml: task.rtt.far_ends: the list is empty or names one twice; name each far end once",
    ),
    "phase": (
        GOOD + "phase_s = 60\n",
        "plan.toml: task.rtt.phase_s: pha không nằm trong chu kỳ; hãy ghi giá trị nhỏ hơn every_s = 60",
        "plan.toml: task.rtt.phase_s: the phase is not within the cadence; write a value below every_s = 60",
    ),
    "longer than its cadence": (
        GOOD.replace("= 60", "= 15"),
        "plan.toml: task.rtt.every_s: một lần đo có thể kéo dài 19,0 giây, quá chu kỳ 15 giây; hãy đặt every_s từ 19,0 trở lên, hoặc rút ngắn lần đo trong options",
        "plan.toml: task.rtt.every_s: one run may take 19.0 s, which is more than the cadence of 15 s; make every_s at least 19.0, or shorten the run in its options",
    ),
    "family": (
        GOOD + "family = 5\n",
        "plan.toml: task.rtt.family: 5 không phải là họ địa chỉ; hãy ghi 4 (IPv4) hoặc 6 (IPv6)",
        "plan.toml: task.rtt.family: 5 is not an address family; write 4 (IPv4) or 6 (IPv6)",
    ),
    "no cadence": (
        GOOD.replace("every_s = 60\n", ""),
        "plan.toml: task.rtt.every_s: thiếu khóa bắt buộc này; hãy ghi một số từ 1 đến 604800",
        "plan.toml: task.rtt.every_s: this required key is missing; write a number from 1 to 604800",
    ),
    "unknown key": (
        GOOD + "evrey_s = 5\n",
        "plan.toml: task.rtt.evrey_s: khóa này không tồn tại; có phải ý bạn là «every_s»?",
        "plan.toml: task.rtt.evrey_s: this key does not exist; did you mean 'every_s'?",
    ),
    "unknown option": (
        GOOD + "[task.rtt.options]\ncuont = 5\n",
        "plan.toml: task.rtt.options.cuont: khóa này không tồn tại; có phải ý bạn là «count»?",
        "plan.toml: task.rtt.options.cuont: this key does not exist; did you mean 'count'?",
    ),
    "name of task": (
        GOOD.replace("task.rtt", "task.RTT"),
        "plan.toml: task.RTT: tên không hợp lệ; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
        "plan.toml: task.RTT: the name is not valid; write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang",
    ),
    "address with a scheme": (
        GOOD.replace('"127.0.0.1"', '"http://x"'),
        "plan.toml: far-end.here.host: «http://x» không phải tên máy hay địa chỉ; hãy ghi tên hoặc địa chỉ IP, không kèm http:// hay cổng",
        "plan.toml: far-end.here.host: 'http://x' is not a host name or an address; write a name or an IP address without http:// or port",
    ),
    "unknown table": (
        GOOD + "[far_end.x]\nhost = 'x'\n",
        "plan.toml: far_end: khóa này không tồn tại; có phải ý bạn là «far-end»?",
        "plan.toml: far_end: this key does not exist; did you mean 'far-end'?",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plan_gets_one_exact_sentence(name: str, tmp_path: Path) -> None:
    text, vi, en = BAD[name]
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert caught.value.text.vi.replace(f"{tmp_path}/", "") == vi
    assert caught.value.text.en.replace(f"{tmp_path}/", "") == en


def test_an_unknown_meter_is_told_with_its_place_and_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD.replace('"latency"', '"latencey"'))
    told = caught.value.text.en.replace(f"{tmp_path}/", "")
    assert told.startswith("plan.toml: task.rtt.meter: there is no meter 'latencey'; did you mean 'latency'? meters: ")
    assert "speed" in told

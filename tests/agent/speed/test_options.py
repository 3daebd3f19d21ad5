"""The options of a plan are read strictly."""

import tomllib

import pytest

from doxa_agent.speed.options import LONG_S, SHORT_S, Options, effective, read_options, seconds
from doxa_core.errors import InputError
from doxa_core.strict import Table


def table(text: str) -> Table:
    return Table(tomllib.loads(text), "plan.toml", "task.x.options.")


def test_nothing_written_means_the_standard_test() -> None:
    assert read_options(table("")) == Options()


def test_every_option_can_be_written() -> None:
    found = read_options(
        table(
            'directions = ["upload"]\nstreams = 4\nlimit_s = 20\nearly_stop = false\nping_count = 0\nck_size = 100\n'
            'congestion = "reno"'
        )
    )
    assert found == Options(
        directions=("upload",), streams=4, limit_s=20, early_stop=False, ping_count=0, ck_size=100, congestion="reno"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('directions = ["sideways"]', "plan.toml: task.x.options.directions: the directions are not valid"),
        ("directions = []", "plan.toml: task.x.options.directions: the directions are not valid"),
        (
            "streams = 0",
            "plan.toml: task.x.options.streams: the value 0 is not valid; write a whole number from 1 to 64",
        ),
        (
            "limit_s = 0.5",
            "plan.toml: task.x.options.limit_s: the value 0.5 is not valid; write a number from 2 to 300",
        ),
        (
            'congestion = "warp"',
            "plan.toml: task.x.options.congestion: the value 'warp' is not valid; write one of: auto",
        ),
        ('early_stop = "no"', "plan.toml: task.x.options.early_stop: the value 'no' is not valid; write true or false"),
    ],
)
def test_a_bad_option_says_where_what_and_how_to_mend(text: str, message: str) -> None:
    with pytest.raises(InputError) as found:
        read_options(table(text))
    assert found.value.text.en.startswith(message)


def test_the_longest_time_grows_with_directions_and_far_ends() -> None:
    one = Options(directions=("download",))
    assert seconds(Options(), 1) > seconds(one, 1) > one.limit_s
    assert seconds(one, 3) == 3 * seconds(one, 1)
    assert seconds(one, 0) == seconds(one, 1)


def test_a_target_has_a_layer_and_may_differ_for_the_upload() -> None:
    found = read_options(table('target_mbps = 100\nupload_target_mbps = 50\ntarget_layer = "wire"'))
    assert (found.target_of("download"), found.target_of("upload")) == (100, 50)
    assert found.target_layer == "wire"
    assert read_options(table("target_mbps = 100")).target_of("upload") == 100
    with pytest.raises(InputError):
        read_options(table("target_mbps = 0"))


def test_the_long_form_runs_long_and_asks_for_no_target_and_frugal_means_short() -> None:
    long = effective(read_options(table('form = "long"\ntarget_mbps = 100')))
    assert (long.early_stop, long.limit_s, long.target_mbps) == (False, LONG_S, None)
    assert seconds(read_options(table('form = "long"')), 1) > 2 * LONG_S
    short = effective(Options(limit_s=10, early_stop=False), frugal=True)
    assert (short.early_stop, short.limit_s, short.ping_count) == (True, SHORT_S, 5)

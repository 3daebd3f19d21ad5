"""The lock of a running service, and what the checklist reads there instead of throwing the service out of the broker."""

from pathlib import Path

import pytest

from doxa_agent.check import State
from doxa_agent.checklist import broker
from doxa_agent.standing import Said, Standing, read_standing
from doxa_core.errors import OperationError
from doxa_core.language import Text

TROUBLE = Text(vi="sai mật khẩu", en="wrong password")


def test_a_second_service_on_one_spool_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    first = Standing(tmp_path / "spool.db")
    with pytest.raises(OperationError, match=r"another doxa agent|một doxa agent khác"):
        Standing(tmp_path / "spool.db")
    first.close()
    Standing(tmp_path / "spool.db").close()


def test_what_a_running_service_says_is_read_as_it_was_said(tmp_path: Path) -> None:
    standing = Standing(tmp_path / "spool.db")
    assert read_standing(tmp_path / "spool.db") is None
    for said in (Said(connected=False, trouble=TROUBLE, code="password"), Said(connected=True)):
        standing.say(said)
        assert read_standing(tmp_path / "spool.db") == said
    standing.close()


def test_what_a_service_said_that_no_longer_runs_counts_for_nothing(tmp_path: Path) -> None:
    standing = Standing(tmp_path / "spool.db")
    standing.say(Said(connected=True))
    standing.close()
    assert read_standing(tmp_path / "spool.db") is None
    assert read_standing(tmp_path / "nobody.db") is None


def test_a_standing_that_is_just_being_written_is_no_standing(tmp_path: Path) -> None:
    standing = Standing(tmp_path / "spool.db")
    standing.say(Said(connected=True))
    (tmp_path / "spool.db.lock").write_bytes(b'{"connected": tr')
    assert read_standing(tmp_path / "spool.db") is None
    standing.close()


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (Said(connected=True), State.GOOD),
        (Said(connected=False), State.WARNING),
        (Said(connected=False, trouble=TROUBLE, code="password"), State.BAD),
        (Said(connected=True, trouble=TROUBLE, code="no_ack"), State.BAD),
    ],
)
def test_the_checklist_judges_the_broker_by_what_the_running_service_says(said: Said, state: State) -> None:
    assert broker.judge_running(said, "broker.example:8883").state is state

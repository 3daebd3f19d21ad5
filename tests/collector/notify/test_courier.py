"""The outbox and its courier: nothing is lost, nothing is told twice without need, a flood becomes a digest."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from doxa_collector.ledger.engine import open_ledger, reading, writing
from doxa_collector.ledger.schema import notice
from doxa_collector.notify import outbox
from doxa_collector.notify.channel import Message, NotTakenError
from doxa_collector.notify.courier import FIRST_S, Bucket, Courier
from doxa_collector.notify.settings import Settings
from doxa_core.language import Text

T0 = 1_790_000_000_000_000
S = 1_000_000
DOWN = Text(vi="không kết nối được", en="cannot be reached")


class Played:
    """A channel that takes or refuses as told."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.error: NotTakenError | None = None

    def send(self, message: Message) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(message)

    def check(self) -> Text:
        return Text(vi="", en="")


class World:
    def __init__(self, engine: Engine, **settings: Any) -> None:
        self.engine, self.now, self.channel = engine, 0.0, Played()
        self.courier = Courier(
            engine, Settings(name="noc", kind="webhook", options=None, **settings), self.channel,
            clock=lambda: self.now, now=lambda: T0 + int(self.now * S),
        )  # fmt: skip

    def tell(self, incident: int, event: str = "opened") -> None:
        with writing(self.engine) as conn:
            message = Message(title=f"sự cố {incident}", body="…", fields={"incident": incident})
            outbox.enqueue(conn, "noc", incident, event, message, T0 + int(self.now * S))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += max(0.5, self.courier.step())

    def standing(self) -> outbox.Standing:
        with reading(self.engine) as conn:
            return outbox.standing(conn, "noc")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = open_ledger(tmp_path / "ledger.db")
    yield found
    found.dispose()


def test_a_message_is_delivered_once(engine: Engine) -> None:
    world = World(engine)
    world.tell(1)
    world.run(60)
    assert [message.title for message in world.channel.taken] == ["sự cố 1"]
    assert (world.standing().sent, world.standing().waiting) == (1, 0)


def test_what_fails_is_tried_again_after_growing_pauses_and_is_kept_meanwhile(engine: Engine) -> None:
    world = World(engine)
    world.tell(1)
    world.channel.error = NotTakenError(DOWN)
    world.run(FIRST_S * 10)
    found = world.standing()
    assert (found.waiting, found.error) == (1, DOWN.vi)
    with reading(engine) as conn:
        tries = conn.execute(select(notice.c.tries)).scalar_one()
    assert 3 <= tries <= 5
    world.channel.error = None
    world.run(1000)
    assert len(world.channel.taken) == 1


def test_the_other_sides_wish_for_a_pause_is_kept(engine: Engine) -> None:
    world = World(engine)
    world.tell(1)
    world.channel.error = NotTakenError(DOWN, retry_after_s=300)
    world.courier.step()
    world.channel.error = None
    world.run(290)
    assert world.channel.taken == []
    world.run(30)
    assert len(world.channel.taken) == 1


def test_what_will_never_be_taken_or_is_too_old_is_given_up_and_shown(engine: Engine) -> None:
    world = World(engine, give_up_hours=1)
    world.tell(1)
    world.channel.error = NotTakenError(DOWN, for_ever=True)
    world.run(5)
    assert world.standing().given_up == 1
    world.tell(2)
    world.channel.error = NotTakenError(DOWN)
    world.run(2 * 3600)
    assert (world.standing().given_up, world.standing().waiting) == (2, 0)


def test_a_flood_is_few_messages_and_names_every_incident(engine: Engine) -> None:
    world = World(engine, per_hour=12, burst=2)
    for number in range(150):
        world.tell(number)
    world.run(3600)
    assert len(world.channel.taken) <= 2
    named = {
        i for message in world.channel.taken for i in message.fields.get("incidents", [message.fields.get("incident")])
    }
    assert named == set(range(150))
    assert "… và" in world.channel.taken[0].body


def test_a_bucket_never_gives_more_than_its_rate() -> None:
    bucket, taken, now = Bucket(60, 3, 0.0), 0, 0.0
    while now < 600:
        if bucket.wait_s(now) == 0:
            bucket.take()
            taken += 1
        now += 0.7
    assert 12 <= taken <= 3 + 10


def test_a_restart_loses_nothing(engine: Engine) -> None:
    world = World(engine)
    world.tell(1)
    world.channel.error = NotTakenError(DOWN)
    world.courier.step()
    again = World(engine)
    again.now = 3600
    again.run(10)
    assert len(again.channel.taken) == 1

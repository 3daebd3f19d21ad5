"""Real servers for every room's tests, one set a test, on free loopback ports.

Mark a test that uses one with `@pytest.mark.server`. For other settings (accounts, ACL, TLS, a unix socket …) use the
classes of `doxa_lab.servers` with `tmp_path` directly. Each has `.kill()`, `.stop()`, `.start()`, `.restart()`, `.log`.
"""

import fcntl
import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from doxa_core import language
from doxa_lab.servers import Amqtt, InfluxDB16, Mosquitto, Nginx, VictoriaMetrics

settings.register_profile("doxa", deadline=None)  # a slow minute of a shared machine is no defect
settings.register_profile("quick", deadline=None, max_examples=15)  # make test-quick
settings.register_profile("once", deadline=None, max_examples=2)  # does it run at all, as in the wheel
settings.load_profile("doxa")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays: no garbage is looked for meanwhile, nor among it later (a fifth of the time).

    What a module said in a language while it was imported is forgotten, as `language_as_found` does after a test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        language._chosen.clear()


ONE_OF_EACH = "DOXA_TEST_ONE_OF_EACH"
"""In the environment: of each parametrised test run the first case only. It shows that everything is there, as in the wheel."""


LONGEST = (
    "system/test_chaos.py", "system/test_wheel.py", "deploy/test_install.py", "agent/service/test_service.py",
    "system/test_watch.py", "deploy/test_chain.py", "deploy/test_probe.py", "web/test_browser.py",
)  # fmt: skip
"""Files of more than half a minute: they start first, each with a worker of its own, so that none is left at the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let measuring tests be repeated, and start with the files whose tests take long.

    What a measuring test compares with (a shaper in the same kernel) also stands still when somebody else takes the
    processor. Each repetition is held to the same tolerance, and the closing line counts them.
    """
    if os.environ.get(ONE_OF_EACH):
        _keep_first_cases(config, items)
    for item in items:
        if item.get_closest_marker("alone"):
            item.add_marker(pytest.mark.flaky(reruns=4, reruns_delay=5))
    calm = {item for item in items if item.get_closest_marker("calm")}
    calm_files = {item.path for item in calm}
    long = {item.path for item in items if item.get_closest_marker("slow")}
    # Calm ones first, so that two workers have some at the same time.
    items.sort(
        key=lambda item: (_place(item.path), item.path not in calm_files, item.path not in long, item not in calm)
    )


def _place(path: Path) -> int:
    """Its place in `LONGEST`; behind them for all others, in the order of this run."""
    name = path.as_posix()
    return next((n for n, end in enumerate(LONGEST) if name.endswith(end)), len(LONGEST))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A measuring test has the machine to itself, in every worker and every run of this checkout; calm ones share it."""
    if item.get_closest_marker("alone") is None:
        return (yield)
    with _turn(shared=item.get_closest_marker("calm") is not None):
        return (yield)


@contextmanager
def _turn(*, shared: bool) -> Iterator[None]:
    """Turns are taken in order: who wants the machine to himself is not overtaken by calm ones that come later."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    gate, turn = (os.open(place, os.O_RDONLY | os.O_CLOEXEC) for place in (Path(__file__).parent, __file__))
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(turn, kind)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
    finally:
        fcntl.flock(turn, fcntl.LOCK_UN)  # a child that was forked meanwhile may still hold the file open
        os.close(turn)
        os.close(gate)


def _keep_first_cases(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The first case by name, whatever the order of this run: the same ones in every worker."""
    first: dict[str, pytest.Item] = {}
    for item in items:
        name = item.nodeid.partition("[")[0]
        first[name] = min(first.get(name, item), item, key=lambda one: one.nodeid)
    kept = set(first.values())
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


MakeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """`made_once(name, make)`: the folder that `make(folder)` filled, made by the first worker of this run that asks."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base

    def folder(name: str, make: Callable[[Path], None]) -> Path:
        found, done = shared / f"once-{name}", shared / f"once-{name}.done"
        with (shared / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(found, ignore_errors=True)  # what a failed attempt left
                found.mkdir()
                make(found)
                done.touch()
        return found

    return folder


@pytest.fixture(autouse=True)
def language_as_found() -> Iterator[None]:
    """A test that speaks English leaves no English behind, neither here nor for children."""
    before, chosen = os.environ.get("DOXA_LANG"), list(language._chosen)
    yield
    language._chosen[:] = chosen
    if before is None:
        os.environ.pop("DOXA_LANG", None)
    else:
        os.environ["DOXA_LANG"] = before


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    """Nor does a fixture that lives longer than a test: `language_as_found` would find what it left."""
    before = list(language._chosen)
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            language._chosen[:] = before


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto without accounts, with persistence; `.host`, `.port`."""
    with Mosquitto(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture
def amqtt_broker(tmp_path: Path) -> Iterator[Amqtt]:
    """The pure Python broker (MQTT 3.1.1 only)."""
    with Amqtt(tmp_path / "amqtt") as server:
        yield server


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    """A VictoriaMetrics; `.url` takes `/api/v2/write`, `.flush()` makes new points visible."""
    with VictoriaMetrics(tmp_path / "victoria-metrics") as server:
        yield server


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[InfluxDB16]:
    """An InfluxDB 1.6.7; `.query(…)`, `.create_database(…)`."""
    with InfluxDB16(tmp_path / "influxd") as server:
        yield server


@pytest.fixture
def influx_v2(influxd: InfluxDB16, tmp_path: Path) -> Iterator[Nginx]:
    """nginx in front of `influxd`, so that a v2 client can write into it; `.url`."""
    with Nginx(influxd.url, tmp_path / "nginx") as server:
        yield server

"""The example files are read by the real loaders, and they name every key that a loader knows: they cannot drift."""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from doxa_agent import config as agent_config
from doxa_agent import plan as agent_plan
from doxa_collector import config as collector_config
from doxa_collector import registry
from doxa_collector.alerts.rules import read_rules
from doxa_collector.nodes.reading import read_tree
from doxa_collector.notify import channels
from doxa_core.strict import Table

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
KEY: Final = re.compile(r"# ([a-z_]+) = (.*)")
SECTION: Final = re.compile(r"(?:# )?\[+([a-z.-]+)\]+")


@dataclass(frozen=True)
class Example:
    """One example file, what reads it, and the files that it needs beside it."""

    file: Path
    load: Callable[[Path], Any]
    beside: tuple[Path, ...] = ()


def _load_plan(file: Path) -> Any:
    return agent_plan.load(agent_config.load(file.parent / "agent.toml"))


PI, SERVER = DEPLOY / "pi", DEPLOY / "server"
EXAMPLES: Final = {
    "agent.toml": Example(PI / "agent.toml", agent_config.load),
    "plan.toml": Example(PI / "plan.toml", _load_plan, (PI / "agent.toml",)),
    "collector.toml": Example(SERVER / "collector.toml", collector_config.read_settings),
    "sites.toml": Example(SERVER / "sites.toml", registry.read_registry),
}
BESIDE: Final = (
    "ca.crt",
    "mqtt.password",
    "collector.password",
    "web.token",
    "influx.token",
    "influx-ca.crt",
    "far-end-ca.pem",
    "udpstp.keys",
    "stamp.key",
    "rules.toml",
    "nodes.toml",
    "snmp-auth",
    "snmp-priv",
    "smtp.password",
    "telegram.token",
    "zalo.key",
    "zalo.tokens",
    "webhook.secret",
)
READ: Final = {"api-tokens": "# no other system yet\n", "paper.toml": "[paper]\n"}
"""Files that are understood when the example is loaded."""
NO_DEFAULT: Final = {
    "agent.toml": {"socket", "cert_file", "key_file", "source", "monthly_gb"},
    "plan.toml": {
        "phase_s",
        "family",
        "duration_s",
        "path",
        "ca_file",
        "capacity_keys",
        "stamp_key",
        "target_mbps",
        "upload_target_mbps",
    },
    "collector.toml": {
        "socket",
        "cert_file",
        "key_file",
        "shards",
        "share",
        "url",
        "folder",
        "token_file",
        "tokens_file",
        "paper_file",
        "allowed_hosts",
        "rules",
        "nodes",
    },
    "sites.toml": {"valid_to", "layer", "technology", "contract"},
}
"""Keys without a default: their commented lines are examples."""
NEED_COMPANY: Final = {
    ("agent.toml", "socket"), ("agent.toml", "cert_file"), ("agent.toml", "key_file"),
    ("collector.toml", "socket"), ("collector.toml", "cert_file"), ("collector.toml", "key_file"),
    ("collector.toml", "url"), ("collector.toml", "folder"),
}  # fmt: skip
"""Keys that another one excludes or demands, so that they cannot be switched on alone."""


@pytest.fixture
def place(tmp_path: Path) -> Callable[[Example, str], Path]:
    """Put an example with its surroundings into a folder."""

    def put(example: Example, text: str) -> Path:
        for name in BESIDE:
            (tmp_path / name).write_text("a-word-long-enough\n" if name.startswith("snmp") else "a-word\n")
        for name, content in READ.items():
            (tmp_path / name).write_text(content)
        for file in example.beside:
            (tmp_path / file.name).write_text(file.read_text())
        (tmp_path / example.file.name).write_text(text)
        return tmp_path / example.file.name

    return put


Place = Callable[[Example, str], Path]


def commented(text: str) -> Iterator[tuple[int, str, str]]:
    """Every commented key of a file: line number, section, key."""
    section = ""
    for number, line in enumerate(text.splitlines()):
        if found := SECTION.fullmatch(line.split("  #")[0].strip()):
            section = found.group(1)
        elif found := KEY.fullmatch(line):
            yield number, section, found.group(1)


def uncommented(text: str, chosen: int) -> str:
    """The file with one commented line switched on, and the table that it stands in."""
    lines = text.splitlines()
    lines[chosen] = lines[chosen].removeprefix("# ")
    for number in range(chosen, -1, -1):
        if found := SECTION.fullmatch(lines[number]):
            if lines[number].startswith("# "):
                lines[number] = lines[number].removeprefix("# ")
                if found.group(1).startswith("sink."):  # a sink needs two keys at least
                    for extra in (number + 1, number + 2):
                        lines[extra] = lines[extra].removeprefix("# ")
            break
    return "\n".join(lines) + "\n"


CASES: Final = [
    (name, number, key)
    for name, example in EXAMPLES.items()
    for number, _section, key in commented(example.file.read_text())
]


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_an_example_is_read_as_it_stands(name: str, place: Place) -> None:
    example = EXAMPLES[name]
    assert example.load(place(example, example.file.read_text()))


@pytest.mark.parametrize(("name", "number", "key"), [c for c in CASES if (c[0], c[2]) not in NEED_COMPANY])
def test_a_commented_key_can_be_switched_on_and_shows_the_default(
    name: str, number: int, key: str, place: Place
) -> None:
    example = EXAMPLES[name]
    text = example.file.read_text()
    if key == "duration_s":  # instead of count
        text = text.replace("# count = 10", "#count = 10")
    changed = example.load(place(example, uncommented(text, number)))
    if key not in NO_DEFAULT[name] and not _in_sink(text, number):
        assert _plain(changed) == _plain(example.load(place(example, text)))
    if key in NO_DEFAULT[name]:
        assert _plain(changed) != _plain(example.load(place(example, text)))


def test_the_channels_of_messages_are_read_when_they_are_switched_on(place: Place) -> None:
    example = EXAMPLES["collector.toml"]
    text = re.sub(r"(?m)^#   (?=\[|[a-z_]+ = )", "", example.file.read_text())
    loaded = example.load(place(example, text))
    assert {channel.kind for channel in loaded.notify} == set(channels.kinds())


def test_the_tasks_of_the_network_are_read_as_they_stand(place: Place) -> None:
    example = Example(PI / "plan.toml", _load_plan, (PI / "agent.toml",))
    plan = example.load(place(example, (PI / "plan-network.toml").read_text()))
    assert {task.meter.kind for task in plan.tasks} == {"ipv6", "path", "node", "dns", "web", "snmp"}


@pytest.mark.parametrize("name", ["nodes.toml", "rules.toml"])
def test_what_the_watch_reads_is_right_as_it_stands_and_switched_on(name: str, tmp_path: Path) -> None:
    text = (SERVER / name).read_text()
    sites = registry.read_registry(SERVER / "sites.toml")
    for version in (text, re.sub(r"(?m)^# (?=\[\[|[a-z_]+ = )", "", text)):
        file = tmp_path / name
        file.write_text(version)
        if name == "rules.toml":
            assert read_rules(file)
        else:
            read_tree(file, sites)


def _in_sink(text: str, number: int) -> bool:
    return any(n == number and section.startswith("sink.") for n, section, _ in commented(text))


def _plain(loaded: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", repr(loaded))


def _spied(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every key that a loader asks a table for, with the names of the file's own tables left out."""
    asked: set[str] = set()
    take, contains = Table._take, Table.__contains__

    def note(table: Table, key: str) -> None:
        asked.add(f"{_general(table._path)}{key}")

    def spying_take(self: Table, key: str, *more: Any) -> Any:
        note(self, key)
        return take(self, key, *more)

    def spying_contains(self: Table, key: str) -> bool:
        note(self, key)
        return contains(self, key)

    monkeypatch.setattr(Table, "_take", spying_take)
    monkeypatch.setattr(Table, "__contains__", spying_contains)
    return asked


def _general(path: str) -> str:
    """`task.latency.` → `task.*.`, `site[1].link[2].` → `site.link.`; the options of a task keep its name."""
    path = re.sub(r"\[\d+\]", "", path)
    if path.startswith("task.") and path.endswith(".options."):
        return path
    return re.sub(r"^(task|far-end|link|sink)\.[^.]+\.", r"\1.*.", path)


def _named(text: str) -> set[str]:
    """Every key of an example, in use or commented."""
    on = re.sub(r"(?m)^# (?=[a-z_]+ = |\[)", "", text)
    found: set[str] = set()
    section = ""
    for line in on.splitlines():
        if head := SECTION.fullmatch(line.split("  #")[0].strip()):
            section = _general(head.group(1) + ".")
        elif key := re.match(r"([a-z_]+) = ", line):
            found.add(section + key.group(1))
    return found


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_every_key_that_the_loader_knows_is_explained_and_no_other(
    name: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documentation as a unit test: a new key without a line in the example file fails here."""
    example = EXAMPLES[name]
    text = example.file.read_text()
    variants = [text]
    if name == "collector.toml":
        variants.append(re.sub(r"(?m)^# (?=\[sink\.|kind = |url = \"http)", "", text))
        variants.append(re.sub(r"(?m)^# (?=\[plans\]|folder = )", "", text).replace("/etc/doxa/plans", "."))
    asked = _spied(monkeypatch)
    for variant in variants:
        example.load(place(example, variant))
    monkeypatch.undo()
    if name == "plan.toml":
        asked -= {key for key in asked if key.split(".")[0] not in ("task", "far-end")}  # those of agent.toml
    named = re.compile(r"(?:task|far-end|link|sink)\.[^.*]+|task\.\*\.options")
    tables = {k for k in asked if named.fullmatch(k) or any(o.startswith((k + ".", k + ".*.")) for o in asked)}
    missing = asked - tables - _named(text) - {"notify"}  # its block has a test of its own
    assert not missing, f"{example.file}: not explained: {sorted(missing)}"
    stale = _named(text) - asked
    assert not stale, f"{example.file}: no loader reads: {sorted(stale)}"


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_an_example_names_nobodys_real_machine(name: str) -> None:
    text = EXAMPLES[name].file.read_text()
    for host in re.findall(r'(?:host|url) = "([^"]+)"', text.replace("sqlite:", "")):
        assert "example" in host or host.startswith(("http://127.", "127.", "/")), host
    assert tomllib.loads(text)


def test_probe_and_server_examples_fit_together(place: Place) -> None:
    """The probe of agent.toml is in sites.toml, with its link; the topics' account is the agent."""
    agent = agent_config.load(place(EXAMPLES["agent.toml"], EXAMPLES["agent.toml"].file.read_text()))
    known = registry.read_registry(place(EXAMPLES["sites.toml"], EXAMPLES["sites.toml"].file.read_text()))
    assert known.home_of()[agent.agent] == agent.site
    assert {(agent.site, link) for link in agent.links} <= known.lines_of()
    assert agent.broker.username == agent.agent
    collector = collector_config.read_settings(
        place(EXAMPLES["collector.toml"], EXAMPLES["collector.toml"].file.read_text())
    )
    assert (collector.broker.host, collector.broker.port) == (agent.broker.host, agent.broker.port)


def test_a_secret_comes_from_the_services_credentials_first(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd gives a service copies of its secrets; a person with sudo reads the originals, by the same line."""
    example = EXAMPLES["agent.toml"]
    file = place(example, example.file.read_text())
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "mqtt.password").write_text("of-the-service\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert agent_config.load(file).broker.password is not None
    assert agent_config.load(file).broker.password.reveal() == "of-the-service"  # type: ignore[union-attr]
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert agent_config.load(file).broker.password.reveal() == "a-word"  # type: ignore[union-attr]
    assert "a-word" not in repr(agent_config.load(file))

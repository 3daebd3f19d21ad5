"""install.sh into a scratch root: what it makes, that a second run makes nothing, what it keeps and what it removes."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPT: Final = ROOT / "deploy/pi/install.sh"
pytestmark = pytest.mark.slow

Tree = dict[str, tuple[object, ...]]


class Installer:
    """install.sh on one scratch root."""

    def __init__(self, folder: Path, wheel: Path, wheelhouse: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.secret = folder / "secret"
        self.secret.write_text("a-word-of-the-probe\n")
        self.authority = folder / "ca.crt"
        self.authority.write_text("an authority\n")
        self.software = ["--wheel", str(wheel), "--wheelhouse", str(wheelhouse)]

    @property
    def fresh(self) -> list[str]:
        """The arguments of a first installation."""
        told = {"site": "xa-dong-dang", "agent": "dong-dang-1", "broker": "mqtt.example.gov.vn:8884", "interface": "eth1",
                "far-end": "[2001:db8::1]:8081", "link": "tslcd", "link-kind": "tslcd",
                "password-file": str(self.secret), "ca-file": str(self.authority)}  # fmt: skip
        return [*self.software, *(word for key, value in told.items() for word in (f"--{key}", value))]

    def run(self, *arguments: str, heard: str = "", language: str = "vi") -> subprocess.CompletedProcess[str]:
        """Run it; PYTHON is the interpreter that we run on, so that any machine of the tests has one."""
        python = os.path.realpath(sys.executable)
        env = os.environ | {"DOXA_LANG": language, "PYTHON": python}
        if "--index" not in arguments:
            env["PIP_NO_INDEX"] = "1"  # nothing may come from the Internet unasked
        env.pop("PYTHONPATH", None)
        argv = ["sh", str(SCRIPT), "--root", str(self.root), *arguments]
        return subprocess.run(argv, input=heard, text=True, capture_output=True, check=False, timeout=280, env=env)

    def tree(self) -> Tree:
        """Everything below the root: kind, mode, owner, content, and the moment of its last change."""
        return {str(p.relative_to(self.root)): _seen(p) for p in sorted(self.root.rglob("*"))}


def _seen(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    content = path.read_bytes() if stat.S_ISREG(found.st_mode) and os.access(path, os.R_OK) else b""
    link = str(path.readlink()) if path.is_symlink() else ""
    moment = None if stat.S_ISDIR(found.st_mode) else found.st_mtime_ns
    return (found.st_mode, found.st_uid, found.st_gid, link, hash(content), moment)


@pytest.fixture
def installer(tmp_path: Path, wheel: Path, wheelhouse: Path) -> Installer:
    """A scratch root with nothing in it."""
    return Installer(tmp_path, wheel, wheelhouse)


@pytest.fixture(scope="module")
def a_first_run(tmp_path_factory: pytest.TempPathFactory, wheel: Path, wheelhouse: Path) -> Installer:
    made = Installer(tmp_path_factory.mktemp("installed"), wheel, wheelhouse)
    done = made.run(*made.fresh)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture
def installed(tmp_path: Path, a_first_run: Installer) -> Installer:
    """A root with the agent installed; a copy for each test that changes it."""
    copy = object.__new__(Installer)
    copy.__dict__.update(a_first_run.__dict__)
    copy.root = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(a_first_run.root), str(copy.root)], check=True)
    return copy


def test_a_fresh_installation_puts_everything_in_its_place(installed: Installer) -> None:
    root = installed.root
    assert (root / "opt/doxa/bin/doxa").exists()
    assert str((root / "usr/local/bin/doxa").readlink()) == "/opt/doxa/bin/doxa"
    unit = (root / "etc/systemd/system/doxa-agent.service").read_text()
    assert unit == (ROOT / "deploy/pi/doxa-agent.service").read_text()
    users = dict(line.split(":")[0::3][:2] for line in (root / "etc/group").read_text().splitlines() if line)
    group = next(
        line.split(":")[2] for line in (root / "etc/group").read_text().splitlines() if line.startswith("doxa:")
    )
    assert "doxa" in users
    assert f"net.ipv4.ping_group_range = {group} {group}\n" in (root / "etc/sysctl.d/99-doxa.conf").read_text()
    modes = {name: stat.S_IMODE((root / name).stat().st_mode) for name in (
        "etc/doxa", "etc/doxa/agent.toml", "etc/doxa/plan.toml", "etc/doxa/mqtt.password", "var/lib/doxa")}  # fmt: skip
    assert modes == {"etc/doxa": 0o750, "etc/doxa/agent.toml": 0o640, "etc/doxa/plan.toml": 0o640,
                     "etc/doxa/mqtt.password": 0o600, "var/lib/doxa": 0o750}  # fmt: skip
    if os.geteuid() == 0:
        assert (root / "etc/doxa").stat().st_gid == int(group)
        assert (root / "etc/doxa/mqtt.password").stat().st_uid == 0


def test_the_installed_command_runs(a_first_run: Installer) -> None:
    done = subprocess.run(
        [a_first_run.root / "opt/doxa/bin/doxa", "--version"], text=True, capture_output=True, check=True
    )
    assert done.stdout.startswith("doxa ")


def test_a_second_run_changes_nothing_and_says_so(installed: Installer) -> None:
    before = installed.tree()
    again = installed.run(*installed.fresh)
    assert (again.returncode, again.stdout) == (0, "Không có gì thay đổi.\n")
    assert installed.tree() == before


def test_a_dry_run_names_every_step_and_changes_nothing(installer: Installer) -> None:
    before = installer.tree()
    dry = installer.run("--dry-run", *installer.fresh)
    assert dry.returncode == 0, dry.stderr
    assert installer.tree() == before == {}
    real = installer.run(*installer.fresh)
    assert real.returncode == 0, real.stderr
    planned = [line.removeprefix("sẽ: ") for line in dry.stdout.splitlines() if line.startswith("sẽ: ")]
    made = [line.removeprefix("• ") for line in real.stdout.splitlines() if line.startswith("• ")]
    assert planned == made


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_dry_run_over_an_installation_changes_nothing_either(installed: Installer, language: str) -> None:
    before = installed.tree()
    for arguments in ([*installed.fresh, "--reconfigure"], ["--uninstall"], ["--uninstall", "--purge"]):
        done = installed.run("--dry-run", *arguments, language=language)
        assert done.returncode == 0, done.stderr
        assert ("Dry run" if language == "en" else "Chạy thử") in done.stdout
    assert installed.tree() == before


def test_an_upgrade_keeps_the_configuration_and_replaces_the_software(installed: Installer, tmp_path: Path) -> None:
    edited = installed.root / "etc/doxa/agent.toml"
    edited.write_text(edited.read_text() + "# a technician was here\n")
    newer = tmp_path / "constraints.txt"
    newer.write_text((ROOT / "constraints.txt").read_text() + "# newer\n")
    before = str((installed.root / "opt/doxa/bin").readlink())
    done = installed.run(*installed.software, "--constraints", str(newer))
    assert done.returncode == 0, done.stderr
    assert "# a technician was here" in edited.read_text()
    assert str((installed.root / "opt/doxa/bin").readlink()) != before
    assert [p.name for p in (installed.root / "opt/doxa").glob("release-*")] == [
        str((installed.root / "opt/doxa/bin").readlink()).split("/")[0]
    ]


def test_a_failed_upgrade_leaves_the_old_software_at_work(installed: Installer, tmp_path: Path) -> None:
    before = installed.tree()
    empty = tmp_path / "empty"
    empty.mkdir()
    impossible = tmp_path / "constraints.txt"
    impossible.write_text("paho-mqtt==0.0.1\n")
    software = ["--wheel", installed.software[1], "--wheelhouse", str(empty), "--constraints", str(impossible)]
    done = installed.run(*software)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--wheelhouse" in done.stderr
    assert installed.tree() == before


def test_a_half_made_environment_is_made_again(installed: Installer) -> None:
    """As after a power cut during the installation."""
    release = installed.root / "opt/doxa" / str((installed.root / "opt/doxa/bin").readlink()).split("/")[0]
    (release / ".complete").unlink()
    shutil.rmtree(release / "lib")
    assert installed.run(*installed.fresh).returncode == 0
    assert (release / ".complete").exists()
    subprocess.run([release / "bin/doxa", "--version"], check=True, capture_output=True)


def test_other_values_do_not_overwrite_a_configuration_unasked(installed: Installer) -> None:
    before = (installed.root / "etc/doxa/agent.toml").read_text()
    other = [word.replace("dong-dang-1", "dong-dang-2") for word in installed.fresh]
    done = installed.run(*other)
    assert done.returncode == 0
    assert "giữ nguyên" in done.stdout
    assert (installed.root / "etc/doxa/agent.toml").read_text() == before
    assert installed.run(*other, "--reconfigure").returncode == 0
    assert 'agent = "dong-dang-2"' in (installed.root / "etc/doxa/agent.toml").read_text()
    assert (installed.root / "etc/doxa/agent.toml.old").read_text() == before
    assert not (installed.root / "etc/doxa/mqtt.password.old").exists()


def test_uninstalling_keeps_configuration_and_evidence(installed: Installer) -> None:
    spool = installed.root / "var/lib/doxa/spool.db"
    spool.write_bytes(b"measurements that were not sent yet")
    configuration = {k: v for k, v in installed.tree().items() if k.startswith(("etc/doxa", "var/lib/doxa"))}
    done = installed.run("--uninstall")
    assert done.returncode == 0, done.stderr
    left = installed.tree()
    assert {k: v for k, v in left.items() if k.startswith(("etc/doxa", "var/lib/doxa"))} == configuration
    files = [k for k, v in left.items() if not stat.S_ISDIR(int(str(v[0])))]
    accounts = ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/.pwd.lock")
    assert [f for f in files if not f.startswith(("etc/doxa/", "var/lib/doxa/", *accounts))] == []
    assert installed.run("--uninstall").stdout == "Không có gì để gỡ.\n"


def test_purging_needs_a_second_word(installed: Installer) -> None:
    before = installed.tree()
    assert installed.run("--purge", *installed.software).returncode == 2
    refused = installed.run("--uninstall", "--purge")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert installed.tree() == before
    assert installed.run("--uninstall", "--purge", "--yes").returncode == 0
    assert not (installed.root / "etc/doxa").exists()
    assert not (installed.root / "var/lib/doxa").exists()


def test_a_given_configuration_is_taken_as_it_is(installed: Installer, tmp_path: Path) -> None:
    given = tmp_path / "given"
    shutil.move(installed.root / "etc/doxa", given)  # the software is there, a configuration is not
    for file in given.iterdir():
        file.chmod(0o644)
    done = installed.run(*installed.software, "--config", str(given))
    assert done.returncode == 0, done.stderr
    for file in given.iterdir():
        assert (installed.root / "etc/doxa" / file.name).read_bytes() == file.read_bytes()
    assert stat.S_IMODE((installed.root / "etc/doxa/mqtt.password").stat().st_mode) == 0o600


def test_a_typed_password_reaches_the_file_and_nothing_else(installed: Installer) -> None:
    told = [word if word != str(installed.secret) else "-" for word in installed.fresh]
    done = installed.run(*told, "--reconfigure", heard="typed by hand\n")
    assert done.returncode == 0, done.stderr
    assert (installed.root / "etc/doxa/mqtt.password").read_text() == "typed by hand\n"
    assert "typed by hand" not in done.stdout + done.stderr


def test_the_package_may_come_from_an_index_of_ones_own(installer: Installer, wheel: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    for name, folder in (
        ("doxa", wheel.parent),
        ("paho-mqtt", Path(installer.software[3])),
    ):
        page = index / name
        page.mkdir(parents=True)
        links = [f'<a href="{f.as_uri()}">{f.name}</a>' for f in folder.glob(f"{name.replace('-', '_')}-*.whl")]
        (page / "index.html").write_text("\n".join(links))
    release = wheel.name.split("-")[1]
    configuration = installer.fresh[4:]
    assert installer.run("--index", index.as_uri(), "--release", "9.9.9", *configuration).returncode == 1
    assert not (installer.root / "opt/doxa/bin").exists()
    done = installer.run("--index", index.as_uri(), "--release", release, *configuration)
    assert done.returncode == 0, done.stderr
    assert (
        installer.run("--index", index.as_uri(), "--release", release, *configuration).stdout
        == "Không có gì thay đổi.\n"
    )


BAD: Final = {
    "no software": ([], "--wheel"),
    "unknown option": (["--dance"], "--dance"),
    "option without a value": (["--wheel"], "--wheel"),
    "no such wheel": (["--wheel", "/nowhere/doxa-1-py3-none-any.whl"], "/nowhere"),
    "not a wheel of ours": (["--wheel", str(SCRIPT)], "doxa-*.whl"),
    "index without release": (["--index", "https://example.invalid/simple"], "--release"),
    "purge without uninstall": (["--purge"], "--uninstall"),
    "bad site": (["W", "--site", "Đồng Đăng", "--agent", "a", "--broker", "b", "--far-end", "c"], "--site"),
    "injected agent": (["W", "--site", "a", "--agent", 'a"|e', "--broker", "b", "--far-end", "c"], "--agent"),
    "two lines": (["W", "--site", "a", "--agent", "a\nb", "--broker", "b", "--far-end", "c"], "--agent"),
    "bad port": (["W", "--site", "a", "--agent", "a", "--broker", "b:99999", "--far-end", "c"], "--broker"),
    "a URL": (["W", "--site", "a", "--agent", "a", "--broker", "b", "--far-end", "http://c"], "--far-end"),
    "half a configuration": (["W", "--site", "a"], "--agent"),
    "two configurations": (["W", "--config", "/etc", "--site", "a"], "--config"),
    "no configuration": (["W"], "--config"),
    "bad interface": (["W", "--interface", "eth0/1"], "--interface"),
    "bad kind": (["W", "--link-kind", "fibre"], "--link-kind"),
    "missing password file": (["W", "--password-file", "/nowhere/word"], "/nowhere/word"),
    "missing wheelhouse": (["W", "--wheelhouse", "/nowhere/house"], "/nowhere/house"),
}


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("case", list(BAD))
def test_a_bad_argument_is_one_sentence_and_exit_2(installer: Installer, case: str, language: str) -> None:
    arguments, named = BAD[case]
    given = [word for a in arguments for word in (installer.software[:2] if a == "W" else [a])]
    done = installer.run(*given, language=language)
    assert done.returncode == 2
    assert done.stderr.startswith("install.sh: ")
    assert len(done.stderr.strip().splitlines()) <= 2  # a name with a line break shows both
    assert named in done.stderr
    assert installer.tree() == {}


def test_help_shows_an_example_in_both_languages(installer: Installer) -> None:
    for language, word in (("vi", "nâng cấp"), ("en", "upgrade")):
        done = installer.run("--help", language=language)
        assert done.returncode == 0
        assert "sudo ./install.sh --wheel" in done.stdout
        assert word in done.stdout


@pytest.mark.parametrize("option", ["--root-relative", "--root-missing"])
def test_a_root_that_is_not_there_is_refused(tmp_path: Path, option: str) -> None:
    root = "relative" if option == "--root-relative" else str(tmp_path / "missing")
    argv = ["sh", str(SCRIPT), "--root", root, "--uninstall"]
    done = subprocess.run(argv, text=True, capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 2


@pytest.mark.root
def test_a_full_card_is_one_clear_sentence(installer: Installer) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(installer.root)], check=True)
    try:
        done = installer.run(*installer.fresh)
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1
        assert not (installer.root / "opt/doxa/bin").exists()
    finally:
        subprocess.run(["umount", str(installer.root)], check=True)


@pytest.mark.root
def test_a_read_only_card_is_one_clear_sentence(installer: Installer) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(installer.root)], check=True)
    try:
        done = installer.run(*installer.fresh)
        assert done.returncode == 1
        assert "thẻ nhớ" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    finally:
        subprocess.run(["umount", str(installer.root)], check=True)


def test_the_script_is_plain_posix_shell() -> None:
    """dash knows no bash: it reads the whole script; shellcheck, where it is installed, has nothing to say."""
    dash = shutil.which("dash") or "sh"
    subprocess.run([dash, "-n", str(SCRIPT)], check=True)
    if shellcheck := shutil.which("shellcheck"):
        done = subprocess.run([shellcheck, str(SCRIPT)], text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout

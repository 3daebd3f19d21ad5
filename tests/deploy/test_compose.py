"""The compose file, as far as it can be checked without an engine: its schema, its doors, its secrets, what it mounts."""

import getpass
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from doxa_collector.config import read_settings
from doxa_collector.sink import Point, Tier, UnavailableError
from doxa_collector.sinks import influx
from doxa_dashboards.cli import main as dashboards
from doxa_lab.ports import free_port
from doxa_lab.process import Process
from doxa_lab.servers import InfluxDB16, Mosquitto, Nginx, find_program

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "deploy/server/compose"
STACK: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: Final[dict[str, Any]] = STACK["services"]
OURS: Final = ("doxa:${DOXA_VERSION", "doxa-broker:${DOXA_VERSION")


def test_it_keeps_the_compose_specification() -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    argv = [str(tool), "--builtin-schema", "vendor.compose-spec", str(FOLDER / "compose.yaml")]
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image.startswith(OURS) or re.fullmatch(r"[a-z0-9/.-]+:\d+\.\d+\.\d+", image), image


def test_the_images_that_are_built_begin_at_a_pinned_one_and_copy_what_exists() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    stages = set(re.findall(r" AS (\w+)", text))
    for begins in re.findall(r"(?m)^FROM (\S+)", text):
        assert begins in stages or re.search(r":\d+\.\d+", begins), begins
    for source in re.findall(r"(?m)^COPY (?!--from)(\S+)", text):
        assert (ROOT / source).exists(), source
    targets = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert targets <= stages


def test_only_the_brokers_and_the_webs_tls_are_open_to_the_world() -> None:
    opened = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert opened == {"broker": ["8883:8883"], "web": ["443:443"]}
    at_home = {name for name, service in SERVICES.items() if service.get("network_mode") == "host"}
    assert at_home == {"responder"}
    assert SERVICES["responder"]["profiles"] == ["responder"], "never without being asked for"
    assert STACK["networks"]["inner"] == {"internal": True}
    for name in ("influxdb", "grafana"):
        assert SERVICES[name]["networks"] == ["inner"], name


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_more_rights_than_it_needs_and_each_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    if name in ("setup", "pages"):  # run once
        assert service["profiles"] == ["setup"]
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"


def test_no_secret_stands_in_it_and_each_comes_from_a_file() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", key):
                assert key.endswith(("_FILE", "__FILE")), (name, key)
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, key)
    for name, secret in STACK["secrets"].items():
        assert secret == {"file": f"./state/secrets/{name}"}
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "deploy/server/compose/state/" in ignored
    assert {"deploy/server/compose/state", ".venv", ".git"} <= set((ROOT / ".dockerignore").read_text().splitlines())


def test_every_file_that_it_mounts_exists_or_is_made_by_init() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source in STACK["volumes"] or source.startswith("./state"):
                continue
            assert (FOLDER / source).exists(), (name, source)


def test_what_must_outlive_a_container_is_a_volume_of_its_own() -> None:
    places = {
        volume.split(":")[0]: volume.split(":")[1]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert places == {
        "broker": "/var/lib/mosquitto", "ledger": "/var/lib/doxa-collector", "grafana": "/var/lib/grafana",
        "influxdb": "/var/lib/influxdb2", "influxdb-config": "/etc/influxdb2",
    }  # fmt: skip
    assert set(places) == set(STACK["volumes"])


@pytest.mark.server
def test_the_real_nginx_takes_its_configuration(tmp_path: Path) -> None:
    found = find_program(Nginx.program) or "nginx"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    argv += ["-subj", "/CN=x", "-keyout", str(tmp_path / "server.key"), "-out", str(tmp_path / "server.crt")]
    subprocess.run(argv, check=True, capture_output=True)
    text = (FOLDER / "nginx.conf").read_text().replace("/etc/nginx/tls", str(tmp_path))
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/pid;\n{text}")
    done = subprocess.run([found, "-t", "-c", str(config)], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.server
def test_the_real_mosquitto_starts_with_its_configuration(tmp_path: Path) -> None:
    """Debian's frame for containers around the same doxa.conf; only folders and the port are put in."""
    port = free_port()
    (tmp_path / "conf.d").mkdir()
    tls = tmp_path / "doxa"
    tls.mkdir()
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    argv += ["-subj", "/CN=x", "-keyout", str(tls / "server.key"), "-out", str(tls / "server.crt")]
    subprocess.run(argv, check=True, capture_output=True)
    shutil.copy(tls / "server.crt", tls / "ca.crt")
    for name in ("passwd", "acl"):
        (tls / name).write_text("")
    inner = (ROOT / "deploy/server/mosquitto/doxa.conf").read_text()
    inner = inner.replace("/etc/mosquitto/doxa", str(tls)).replace("listener 8883", f"listener {port} 127.0.0.1")
    (tmp_path / "conf.d/doxa.conf").write_text(inner)
    frame = (FOLDER / "mosquitto.conf").read_text().replace("/etc/mosquitto/conf.d", str(tmp_path / "conf.d"))
    frame = frame.replace("/run/mosquitto", str(tmp_path)).replace("/var/lib/mosquitto", str(tmp_path))
    (tmp_path / "mosquitto.conf").write_text(frame + f"user {_me()}\n")
    found = find_program(Mosquitto.program) or "mosquitto"
    broker = Process("mosquitto", [found, "-c", str(tmp_path / "mosquitto.conf")], log=tmp_path / "log")
    broker.start()
    try:
        health = SERVICES["broker"]["healthcheck"]["test"][1:]
        health = [sys.executable if word == "python3" else word.replace("8883", str(port)) for word in health]
        for _ in range(100):
            if subprocess.run(health, check=False, capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        pytest.fail((tmp_path / "log").read_text())
    finally:
        broker.stop()


def _me() -> str:
    return getpass.getuser()


def test_the_pages_of_grafana_inside_are_made_by_the_command_that_stands_in_it(tmp_path: Path) -> None:
    command = SERVICES["pages"]["command"]
    argv = [str(tmp_path if word == "/state/grafana" else FOLDER / "grafana.toml" if word == "/grafana.toml" else word)
            for word in command]  # fmt: skip
    assert dashboards(argv[1:]) == 0
    (sources,) = (tmp_path / "datasources").glob("*.yaml")
    found = yaml.safe_load(sources.read_text())["datasources"]
    assert {source["url"] for source in found} == {"http://influxdb:8086"}
    secret = re.findall(r"/run/secrets/([a-z.]+)", sources.read_text())
    assert set(secret) <= set(SERVICES["grafana"]["secrets"])
    mounts = [volume for volume in SERVICES["grafana"]["volumes"] if volume.startswith("./state/grafana:")]
    assert mounts == ["./state/grafana:/etc/grafana/provisioning:ro"]
    for provider in (tmp_path / "dashboards").glob("*.yaml"):
        for one in yaml.safe_load(provider.read_text())["providers"]:
            inside = Path(one["options"]["path"]).relative_to("/etc/grafana/provisioning")
            assert (tmp_path / inside).is_dir(), one


def test_the_collectors_configuration_inside_is_read_by_the_collector(tmp_path: Path, stack_module: Any) -> None:
    text = stack_module.collector_toml("doxa.example.gov.vn").replace("/var/lib/doxa-collector", str(tmp_path))
    (tmp_path / "collector.toml").write_text(text)
    for name in ("collector.password", "web.token", "influx.token", "ca.crt"):
        (tmp_path / name).write_text("x" * 32 + "\n")
    for name in ("sites.toml", "rules.toml", "nodes.toml"):
        (tmp_path / name).write_text((ROOT / "deploy/server" / name).read_text())
    settings = read_settings(tmp_path / "collector.toml")
    assert settings.broker.host == "doxa.example.gov.vn"
    assert [sink.name for sink in settings.sinks] == ["grafana"]
    assert settings.web is not None
    assert settings.web.port == int(re.findall(r"http://collector:(\d+)", (FOLDER / "nginx.conf").read_text())[0])


@pytest.mark.server
def test_debians_nginx_brings_what_a_sink_writes_into_debians_influxdb(tmp_path: Path) -> None:
    """deploy/server/nginx/doxa.conf with ports and folders put in: the two real programs behind the real sink."""
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    argv += ["-subj", "/CN=x", "-keyout", str(tmp_path / "web.key"), "-out", str(tmp_path / "web.crt")]
    subprocess.run(argv, check=True, capture_output=True)
    write_port, web_port = free_port(), free_port()
    with InfluxDB16(tmp_path / "influx") as store:
        text = (ROOT / "deploy/server/nginx/doxa.conf").read_text()
        for old, new in {
            "/etc/doxa/": f"{tmp_path}/", "listen 443": f"listen 127.0.0.1:{web_port}",
            "127.0.0.1:8087": f"127.0.0.1:{write_port}", "127.0.0.1:8086": f"127.0.0.1:{store.port}",
        }.items():  # fmt: skip
            text = text.replace(old, new)
        temporary = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
        frame = f"daemon off; pid {tmp_path}/pid; events {{}} http {{ client_body_temp_path {tmp_path}/body; {temporary} {text} }}"
        (tmp_path / "nginx.conf").write_text(frame)
        argv = [find_program("nginx") or "nginx", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
        nginx = Process("nginx", argv, log=tmp_path / "nginx.log")
        nginx.start()
        try:
            sink = influx.open_sink(influx.Options(url=f"http://127.0.0.1:{write_port}", bucket="doxa", org="doxa"))
            store.create_database("doxa_long")
            point = Point(
                tier=Tier.LONG, measurement="doxa_place", tags={"province": "20"}, fields={"sites_count": 3.0}, at_us=1, position=1
            )  # fmt: skip
            _until_it_takes(sink, point, tmp_path / "nginx.log")
            assert store.query("SELECT sites_count FROM doxa_place", "doxa_long")[0]["values"] == [[1000, 3]]
            sink.close()
        finally:
            nginx.stop()


def _until_it_takes(sink: influx.Influx, point: Point, log: Path) -> None:
    for _ in range(100):
        with suppress(UnavailableError):
            sink.send([point])
            return
        time.sleep(0.1)
    pytest.fail(log.read_text())

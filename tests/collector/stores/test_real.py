"""Real stores: InfluxDB 1.6.7 bare and behind our nginx, VictoriaMetrics well and badly started."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from doxa_lab.servers import InfluxDB16, Nginx, VictoriaMetrics

Run = Callable[..., Any]
NAMES = ("doxa", "doxa_5m", "doxa_long")

pytestmark = pytest.mark.server


def test_influxdb_1_is_set_up_once_and_then_right(
    influxd: InfluxDB16, influx_v2: Nginx, setup: Run, check: Run
) -> None:
    before = check(influx_v2.url)
    assert before.wrong() == [("bucket", name) for name in NAMES]
    assert 'CREATE DATABASE "doxa" WITH DURATION 90d' in before.mend("bucket", "doxa")
    assert setup(influx_v2.url, "--dry-run").marks("bucket") == dict.fromkeys(NAMES, "made")
    assert not [row for series in influxd.query("SHOW DATABASES") for row in series.get("values", [])]

    assert setup(influx_v2.url).marks("bucket") == dict.fromkeys(NAMES, "made")
    policies = {name: influxd.query(f'SHOW RETENTION POLICIES ON "{name}"')[0]["values"] for name in NAMES}
    assert policies == {
        "doxa": [["autogen", "2160h0m0s", "168h0m0s", 1, True]],
        "doxa_5m": [["autogen", "8760h0m0s", "168h0m0s", 1, True]],
        "doxa_long": [["autogen", "0s", "8736h0m0s", 1, True]],
    }
    assert setup(influx_v2.url).marks("bucket") == dict.fromkeys(NAMES, "ok")
    after = check(influx_v2.url)
    assert (after.code, {line["mark"] for line in after.lines}) == (0, {"ok"})
    assert not [influxd.query("SHOW MEASUREMENTS", name) for name in NAMES if influxd.query("SHOW MEASUREMENTS", name)]


def test_influxdb_1_with_another_retention_or_without_the_translation(
    influxd: InfluxDB16, influx_v2: Nginx, setup: Run, check: Run
) -> None:
    setup(influx_v2.url, "--raw-days=30")
    told = check(influx_v2.url)
    assert told.wrong() == [("retention", "doxa")]
    assert 'ALTER RETENTION POLICY "autogen" ON "doxa" DURATION 90d' in told.mend("retention", "doxa")
    assert setup(influx_v2.url).marks("bucket")["doxa"] == "note"
    assert setup(influx_v2.url, "--change-retention").marks("bucket")["doxa"] == "made"
    assert check(influx_v2.url).code == 0
    influxd.query('ALTER RETENTION POLICY "autogen" ON "doxa_long" SHARD DURATION 1d')
    told = check(influx_v2.url)
    assert (told.code, told.marks("shards")) == (0, {"doxa_long": "note"})
    assert "SHARD DURATION 364d" in told.mend("shards", "doxa_long")
    assert setup(influx_v2.url).marks("shards") == {"doxa_long": "made"}
    assert check(influx_v2.url).marks("shards") == {}
    bare = check(influxd.url)
    assert bare.wrong() == [("bucket", name) for name in NAMES]
    assert "deploy/server/nginx/doxa.conf" in bare.mend("bucket", "doxa")


@pytest.mark.parametrize("scheme", ["https", "closed"])
def test_an_address_that_does_not_answer(influx_v2: Nginx, check: Run, scheme: str) -> None:
    if scheme == "https":
        told = check(influx_v2.url.replace("http:", "https:"))
        assert f'url = "{influx_v2.url}"' in told.mend("url")
    else:
        influx_v2.stop()
        told = check(influx_v2.url)
        assert "whether the store runs" in told.mend("url")
    assert (told.code, told.wrong()) == (1, [("url", None)])


def test_victoria_metrics_is_told_from_influxdb_and_needs_no_buckets(
    victoria_metrics: VictoriaMetrics, tmp_path: Path, setup: Run, check: Run
) -> None:
    made = setup(victoria_metrics.url, f"--write-token-file={tmp_path / 'none'}")
    assert made.code == 0
    assert not (tmp_path / "none").exists()
    assert "-retentionPeriod=100y" in made.mend("retention")
    assert check(victoria_metrics.url).wrong() == [("texts", None)]
    told = check(victoria_metrics.url, "texts = false")
    assert (told.code, told.marks("mapping")) == (0, {None: "unseen"})
    assert not victoria_metrics.export(), "nothing was written"


def test_victoria_metrics_started_without_flags_keeps_a_month_and_doubles(
    tmp_path: Path, check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = VictoriaMetrics._prepare

    def bare(self: VictoriaMetrics) -> Sequence[str]:
        return [word for word in prepare(self) if "retention" not in word and "dedup" not in word]

    monkeypatch.setattr(VictoriaMetrics, "_prepare", bare)
    with VictoriaMetrics(tmp_path / "bare") as server:
        told = check(server.url, "texts = false")
    assert told.wrong() == [("retention", None), ("twice", None)]
    assert "keeps only 31 days" in next(line["text"] for line in told.lines if line["what"] == "retention")


class Guarded(InfluxDB16):
    """It asks for an account."""

    def _prepare(self) -> Sequence[str]:
        command = super()._prepare()
        config = self.folder / "influxdb.conf"
        config.write_text(config.read_text().replace("[http]\n", "[http]\nauth-enabled = true\n"))
        return command


def test_influxdb_1_with_accounts_wants_the_administrators(tmp_path: Path, setup: Run, check: Run, secret: Run) -> None:
    account = secret("operator.token", "admin:mat-khau")
    with Guarded(tmp_path / "guarded") as server, Nginx(server.url, tmp_path / "front") as front:
        server.query("CREATE USER admin WITH PASSWORD 'mat-khau' WITH ALL PRIVILEGES")
        told = setup(front.url)
        assert told.wrong() == [("stopped", None)]
        assert "name:password" in told.mend("stopped")
        assert setup(front.url, f"--operator-token-file={account}").marks("bucket") == dict.fromkeys(NAMES, "made")
        seen = check(front.url, "", f"--operator-token-file={account}")
        assert seen.wrong() == [("token", None)]
        assert "accounts" in seen.mend("token")
        assert seen.marks("retention") == dict.fromkeys(NAMES, "ok")
        assert check(front.url).marks("mapping") == dict.fromkeys(NAMES, "unseen")

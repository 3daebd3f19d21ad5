"""What stands behind an address: InfluxDB 1, 2 or 3, or VictoriaMetrics.

Read from `/health` (InfluxDB 1.8 and 2: JSON with its version; 3 and VictoriaMetrics: `OK`), `/metrics`
(`vm_app_version`) and `/ping` (header `X-Influxdb-Version`; InfluxDB 3: JSON). VictoriaMetrics also calls itself
InfluxDB 1.8.0 in some of its answers, so it is asked for first.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from doxa_collector.stores.door import Answer, Door, NoAnswerError
from doxa_core.language import Text


class Kind(StrEnum):
    """Kinds of store."""

    INFLUX1 = "influxdb1"
    INFLUX2 = "influxdb2"
    INFLUX3 = "influxdb3"
    VICTORIA = "victoriametrics"


@dataclass(frozen=True, slots=True)
class Product:
    """A store by its name."""

    kind: Kind
    version: str
    """As it says itself, without a leading v; empty where it does not say."""

    @property
    def name(self) -> str:
        """For people: `InfluxDB 2.7.12`."""
        name = "VictoriaMetrics" if self.kind is Kind.VICTORIA else "InfluxDB"
        return f"{name} {self.version}".strip()


_KINDS: Final = {"1": Kind.INFLUX1, "2": Kind.INFLUX2, "3": Kind.INFLUX3}
_VERSION: Final = re.compile(r"v?([0-9]+)(\.[0-9A-Za-z.~+_-]{0,40})?")
_VM_VERSION: Final = re.compile(r'vm_app_version\{[^}]*short_version="([^"]{0,40})"')


def identify(door: Door) -> Product:
    """What answers there; `NoAnswerError` where nobody does, or something else."""
    health = door.ask("/health")
    if (found := _influx(_health_version(health))) is not None:
        return found
    if health.status == 200 and health.text.strip() == "OK" and (found := _victoria(door)) is not None:
        return found
    ping = door.ask("/ping")
    found = _influx(_ping_version(ping))
    if found is not None and found.kind is Kind.INFLUX1 and health.text.strip() == "OK":
        return Product(Kind.VICTORIA, "")  # one that hides /metrics: no InfluxDB 1 answers like this
    if found is not None:
        return found
    raise _stranger(door.url, health, ping)


def _health_version(answer: Answer) -> str | None:
    found = answer.json()
    if not isinstance(found, dict) or found.get("name") != "influxdb":
        return None
    return found.get("version") if isinstance(found.get("version"), str) else None


def _ping_version(answer: Answer) -> str | None:
    found = answer.json()
    if isinstance(found, dict) and isinstance(found.get("version"), str):
        return str(found["version"])
    return answer.headers.get("x-influxdb-version")


def _influx(said: str | None) -> Product | None:
    match = _VERSION.fullmatch(said or "")
    if match is None or match[1] not in _KINDS:
        return None
    return Product(_KINDS[match[1]], match[0].removeprefix("v"))


def _victoria(door: Door) -> Product | None:
    answer = door.ask("/metrics")
    if answer.status != 200 or "vm_app_version" not in answer.text:
        return None
    match = _VM_VERSION.search(answer.text)
    return Product(Kind.VICTORIA, "" if match is None else match[1].removeprefix("v"))


def _stranger(url: str, health: Answer, ping: Answer) -> NoAnswerError:
    if any("HTTPS" in answer.text and answer.status == 400 for answer in (health, ping)):
        return NoAnswerError(_PLAIN.fill(url=url), _WANT_TLS.fill(url=url.replace("http://", "https://", 1)))
    if ping.status in (401, 403):
        return NoAnswerError(_CLOSED.fill(url=url, status=ping.status), _OPEN)
    if ping.status in (301, 302, 303, 307, 308):
        place = ping.headers.get("location", "?")[:100]
        return NoAnswerError(_MOVED.fill(url=url, status=ping.status, place=place), _FOLLOW)
    what = _PAGE if health.is_page or ping.is_page else _STRANGE
    return NoAnswerError(what.fill(url=url, status=ping.status), _NAMED)


_PLAIN = Text(vi="{url}: cổng này dùng TLS", en="{url}: this port wants TLS")
_WANT_TLS = Text(vi='hãy ghi url = "{url}"', en='write url = "{url}"')
_CLOSED = Text(
    vi="{url} trả lời {status} trước khi nói nó là gì", en="{url} answers {status} before it says what it is"
)
_OPEN = Text(
    vi="hãy kiểm tra token_file; nếu có proxy đứng trước, hãy cho qua /health và /ping",
    en="check token_file; where a proxy stands in front, let /health and /ping pass",
)
_MOVED = Text(vi="{url} chuyển hướng ({status}) sang {place}", en="{url} redirects ({status}) to {place}")
_FOLLOW = Text(vi="hãy ghi thẳng địa chỉ của kho số liệu vào url", en="write the store's own address as url")
_PAGE = Text(
    vi="{url} trả lời bằng một trang web, không phải kho số liệu", en="{url} answers with a web page, not as a store"
)
_STRANGE = Text(
    vi="{url} trả lời ({status}) nhưng không phải InfluxDB hay VictoriaMetrics",
    en="{url} answers ({status}), but is neither InfluxDB nor VictoriaMetrics",
)
_NAMED = Text(
    vi="hãy ghi vào url địa chỉ và cổng của kho số liệu, ví dụ http://127.0.0.1:8086",
    en="write the store's address and port as url, such as http://127.0.0.1:8086",
)

"""The three InfluxQL data sources, one a tier. The token goes into a header that Grafana keeps and never shows."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from doxa_core.language import Text
from doxa_dashboards.catalogue import Tier
from doxa_dashboards.publish.api import Api, RefusedError
from doxa_dashboards.publish.differences import differences
from doxa_dashboards.publish.scene import PREFIX, Scene, part
from doxa_dashboards.publish.secret import mark, read_certificate, read_secret
from doxa_dashboards.publish.settings import Store
from doxa_dashboards.publish.step import Action, Kind, Step

TIERS: Final = {
    Tier.RAW: ("Đo xã", "1m"),
    Tier.FIVE_MINUTES: ("Đo xã – 5 phút", "5m"),
    Tier.LONG: ("Đo xã – dài hạn", "1h"),
}
"""Name and shortest useful step of each tier's data source."""
MARK: Final = "doxaMark"
"""A key in `jsonData` that only our sources have; it changes with their secrets."""


def plan(scene: Scene) -> Iterator[Step]:
    """A step for each tier, and for each source of ours that is no longer wanted."""
    wanted = wanted_sources(scene.org.store)
    there = {str(one["uid"]): one for one in scene.api.get("/datasources")}
    for body in wanted:
        yield _wanted(scene, body, there.get(body["uid"]))
    for uid, found in there.items():
        ours = uid.startswith(PREFIX) and MARK in (found.get("jsonData") or {})
        if ours and uid not in {body["uid"] for body in wanted}:
            remove = partial(scene.api.delete, f"/datasources/uid/{part(uid)}")
            action = Action.DELETE if scene.prune else Action.LEFT
            yield Step(kind=Kind.SOURCE, name=f"{found['name']} ({uid})", action=action, do=remove)


def wanted_sources(store: Store, *, marked: bool = True) -> list[dict[str, Any]]:
    """The bodies, without secrets; None is a field that must not be there. Unless `marked`, no secret is read."""
    return [_body(store, tier, name, step, marked=marked) for tier, (name, step) in TIERS.items()]


def secrets_of(store: Store) -> dict[str, str]:
    """What Grafana encrypts."""
    found = {}
    if store.token_file is not None:
        found["httpHeaderValue1"] = f"Token {read_secret(store.token_file)}"
    if store.ca_file is not None:
        found["tlsCACert"] = read_certificate(store.ca_file)
    return found


def _body(store: Store, tier: Tier, name: str, step: str, *, marked: bool) -> dict[str, Any]:
    return {
        "uid": str(tier),
        "name": name,
        "type": "influxdb",
        "access": "proxy",
        "url": store.url,
        "jsonData": {
            "version": "InfluxQL",
            "dbName": tier.database.replace(Tier.RAW.database, store.database, 1),
            "httpMode": "POST",  # a query that asks for many lines is longer than an address may be
            "timeInterval": step,
            "httpHeaderName1": None if store.token_file is None else "Authorization",
            "tlsAuthWithCACert": True if store.ca_file is not None else None,
            MARK: _mark_of(store) if marked else None,
        },
    }


def _mark_of(store: Store) -> str:
    return mark("\n".join(secrets_of(store).values()), store.url)


def _wanted(scene: Scene, body: dict[str, Any], found: dict[str, Any] | None) -> Step:
    name = f"{body['name']} ({body['uid']})"
    if found is None:
        make = partial(_create, scene.api, scene.org.store, body)
        return Step(kind=Kind.SOURCE, name=name, action=Action.CREATE, do=make)
    changes = tuple(differences(found, body, whole=False))
    if not changes:
        return Step(kind=Kind.SOURCE, name=name, action=Action.KEEP)
    if found.get("readOnly"):
        return Step(kind=Kind.SOURCE, name=name, action=Action.BLOCKED, changes=changes, note=_READ_ONLY)
    write = partial(_update, scene.api, scene.org.store, body, found)
    return Step(kind=Kind.SOURCE, name=name, action=Action.CHANGE, changes=changes, do=write)


def _create(api: Api, store: Store, body: dict[str, Any]) -> None:
    api.post("/datasources", _with_secrets(store, body, {}))


def _update(api: Api, store: Store, body: dict[str, Any], found: dict[str, Any]) -> None:
    """`version` lets Grafana refuse if somebody changed it since we looked."""
    whole = _with_secrets(store, body, found.get("jsonData") or {})
    kept = {"isDefault": bool(found.get("isDefault")), "version": found.get("version", 0)}
    api.put(f"/datasources/uid/{part(body['uid'])}", whole | kept)


def _with_secrets(store: Store, body: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The body to send. What Grafana or people added to `jsonData` stays."""
    joined = {key: value for key, value in (found | body["jsonData"]).items() if value is not None}
    return body | {"jsonData": joined, "secureJsonData": secrets_of(store)}


def ill(api: Api) -> Iterator[Text]:
    """A sentence for each source of ours that Grafana itself cannot ask."""
    for tier in TIERS:
        uid = str(tier)
        try:
            said = api.get(f"/datasources/uid/{part(uid)}/health")
        except RefusedError as error:
            yield _ILL.fill(uid=uid, words=error.text)
            continue
        if isinstance(said, dict) and said.get("status") not in (None, "OK"):
            yield _ILL.fill(uid=uid, words=str(said.get("message", ""))[:200])


_READ_ONLY = Text(
    vi="do tệp provisioning tạo ra; hãy sửa tệp đó, hoặc bỏ tệp rồi chạy lại",
    en="it comes from a provisioning file; change that file, or remove it and run again",
)
_ILL = Text(
    vi="Grafana không hỏi được nguồn dữ liệu {uid}: {words}", en="Grafana cannot ask the data source {uid}: {words}"
)

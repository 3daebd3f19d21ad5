"""A Grafana in memory: the documented endpoints that we use, refusing what Grafana refuses.

Every request's path must stand in Grafana's own API description (`../shared/grafana/openapi3.json`), and its body must
satisfy the schema there, fields that the schema does not know included. What breaks that is kept in `violations`, so a
test sees it even where our client would go on. Long, because all endpoints share one state under one lock.
"""

import copy
import json
import os
import re
import threading
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema_rs

from doxa_lab.ports import free_port

REPOSITORY = Path(__file__).parents[3]
Answer = tuple[int, Any]

PERMISSIONS = {
    ("POST", "/folders"): "folders:create",
    ("PUT", "/folders/{folder_uid}"): "folders:write",
    ("DELETE", "/folders/{folder_uid}"): "folders:delete",
    ("POST", "/folders/{folder_uid}/permissions"): "folders.permissions:write",
    ("GET", "/datasources"): "datasources:read",
    ("POST", "/datasources"): "datasources:create",
    ("PUT", "/datasources/uid/{uid}"): "datasources:write",
    ("POST", "/dashboards/db"): "dashboards:create",
    ("POST", "/teams"): "teams:create",
    ("POST", "/v1/provisioning/alert-rules"): "alert.provisioning:write",
    ("PUT", "/v1/provisioning/policies"): "alert.provisioning:write",
}


def description_file() -> Path:
    """Where Grafana's API description lies: `DOXA_GRAFANA_API`, else beside the checkout."""
    return Path(os.environ.get("DOXA_GRAFANA_API", REPOSITORY.parent / "shared" / "grafana" / "openapi3.json"))


@dataclass(frozen=True)
class Operation:
    template: str
    pattern: re.Pattern[str]
    methods: dict[str, Any]


@cache
def operations() -> tuple[Operation, ...]:
    """The paths of the description, those without parameters first."""
    file = description_file()
    assert file.is_file(), f"Grafana's API description is not at {file}: set DOXA_GRAFANA_API"
    described = json.loads(file.read_text())
    closed = _closed(described["components"]["schemas"])
    found = []
    for template, methods in described["paths"].items():
        pattern = re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(template)) + "$")
        bodies = {name.upper(): _validator(one, closed) for name, one in methods.items() if isinstance(one, dict)}
        found.append(Operation(template, pattern, bodies))
    return tuple(sorted(found, key=lambda one: one.template.count("{")))


def _closed(schema: Any) -> Any:
    """The same schemas, refusing properties that they do not name: a misspelt field is a defect."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        found["additionalProperties"] = False
    return found


WANTED_BODIES = (
    "CreateFolderCommand", "UpdateFolderCommand", "UpdateDashboardACLCommand", "AddDataSourceCommand",
    "UpdateDataSourceCommand", "SaveDashboardCommand", "CreateTeamCommand", "ProvisionedAlertRule", "AlertRuleGroup",
    "EmbeddedContactPoint", "Route",
)  # fmt: skip
"""Schemas that are compiled; a body of any other is refused, so a new endpoint is noticed."""


def _validator(operation: dict[str, Any], schemas: Any) -> Any:
    body = operation.get("requestBody")
    if body is None:
        return None
    name = body.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    if name not in WANTED_BODIES:
        return f"a body of {name or 'an unknown form'}"
    return jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})


@dataclass
class Org:
    """What one organisation holds."""

    number: int
    teams: dict[int, str] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    permissions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    """uid → dashboard, folderUid, messages, provisioned."""
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    intervals: dict[tuple[str, str], int] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    contact_secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    policy: dict[str, Any] = field(
        default_factory=lambda: {"receiver": "grafana-default-email", "group_by": ["grafana_folder", "alertname"]}
    )


class RefusalError(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.answer: Answer = (code, {"message": message, **more})


SECRET_SETTINGS = ("bottoken", "authorization_credentials", "password")


class Grafana:
    """The server. `orgs` is its state; `tokens` says which token belongs to which organisation."""

    def __init__(self) -> None:
        self.orgs = {1: Org(1), 2: Org(2)}
        self.tokens = {"internal-token": 1, "public-token": 2}
        self.missing: set[str] = set()
        """Permissions that the tokens lack."""
        self.violations: list[str] = []
        self.calls: list[tuple[str, str, Any]] = []
        self.hook: Any = None
        """Called before each request with (method, path): may change the state, or return an answer of its own."""
        self._lock = threading.Lock()
        self._server = _bound(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def changes(self) -> list[tuple[str, str]]:
        """What was asked for that is no reading."""
        return [(method, path) for method, path, _ in self.calls if method != "GET"]

    # --- the way in

    def handle(self, method: str, target: str, token: str, headers: Any, body: Any) -> Answer:
        with self._lock:
            parts = urlsplit(target)
            path = unquote(parts.path.removeprefix("/api"))
            self.calls.append((method, path, copy.deepcopy(body)))
            if self.hook is not None and (own := self.hook(method, path)) is not None:
                return own  # type: ignore[no-any-return]
            try:
                return self._dispatch(
                    method, parts.path.removeprefix("/api"), parse_qs(parts.query), token, headers, body
                )
            except RefusalError as refusal:
                return refusal.answer
            except Exception as fault:  # noqa: BLE001 - our own, or a body that the description takes and we do not
                self.violations.append(f"{method} {path}: {fault!r}")
                return 500, {"message": "a fault of the test's server"}

    def _dispatch(
        self, method: str, path: str, query: dict[str, list[str]], token: str, headers: Any, body: Any
    ) -> Answer:
        operation = next((one for one in operations() if method in one.methods and one.pattern.match(path)), None)
        if operation is None:
            return self._violation(f"{method} {path} is not in the description")
        if token not in self.tokens:
            raise RefusalError(401, "Invalid API key")
        validator = operation.methods[method]
        if body is not None:
            problem = _problem(validator, body)
            if problem:
                return self._violation(f"{method} {path}: {problem}")
        needed = PERMISSIONS.get((method, operation.template))
        if needed in self.missing:
            raise RefusalError(
                403,
                f"You'll need additional permissions to perform this action. Permissions needed: {needed}",
                accessErrorId="ACE0000000001",
                title="Access denied",
            )
        found = operation.pattern.match(path)
        assert found is not None
        arguments = [unquote(part) for part in found.groups()]
        name = f"{method} {operation.template}"
        handler = HANDLERS.get(name)
        if handler is None:
            return self._violation(f"{name} is not implemented here")
        org = self.orgs[self.tokens[token]]
        answer: Answer = handler(org, arguments, query, body, headers)
        return answer

    def _violation(self, words: str) -> Answer:
        self.violations.append(words)
        return 400, {"message": words}


def _problem(validator: Any, body: Any) -> str:
    if validator is None:
        return "no body is taken here"
    if isinstance(validator, str):
        return validator
    return "; ".join(f"{error.instance_path}: {error.message}"[:300] for error in validator.iter_errors(body))


def _bound(grafana: Grafana) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536  # head and body in one packet: two wait for each other's acknowledgement

        def log_message(self, *_args: Any) -> None:
            pass

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            body = json.loads(raw) if raw else None
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            status, found = grafana.handle(self.command, self.path, token, self.headers, body)
            html = isinstance(found, str)
            data = found.encode() if html else b"" if found is None else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if html else "application/json")
            self.send_header("Content-Length", str(len(data)))
            if 300 <= status < 400:
                self.send_header("Location", "/login")
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

    for _ in range(20):
        try:
            server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        except OSError:
            continue
        server.daemon_threads = True
        return server
    raise OSError("no free port")


# --- teams


def _search_teams(org: Org, _a: list[str], query: dict[str, list[str]], _b: Any, _h: Any) -> Answer:
    name = query.get("name", [None])[0]
    teams = [_team(org, n, t) for n, t in org.teams.items() if name is None or t == name]
    return 200, {"totalCount": len(teams), "teams": teams, "page": 1, "perPage": 1000}


def _team(org: Org, number: int, name: str) -> dict[str, Any]:
    return {
        "id": number,
        "uid": f"t{number}",
        "orgId": org.number,
        "name": name,
        "memberCount": 0,
        "isProvisioned": False,
    }


def _add_team(org: Org, _a: list[str], _q: Any, body: Any, _h: Any) -> Answer:
    if body["name"] in org.teams.values():
        raise RefusalError(409, "Team name taken")
    number = max(org.teams, default=0) + 1
    org.teams[number] = body["name"]
    return 200, {"message": "Team created", "teamId": number}


# --- folders


def _folder(org: Org, uid: str) -> dict[str, Any]:
    if uid not in org.folders:
        raise RefusalError(404, "folder not found", status="not-found")
    return org.folders[uid]


def _add_folder(org: Org, _a: list[str], _q: Any, body: Any, _h: Any) -> Answer:
    uid = body.get("uid") or f"f{len(org.folders)}"
    if not body.get("title"):
        raise RefusalError(400, "folder title cannot be empty")
    if uid in org.folders:
        raise RefusalError(409, "a folder with the same UID already exists")
    if any(one["title"] == body["title"] for one in org.folders.values()):
        raise RefusalError(409, "a folder with the same name already exists in the current location")
    org.folders[uid] = {"uid": uid, "title": body["title"], "version": 1, "orgId": org.number}
    org.permissions[uid] = [
        {"userId": 77, "permission": 4},  # its maker
        {"role": "Editor", "permission": 2},
        {"role": "Viewer", "permission": 1},
    ]
    return 200, org.folders[uid]


def _change_folder(org: Org, arguments: list[str], _q: Any, body: Any, _h: Any) -> Answer:
    folder = _folder(org, arguments[0])
    if not body.get("overwrite") and body.get("version") != folder["version"]:
        raise RefusalError(412, "the folder has been changed by someone else", status="version-mismatch")
    folder |= {"title": body["title"], "version": folder["version"] + 1}
    return 200, folder


def _inside(org: Org, uid: str) -> dict[str, int]:
    return {
        "alertrules": sum(rule["folderUID"] == uid for rule in org.rules.values()),
        "dashboards": sum(board["folderUid"] == uid for board in org.boards.values()),
        "folders": 0,
    }


def _remove_folder(org: Org, arguments: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    _folder(org, arguments[0])
    if _inside(org, arguments[0])["alertrules"]:
        raise RefusalError(400, "folder cannot be deleted: it contains alert rules")
    del org.folders[arguments[0]], org.permissions[arguments[0]]
    org.boards = {uid: one for uid, one in org.boards.items() if one["folderUid"] != arguments[0]}
    return 200, {"message": "Folder deleted", "title": ""}


def _permissions(org: Org, arguments: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    _folder(org, arguments[0])
    names = {1: "View", 2: "Edit", 4: "Admin"}
    return 200, [
        {
            **entry,
            "uid": arguments[0],
            "permissionName": names[entry["permission"]],
            "inherited": False,
            **({"team": org.teams[entry["teamId"]]} if entry.get("teamId") else {"teamId": 0, "team": ""}),
        }
        for entry in org.permissions[arguments[0]]
    ]


def _set_permissions(org: Org, arguments: list[str], _q: Any, body: Any, _h: Any) -> Answer:
    _folder(org, arguments[0])
    for item in body["items"]:
        subjects = [key for key in ("role", "teamId", "userId") if item.get(key)]
        if len(subjects) != 1 or item.get("permission") not in (1, 2, 4):
            raise RefusalError(400, "permission is invalid")
        if "teamId" in subjects and item["teamId"] not in org.teams:
            raise RefusalError(404, "team not found")
    org.permissions[arguments[0]] = body["items"]
    return 200, {"message": "Dashboard permissions updated", "id": 1, "title": ""}


# --- data sources


def _shown_source(org: Org, uid: str) -> dict[str, Any]:
    kept = dict.fromkeys(org.secrets.get(uid, {}), True)
    return {
        "id": 1,
        "orgId": org.number,
        "database": "",
        "user": "",
        "basicAuth": False,
        **org.sources[uid],
        "secureJsonFields": kept,
    }


def _source(org: Org, arguments: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    if arguments[0] not in org.sources:
        raise RefusalError(404, "Data source not found")
    return 200, _shown_source(org, arguments[0])


def _keep_source(org: Org, body: dict[str, Any], version: int) -> Answer:
    others = [one for uid, one in org.sources.items() if uid != body["uid"]]
    if any(one["name"] == body["name"] for one in others):
        raise RefusalError(409, "data source with the same name already exists")
    secrets = body.pop("secureJsonData", {})
    org.secrets[body["uid"]] = org.secrets.get(body["uid"], {}) | secrets
    org.sources[body["uid"]] = {**body, "version": version, "readOnly": False}
    shown = _shown_source(org, body["uid"])
    return 200, {"datasource": shown, "id": 1, "message": "Datasource added", "name": body["name"]}


def _add_source(org: Org, _a: list[str], _q: Any, body: Any, _h: Any) -> Answer:
    if body["uid"] in org.sources:
        raise RefusalError(409, "data source with the same uid already exists")
    return _keep_source(org, body, 1)


def _change_source(org: Org, arguments: list[str], _q: Any, body: Any, _h: Any) -> Answer:
    found = org.sources.get(arguments[0])
    if found is None:
        raise RefusalError(404, "Data source not found")
    if found["readOnly"]:
        raise RefusalError(403, "Cannot update read-only data source")
    if body.get("version") and body["version"] != found["version"]:
        raise RefusalError(409, "Datasource has already been updated by someone else. Please reload and try again")
    return _keep_source(org, body, found["version"] + 1)


def _remove_source(org: Org, arguments: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    _source(org, arguments, None, None, None)
    del org.sources[arguments[0]]
    return 200, {"message": "Data source deleted"}


# --- dashboards


def _board(org: Org, arguments: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    if arguments[0] not in org.boards:
        raise RefusalError(404, "Dashboard not found", status="not-found")
    board = org.boards[arguments[0]]
    meta = {
        "folderUid": board["folderUid"],
        "provisioned": board["provisioned"],
        "version": board["dashboard"]["version"],
    }
    return 200, {"dashboard": board["dashboard"], "meta": meta}


def _save_board(org: Org, _a: list[str], _q: Any, body: Any, _h: Any) -> Answer:
    model = dict(body["dashboard"])
    if not model.get("title"):
        raise RefusalError(400, "Dashboard title cannot be empty", status="empty-name")
    if not re.fullmatch(r"[a-zA-Z0-9\-_]{1,40}", model.get("uid", "")):
        raise RefusalError(400, "uid contains illegal characters or is too long")
    if body.get("folderUid") and body["folderUid"] not in org.folders:
        raise RefusalError(400, "folder not found")
    there = org.boards.get(model["uid"])
    if there is not None:
        if there["provisioned"]:
            raise RefusalError(400, "Cannot save provisioned dashboard")
        if not body.get("overwrite") and model.get("version") != there["dashboard"]["version"]:
            raise RefusalError(412, "The dashboard has been changed by someone else", status="version-mismatch")
    beside = [
        one for uid, one in org.boards.items() if uid != model["uid"] and one["folderUid"] == body.get("folderUid", "")
    ]
    if any(one["dashboard"]["title"] == model["title"] for one in beside):
        raise RefusalError(412, "A dashboard with the same name in the folder already exists", status="name-exists")
    version = 1 if there is None else there["dashboard"]["version"] + 1
    messages = [] if there is None else there["messages"]
    org.boards[model["uid"]] = {
        "dashboard": model | {"id": 100 + len(org.boards), "version": version},
        "folderUid": body.get("folderUid", ""),
        "messages": [body.get("message", ""), *messages],
        "provisioned": False,
    }
    return 200, {"uid": model["uid"], "status": "success", "version": version, "id": 1, "url": "/d/x"}


def _versions(org: Org, arguments: list[str], query: dict[str, list[str]], _b: Any, _h: Any) -> Answer:
    messages = org.boards[arguments[0]]["messages"][: int(query["limit"][0])]
    return 200, {
        "continueToken": "",
        "versions": [{"id": n, "version": n, "message": m} for n, m in enumerate(messages)],
    }


def _remove_board(org: Org, arguments: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    _board(org, arguments, None, None, None)
    del org.boards[arguments[0]]
    return 200, {"title": "", "message": "Dashboard deleted"}


def _search(org: Org, _a: list[str], query: dict[str, list[str]], _b: Any, _h: Any) -> Answer:
    if query["type"] == ["dash-folder"]:
        found = [{"uid": uid, "title": one["title"], "type": "dash-folder"} for uid, one in org.folders.items()]
    else:
        found = [
            {"uid": uid, "title": one["dashboard"]["title"], "type": "dash-db"}
            for uid, one in org.boards.items()
            if set(query.get("tag", [])) <= set(one["dashboard"].get("tags") or [])
        ]
    limit, page = int(query["limit"][0]), int(query["page"][0])
    return 200, found[(page - 1) * limit : page * limit]


# --- alerting


def _provenance(headers: Any) -> str:
    return "" if headers.get("X-Disable-Provenance") else "api"


def _check_provenance(found: str, wanted: str) -> None:
    """Nobody → API is allowed; API → nobody and anything from a file is not."""
    if found != wanted and found != "":
        raise RefusalError(409, f"cannot change provenance from '{found}' to '{wanted}'")


def _check_rule(org: Org, rule: dict[str, Any]) -> None:
    if rule["folderUID"] not in org.folders:
        raise RefusalError(400, "invalid alert rule: folder does not exist")
    if rule["condition"] not in [query["refId"] for query in rule["data"]]:
        raise RefusalError(400, "invalid alert rule: condition does not exist")
    if not re.fullmatch(r"(\d+[smhdw])+", rule["for"]):
        raise RefusalError(400, "invalid alert rule: not a valid duration")
    twins = [one for one in org.rules.values() if one["uid"] != rule["uid"] and one["folderUID"] == rule["folderUID"]]
    if any(one["title"] == rule["title"] for one in twins):
        raise RefusalError(409, "rule title under the same organisation and folder should be unique")


def _list_rules(org: Org, _a: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    return 200, list(org.rules.values())


def _shown_rule(rule: dict[str, Any], provenance: str) -> dict[str, Any]:
    """With what Grafana adds: ids, empty settings, its own spelling of a duration."""
    waits = {"60m": "1h", "120s": "2m"}
    return {
        "id": 5, "isPaused": False, "keep_firing_for": "0s", "notification_settings": None, "record": None,
        "updated": "2026-11-22T00:00:00Z", **rule, "for": waits.get(rule["for"], rule["for"]), "provenance": provenance,
    }  # fmt: skip


def _add_rule(org: Org, _a: list[str], _q: Any, body: Any, headers: Any) -> Answer:
    if body["uid"] in org.rules:
        raise RefusalError(409, "a conflicting alert rule is found: rule UID must be unique")
    _check_rule(org, body)
    org.rules[body["uid"]] = _shown_rule(body, _provenance(headers))
    org.intervals.setdefault((body["folderUID"], body["ruleGroup"]), 60)
    return 201, org.rules[body["uid"]]


def _change_rule(org: Org, arguments: list[str], _q: Any, body: Any, headers: Any) -> Answer:
    found = org.rules.get(arguments[0])
    if found is None:
        raise RefusalError(404, "alert rule not found")
    _check_provenance(found["provenance"], _provenance(headers))
    _check_rule(org, body)
    org.rules[arguments[0]] = _shown_rule(body, _provenance(headers))
    return 200, org.rules[arguments[0]]


def _remove_rule(org: Org, arguments: list[str], _q: Any, _b: Any, headers: Any) -> Answer:
    found = org.rules.get(arguments[0])
    if found is not None:
        _check_provenance(found["provenance"], _provenance(headers))
        del org.rules[arguments[0]]
    return 204, None


def _rules_of(org: Org, folder: str, group: str) -> list[dict[str, Any]]:
    return [rule for rule in org.rules.values() if (rule["folderUID"], rule["ruleGroup"]) == (folder, group)]


def _group(org: Org, arguments: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    rules = _rules_of(org, *arguments)
    if not rules:
        raise RefusalError(404, "")
    return 200, {
        "title": arguments[1],
        "folderUid": arguments[0],
        "interval": org.intervals[arguments[0], arguments[1]],
        "rules": rules,
    }


def _write_group(org: Org, arguments: list[str], _q: Any, body: Any, headers: Any) -> Answer:
    if body["interval"] <= 0 or body["interval"] % 10:
        raise RefusalError(400, "interval should be a multiple of the scheduler's")
    given = {rule["uid"]: rule for rule in body["rules"]}
    for rule in _rules_of(org, *arguments):
        _check_provenance(rule["provenance"], _provenance(headers))
        if rule["uid"] not in given:
            del org.rules[rule["uid"]]
    for uid, rule in given.items():
        org.rules[uid] = _shown_rule(rule, _provenance(headers))
    org.intervals[arguments[0], arguments[1]] = body["interval"]
    return 200, body


def _list_contacts(org: Org, _a: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    return 200, list(org.contacts.values())


def _keep_contact(org: Org, body: dict[str, Any], provenance: str) -> None:
    secret = {key: body["settings"][key] for key in SECRET_SETTINGS if key in body["settings"]}
    org.contact_secrets[body["uid"]] = secret
    shown = body["settings"] | dict.fromkeys(secret, "[REDACTED]")
    org.contacts[body["uid"]] = {**body, "settings": shown, "provenance": provenance}


def _add_contact(org: Org, _a: list[str], _q: Any, body: Any, headers: Any) -> Answer:
    if body["uid"] in org.contacts:
        raise RefusalError(400, "uid is already taken")
    _keep_contact(org, body, _provenance(headers))
    return 202, org.contacts[body["uid"]]


def _change_contact(org: Org, arguments: list[str], _q: Any, body: Any, headers: Any) -> Answer:
    found = org.contacts.get(arguments[0])
    if found is None:
        raise RefusalError(404, "contact point not found")
    _check_provenance(found["provenance"], _provenance(headers))
    _keep_contact(org, body, _provenance(headers))
    return 202, {"message": "contactpoint updated"}


def _receivers(route: dict[str, Any]) -> set[str]:
    return {route["receiver"], *(name for inner in route.get("routes") or [] for name in _receivers(inner))}


def _remove_contact(org: Org, arguments: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    found = org.contacts.get(arguments[0])
    if found is None:
        return 202, {"message": "contactpoint deleted"}
    last = sum(one["name"] == found["name"] for one in org.contacts.values()) == 1
    if last and found["name"] in _receivers(org.policy):
        raise RefusalError(409, f"contact point '{found['name']}' is currently used by a notification policy")
    del org.contacts[arguments[0]]
    return 202, {"message": "contactpoint deleted"}


def _policies(org: Org, _a: list[str], _q: Any, _b: Any, _h: Any) -> Answer:
    return 200, org.policy


def _write_policies(org: Org, _a: list[str], _q: Any, body: Any, headers: Any) -> Answer:
    _check_provenance(org.policy.get("provenance", ""), _provenance(headers))
    known = {one["name"] for one in org.contacts.values()} | {"grafana-default-email"}
    for name in sorted(_receivers(body) - known):
        raise RefusalError(400, f"invalid object specification: receiver '{name}' does not exist")
    owner = _provenance(headers)
    org.policy = {**body, **({"provenance": owner} if owner else {})}
    return 202, {"message": "policies updated"}


HANDLERS: dict[str, Any] = {
    "GET /org": lambda org, *_: (200, {"id": org.number, "name": f"Org {org.number}", "address": {}}),
    "GET /teams/search": _search_teams,
    "POST /teams": _add_team,
    "GET /folders/{folder_uid}": lambda org, arguments, *_: (200, _folder(org, arguments[0])),
    "POST /folders": _add_folder,
    "PUT /folders/{folder_uid}": _change_folder,
    "DELETE /folders/{folder_uid}": _remove_folder,
    "GET /folders/{folder_uid}/counts": lambda org, arguments, *_: (200, _inside(org, arguments[0])),
    "GET /folders/{folder_uid}/permissions": _permissions,
    "POST /folders/{folder_uid}/permissions": _set_permissions,
    "GET /datasources": lambda org, *_: (200, [_shown_source(org, uid) for uid in org.sources]),
    "POST /datasources": _add_source,
    "GET /datasources/uid/{uid}": _source,
    "PUT /datasources/uid/{uid}": _change_source,
    "DELETE /datasources/uid/{uid}": _remove_source,
    "GET /datasources/uid/{uid}/health": lambda *_: (200, {"status": "OK", "message": "datasource is working"}),
    "GET /dashboards/uid/{uid}": _board,
    "POST /dashboards/db": _save_board,
    "DELETE /dashboards/uid/{uid}": _remove_board,
    "GET /dashboards/uid/{uid}/versions": _versions,
    "GET /search": _search,
    "GET /v1/provisioning/alert-rules": _list_rules,
    "POST /v1/provisioning/alert-rules": _add_rule,
    "PUT /v1/provisioning/alert-rules/{UID}": _change_rule,
    "DELETE /v1/provisioning/alert-rules/{UID}": _remove_rule,
    "GET /v1/provisioning/folder/{FolderUID}/rule-groups/{Group}": _group,
    "PUT /v1/provisioning/folder/{FolderUID}/rule-groups/{Group}": _write_group,
    "GET /v1/provisioning/contact-points": _list_contacts,
    "POST /v1/provisioning/contact-points": _add_contact,
    "PUT /v1/provisioning/contact-points/{UID}": _change_contact,
    "DELETE /v1/provisioning/contact-points/{UID}": _remove_contact,
    "GET /v1/provisioning/policies": _policies,
    "PUT /v1/provisioning/policies": _write_policies,
}

"""A double of InfluxDB 2's management, for machines that have no InfluxDB 2: state in memory, nothing is stored.

Organisations, buckets, authorizations, DBRP mappings, `/api/v2/write` (which counts, and keeps nothing) and `/query`
(`SHOW DATABASES`; all else is empty). Held against a real InfluxDB 2.7.12 on 22/11/2026, request by request, status and
words. It refuses what InfluxDB 2 refuses: an unknown token (401), a right that the token lacks (401 in management, 403
in writing; lists leave out what the token may not read), what does not exist (404), a name or mapping that exists (422),
a shard longer than the retention (500 for a new bucket, 422 for a change).
"""

import gzip
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from doxa_lab.ports import free_port

_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_SHARD_TOO_LONG: Final = "shard-group duration must also be updated to be smaller than new retention duration"


@dataclass
class Token:
    """An authorization."""

    id: str
    token: str
    rights: list[tuple[str, str]] | None
    """(action, bucket id); None is an operator's."""
    description: str = ""
    permissions: list[Any] = field(default_factory=list)


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class InfluxDB2Double:
    """One organisation on loopback, in a thread of this process.

    `virtual` says whether buckets are mapped to databases of their names by themselves, as later releases do.
    """

    OPERATOR = "operator-token-of-the-double"

    def __init__(self, *, org: str = "doxa", virtual: bool = True, version: str = "v2.7.12") -> None:
        self.org, self.org_id, self.virtual, self.version = org, "0a00000000000001", virtual, version
        self._ids = count(1)
        self.buckets: dict[str, dict[str, Any]] = {}
        self.system = [self._bucket("_monitoring", "system", 7 * _DAY_S), self._bucket("_tasks", "system", 3 * _DAY_S)]
        """The buckets that InfluxDB makes for itself."""
        self.mappings: list[dict[str, Any]] = []
        self.tokens = [Token("0b00000000000001", self.OPERATOR, None, "operator")]
        self.asked: list[str] = []
        """Method and path of every request, in order."""
        self.lines = 0
        """Lines of line protocol that came."""
        self.fail_at: Callable[[str], None] | None = None
        """Called with method and path before a request is carried out: a test may raise or stop there."""
        self._lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", free_port("127.0.0.1")), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("it was never started")
        return f"http://127.0.0.1:{self._server.server_port}"

    def new_id(self) -> str:
        """Sixteen hexadecimal digits."""
        return f"{0x0C00000000000000 + next(self._ids):016x}"

    def add_bucket(self, name: str, days: int = 0, shard_days: int = 0) -> str:
        """A bucket as a person made it; its id. Without a length of shards it gets the one that InfluxDB chooses."""
        one = self._bucket(name, "user", days * _DAY_S, shard_days * _DAY_S)
        self.buckets[one["id"]] = one
        return str(one["id"])

    def _bucket(self, name: str, kind: str, kept_s: int, shard_s: int = 0) -> dict[str, Any]:
        rule = {"type": "expire", "everySeconds": kept_s, "shardGroupDurationSeconds": shard_s or _shard_s(kept_s)}
        return {"id": self.new_id(), "orgID": self.org_id, "type": kind, "name": name, "retentionRules": [rule]}

    def add_mapping(self, database: str, bucket_id: str) -> None:
        """A mapping as a person made it."""
        self.mappings.append(self.mapping(database, bucket_id, virtual=False))

    def mapping(self, database: str, bucket_id: str, *, virtual: bool) -> dict[str, Any]:
        """A mapping as the API shows it."""
        return {
            "id": bucket_id if virtual else self.new_id(), "orgID": self.org_id, "bucketID": bucket_id,
            "database": database, "retention_policy": "autogen", "default": True, "virtual": virtual,
        }  # fmt: skip

    def add_token(self, *rights: tuple[str, str]) -> str:
        """A token that may do `(action, bucket id)`."""
        word = f"token-{self.new_id()}"
        self.tokens.append(Token(self.new_id(), word, list(rights)))
        return word

    def named(self, name: str) -> dict[str, Any] | None:
        """A bucket by its name."""
        return next((one for one in self.buckets.values() if one["name"] == name), None)

    def answer(self, method: str, path: str, query: Mapping[str, str], word: str, body: bytes) -> tuple[int, Any]:
        """Carry one request out; `RefusedError` where InfluxDB 2 refuses."""
        with self._lock:
            self.asked.append(f"{method} {path}")
            if self.fail_at is not None:
                self.fail_at(f"{method} {path}")
            if path in ("/health", "/ping"):
                return self._greeting(path)
            token = next((one for one in self.tokens if word in (f"Token {one.token}", f"Bearer {one.token}")), None)
            if token is None or (path == "/query" and not word.startswith("Token ")):
                raise RefusedError(401, "unauthorized", "Unauthorized" if path == "/query" else "unauthorized access")
            return self._serve(method, path, query, token, body)

    def _greeting(self, path: str) -> tuple[int, Any]:
        if path == "/ping":
            return 204, None
        said = {"name": "influxdb", "message": "ready for queries and writes", "status": "pass", "checks": []}
        return 200, {**said, "version": self.version, "commit": "0"}

    def _serve(self, method: str, path: str, query: Mapping[str, str], token: Token, body: bytes) -> tuple[int, Any]:
        if (method, path) == ("POST", "/api/v2/write"):
            return self._write(query, token, body)
        if path == "/query":
            return self._influxql(query, token)
        found: Any = json.loads(body) if body else {}
        room, _, one = path.removeprefix("/api/v2/").partition("/")
        served = {
            "orgs": self._orgs, "buckets": self._buckets, "authorizations": self._authorizations, "dbrps": self._dbrps,
        }.get(room)  # fmt: skip
        if served is None:
            raise RefusedError(404, "not found", "path not found")
        return served(method, one, query, token, found)

    def _check_org(self, query: Mapping[str, str]) -> None:
        if query.get("org", self.org) != self.org:
            raise RefusedError(404, "not found", f'organization name "{query["org"]}" not found')
        if query.get("orgID", self.org_id) != self.org_id:
            raise RefusedError(404, "not found", "organization not found")

    def _need(self, token: Token, action: str, bucket_id: str) -> None:
        if not self._may(token, action, bucket_id):
            raise RefusedError(401, "unauthorized", f"{action}:orgs/{self.org_id}/buckets/{bucket_id} is unauthorized")

    def _need_operator(self, token: Token, action: str, room: str) -> None:
        if token.rights is not None:
            raise RefusedError(401, "unauthorized", f"{action}:orgs/{self.org_id}/{room} is unauthorized")

    def _may(self, token: Token, action: str, bucket_id: str) -> bool:
        return token.rights is None or (action, bucket_id) in token.rights

    def _orgs(self, method: str, one: str, query: Mapping[str, str], token: Token, _: Any) -> tuple[int, Any]:
        self._check_org(query)
        if method != "GET" or one:
            raise RefusedError(405, "method not allowed", "method not allowed")
        seen = [] if token.rights is not None else [{"id": self.org_id, "name": self.org}]
        return 200, {"links": {"self": "/api/v2/orgs"}, "orgs": seen}

    def _buckets(self, method: str, one: str, query: Mapping[str, str], token: Token, given: Any) -> tuple[int, Any]:
        self._check_org(query)
        if method == "GET" and not one:
            return self._list_buckets(query, token)
        if method == "POST":
            self._need_operator(token, "write", "buckets")
            return self._make_bucket(given)
        if one not in self.buckets:
            raise RefusedError(404, "not found", "bucket not found")
        self._need(token, "read" if method == "GET" else "write", one)
        if method == "PATCH":
            rule = self.buckets[one]["retentionRules"][0] | given["retentionRules"][0]
            if 0 < rule["everySeconds"] < rule["shardGroupDurationSeconds"]:
                raise RefusedError(422, "unprocessable entity", _SHARD_TOO_LONG)
            self.buckets[one]["retentionRules"] = [rule]
        return 200, self.buckets[one]

    def _list_buckets(self, query: Mapping[str, str], token: Token) -> tuple[int, Any]:
        limit = int(query.get("limit", "20"))
        if not 1 <= limit <= 100:
            raise RefusedError(400, "invalid", "limit must be between 1 and 100")
        seen = sorted([*self.buckets.values(), *self.system], key=lambda b: str(b["name"]))
        if "name" in query:
            seen = [b for b in seen if b["name"] == query["name"]]
            if not seen:
                raise RefusedError(404, "not found", f'bucket "{query["name"]}" not found')
        if "after" in query:
            seen = seen[[b["id"] for b in seen].index(query["after"]) + 1 :]
        links = {"self": "/api/v2/buckets"} | ({"next": "/api/v2/buckets?…"} if len(seen) > limit else {})
        return 200, {"links": links, "buckets": [b for b in seen[:limit] if self._may(token, "read", b["id"])]}

    def _make_bucket(self, given: Any) -> tuple[int, Any]:
        if given.get("orgID") != self.org_id:
            raise RefusedError(404, "not found", "organization not found")
        if self.named(given["name"]) is not None:
            raise RefusedError(422, "conflict", f"bucket with name {given['name']} already exists")
        rule = (given.get("retentionRules") or [{"everySeconds": 0}])[0]
        kept, shard = rule["everySeconds"], rule.get("shardGroupDurationSeconds", 0)
        if 0 < kept < _HOUR_S:
            raise RefusedError(500, "internal error", "retention policy duration must be at least 1h0m0s")
        if 0 < kept < shard:
            raise RefusedError(
                500, "internal error", "retention policy duration must be greater than the shard duration"
            )
        one = self._bucket(given["name"], "user", kept, shard)
        self.buckets[one["id"]] = one
        return 201, one

    def _authorizations(
        self, method: str, one: str, query: Mapping[str, str], token: Token, given: Any
    ) -> tuple[int, Any]:
        self._check_org(query)
        if method == "DELETE" and all(t.id != one for t in self.tokens):
            raise RefusedError(404, "not found", "authorization not found")
        if method == "GET":
            seen = [] if token.rights is not None else [self._shown(t) for t in self.tokens]
            return 200, {"links": {"self": "/api/v2/authorizations"}, "authorizations": seen}
        self._need_operator(token, "write", "authorizations")
        if method == "POST":
            return self._authorize(given)
        self.tokens = [t for t in self.tokens if t.id != one]
        return 204, None

    def _authorize(self, given: Any) -> tuple[int, Any]:
        if not given.get("permissions"):
            raise RefusedError(400, "invalid", "authorization must include permissions")
        if given.get("orgID") != self.org_id:
            raise RefusedError(400, "invalid", "org id required")
        rights = []
        for one in given["permissions"]:
            where = one["resource"]
            if where["type"] != "buckets" or where["orgID"] != self.org_id:  # a bucket that is not there is taken
                raise RefusedError(400, "invalid", "invalid permission")
            rights.append((one["action"], where["id"]))
        made = Token(
            self.new_id(), f"token-{self.new_id()}==", rights, given.get("description", ""), given["permissions"]
        )
        self.tokens.append(made)
        return 201, self._shown(made)

    def _shown(self, token: Token) -> dict[str, Any]:
        return {
            "id": token.id, "token": token.token, "status": "active", "description": token.description,
            "orgID": self.org_id, "org": self.org, "permissions": token.permissions,
        }  # fmt: skip

    def _all_mappings(self) -> list[dict[str, Any]]:
        """A mapping of InfluxDB's own leads to every bucket, but for a database of its name that a person mapped."""
        mapped = {one["database"] for one in self.mappings}
        every = [*self.system, *self.buckets.values()] if self.virtual else []
        return self.mappings + [
            self.mapping(b["name"], b["id"], virtual=True) for b in every if b["name"] not in mapped
        ]

    def _dbrps(self, method: str, _: str, query: Mapping[str, str], token: Token, given: Any) -> tuple[int, Any]:
        if query.get("org", self.org) != self.org:
            raise RefusedError(404, "not found", f'invalid org "{query["org"]}": organization not found')
        self._check_org(query)
        if method == "GET":
            return 200, {"content": [m for m in self._all_mappings() if self._may(token, "read", m["bucketID"])]}
        if given.get("orgID") != self.org_id or given.get("bucketID") not in self.buckets:
            raise RefusedError(404, "not found", "bucket not found")
        self._need(token, "write", given["bucketID"])
        if any(one["database"] == given["database"] for one in self.mappings):
            raise RefusedError(422, "conflict", "another DBRP mapping with same orgID, db, and rp exists")
        made = self.mapping(given["database"], given["bucketID"], virtual=False)
        self.mappings.append(made)
        return 201, made

    def _write(self, query: Mapping[str, str], token: Token, body: bytes) -> tuple[int, Any]:
        self._check_org(query)
        bucket = self.named(query.get("bucket", ""))
        if bucket is None:
            raise RefusedError(404, "not found", f'bucket "{query.get("bucket")}" not found')
        if not self._may(token, "write", bucket["id"]):
            raise RefusedError(403, "forbidden", "insufficient permissions for write")
        self.lines += len(body.splitlines())
        return 204, None

    def _influxql(self, query: Mapping[str, str], token: Token) -> tuple[int, Any]:
        """Databases that are mapped and may be read; all that is asked of one of them is empty."""
        found: dict[str, Any] = {"statement_id": 0}
        seen = sorted({m["database"] for m in self._all_mappings() if self._may(token, "read", m["bucketID"])})
        if query.get("q") == "SHOW DATABASES":
            rows = {"values": [[one] for one in seen]} if seen else {}
            found["series"] = [{"name": "databases", "columns": ["name"], **rows}]
        elif query.get("q", "").startswith("SELECT") and query.get("db") not in seen:
            found["error"] = f"database not found: {query.get('db')}"
        return 200, {"results": [found]}


def _shard_s(kept_s: int) -> int:
    """How long a shard is of a bucket that was made without a word on it."""
    if kept_s == 0 or kept_s >= 180 * _DAY_S:
        return 7 * _DAY_S
    return _DAY_S if kept_s >= 2 * _DAY_S else _HOUR_S


def _handler(double: InfluxDB2Double) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            asked = urlsplit(self.path)
            query = {key: values[-1] for key, values in parse_qs(asked.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            word = self.headers.get("Authorization", "")
            try:
                status, found = double.answer(self.command, asked.path, query, word, body)
            except RefusedError as error:
                status, found = error.status, {"code": error.code, "message": error.message}
            with suppress(OSError):  # whoever asked may have been killed
                self._send(status, b"" if found is None else json.dumps(found).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("X-Influxdb-Build", "OSS")
            self.send_header("X-Influxdb-Version", double.version)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
            """Say nothing."""

    return Handler

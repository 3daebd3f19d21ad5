"""A double of InfluxDB 2's management, for machines that have no InfluxDB 2: state in memory, nothing is stored.

Written after InfluxData's documentation of the 2.7 API, not after a server: organisations, buckets, authorizations,
DBRP mappings, `/api/v2/write` (which counts, and keeps nothing) and `/query` (`SHOW DATABASES`; all else is empty). It
refuses what InfluxDB 2 refuses: an unknown token (401), a right that the token lacks (401 in management, 403 in
writing), what does not exist (404), a name that exists (422), a shard longer than the retention (422).
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
        self.buckets: dict[str, dict[str, Any]] = {}
        self.mappings: list[dict[str, Any]] = []
        self.tokens = [Token("0b00000000000001", self.OPERATOR, None, "operator")]
        self.asked: list[str] = []
        """Method and path of every request, in order."""
        self.lines = 0
        """Lines of line protocol that came."""
        self.fail_at: Callable[[str], None] | None = None
        """Called with method and path before a request is carried out: a test may raise or stop there."""
        self._ids = count(1)
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

    def add_bucket(self, name: str, days: int = 0) -> str:
        """A bucket as a person made it; its id."""
        one: dict[str, Any] = {
            "id": self.new_id(), "orgID": self.org_id, "type": "user", "name": name,
            "retentionRules": [{"type": "expire", "everySeconds": days * 86_400, "shardGroupDurationSeconds": 86_400}],
        }  # fmt: skip
        self.buckets[one["id"]] = one
        return str(one["id"])

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
            if token is None:
                raise RefusedError(401, "unauthorized", "unauthorized access")
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

    def _need_operator(self, token: Token, action: str, room: str) -> None:
        if token.rights is not None:
            raise RefusedError(401, "unauthorized", f"{action}:orgs/{self.org_id}/{room} is unauthorized")

    def _may(self, token: Token, action: str, bucket_id: str) -> bool:
        return token.rights is None or (action, bucket_id) in token.rights

    def _orgs(self, method: str, one: str, query: Mapping[str, str], token: Token, _: Any) -> tuple[int, Any]:
        self._check_org(query)
        if method != "GET" or one:
            raise RefusedError(405, "method not allowed", "method not allowed")
        if token.rights is not None:
            raise RefusedError(404, "not found", "organization not found")
        return 200, {"links": {"self": "/api/v2/orgs"}, "orgs": [{"id": self.org_id, "name": self.org}]}

    def _buckets(self, method: str, one: str, query: Mapping[str, str], token: Token, given: Any) -> tuple[int, Any]:
        self._check_org(query)
        if method == "GET" and not one:
            return self._list_buckets(query, token)
        self._need_operator(token, "read" if method == "GET" else "write", "buckets")
        if method == "POST":
            return self._make_bucket(given)
        if one not in self.buckets:
            raise RefusedError(404, "not found", "bucket not found")
        if method == "PATCH":
            self.buckets[one]["retentionRules"] = self._checked(given["retentionRules"])
        return 200, self.buckets[one]

    def _list_buckets(self, query: Mapping[str, str], token: Token) -> tuple[int, Any]:
        limit = int(query.get("limit", "20"))
        if not 1 <= limit <= 100:
            raise RefusedError(400, "invalid", "limit must be between 1 and 100")
        seen = [b for b in self.buckets.values() if self._may(token, "read", b["id"])]
        if "name" in query:
            seen = [b for b in seen if b["name"] == query["name"]]
            if not seen:
                raise RefusedError(404, "not found", f'bucket "{query["name"]}" not found')
        seen = sorted((b for b in seen if b["id"] > query.get("after", "")), key=lambda b: str(b["id"]))
        links = {"self": "/api/v2/buckets"} | ({"next": "/api/v2/buckets?…"} if len(seen) > limit else {})
        return 200, {"links": links, "buckets": seen[:limit]}

    def _make_bucket(self, given: Any) -> tuple[int, Any]:
        if given.get("orgID") != self.org_id:
            raise RefusedError(404, "not found", "organization not found")
        if self.named(given["name"]) is not None:
            raise RefusedError(422, "conflict", f"bucket with name {given['name']} already exists")
        rules = self._checked(given.get("retentionRules") or [])
        one = {"id": self.new_id(), "orgID": self.org_id, "type": "user", "name": given["name"]}
        self.buckets[one["id"]] = one | {"retentionRules": rules}
        return 201, self.buckets[one["id"]]

    def _checked(self, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for rule in rules:
            kept, shard = rule["everySeconds"], rule.get("shardGroupDurationSeconds", 0)
            if 0 < kept < _HOUR_S:
                raise RefusedError(422, "unprocessable entity", "retention policy duration must be at least 1h0m0s")
            if 0 < kept < shard:
                raise RefusedError(422, "unprocessable entity", "shard-group duration must be shorter than retention")
        return rules

    def _authorizations(
        self, method: str, one: str, query: Mapping[str, str], token: Token, given: Any
    ) -> tuple[int, Any]:
        self._check_org(query)
        self._need_operator(token, "read" if method == "GET" else "write", "authorizations")
        if method == "POST":
            return self._authorize(given)
        if method == "DELETE":
            kept = [t for t in self.tokens if t.id != one]
            if len(kept) == len(self.tokens):
                raise RefusedError(404, "not found", "authorization not found")
            self.tokens = kept
            return 204, None
        return 200, {
            "links": {"self": "/api/v2/authorizations"},
            "authorizations": [self._shown(t) for t in self.tokens],
        }

    def _authorize(self, given: Any) -> tuple[int, Any]:
        if given.get("orgID") != self.org_id or not given.get("permissions"):
            raise RefusedError(400, "invalid", "orgID and permissions are required")
        rights = []
        for one in given["permissions"]:
            where = one["resource"]
            if where["type"] != "buckets" or where.get("id") not in self.buckets or where["orgID"] != self.org_id:
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
        """A mapping of InfluxDB's own leads to every bucket; it is no default once a person mapped that bucket."""
        mapped = {one["bucketID"] for one in self.mappings}
        own = [self.mapping(b["name"], b["id"], virtual=True) for b in self.buckets.values() if self.virtual]
        return self.mappings + [one | {"default": one["bucketID"] not in mapped} for one in own]

    def _dbrps(self, method: str, _: str, query: Mapping[str, str], token: Token, given: Any) -> tuple[int, Any]:
        self._check_org(query)
        if method == "GET":
            return 200, {"content": [m for m in self._all_mappings() if self._may(token, "read", m["bucketID"])]}
        self._need_operator(token, "write", "dbrp")
        if given.get("orgID") != self.org_id or given.get("bucketID") not in self.buckets:
            raise RefusedError(404, "not found", "bucket not found")
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
        if not body:
            raise RefusedError(400, "invalid", "writing requires points")
        self.lines += len(body.splitlines())
        return 204, None

    def _influxql(self, query: Mapping[str, str], token: Token) -> tuple[int, Any]:
        """Databases that are mapped and may be read; everything else is like an empty one, never an error."""
        found: dict[str, Any] = {"statement_id": 0}
        if query.get("q") == "SHOW DATABASES":
            seen = {m["database"] for m in self._all_mappings() if self._may(token, "read", m["bucketID"])}
            found["series"] = [{"name": "databases", "columns": ["name"], "values": [[one] for one in sorted(seen)]}]
        return 200, {"results": [found]}


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

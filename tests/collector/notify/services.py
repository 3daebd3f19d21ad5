"""Local servers that behave like the services which carry messages: what they take, what they refuse, and in which words."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Reply = tuple[int, dict[str, Any], dict[str, str]]


@dataclass
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}


@dataclass
class Service:
    """What answers; `asked` keeps what came."""

    answer: Callable[[Asked], Reply]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(answer: Callable[[Asked], Reply]) -> Iterator[Service]:
    service = Service(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            asked = Asked(self.path, {key.lower(): value for key, value in self.headers.items()}, body)
            service.asked.append(asked)
            status, found, headers = service.answer(asked)
            content = json.dumps(found).encode()
            self.send_response(status)
            for key, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **headers,
            }.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join(10)


class TelegramBot:
    """The Bot API's `sendMessage` and `getMe` for one token, with its limits: 4096 characters, known chats, 429 on a flood."""

    def __init__(self, token: str, chats: tuple[str, ...], flood_after: int = 20) -> None:
        self.token, self.chats, self.flood_after = token, chats, flood_after
        self.messages: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> Reply:
        if not asked.path.startswith(f"/bot{self.token}/"):
            return self._error(401, "Unauthorized")
        method = asked.path.rsplit("/", 1)[1]
        if method == "getMe":
            return 200, {"ok": True, "result": {"id": 1, "is_bot": True, "username": "doxa_bot"}}, {}
        if method != "sendMessage":
            return self._error(404, "Not Found")
        found = asked.json()
        if not found.get("text"):
            return self._error(400, "Bad Request: message text is empty")
        if len(found["text"]) > 4096:
            return self._error(400, "Bad Request: message is too long")
        if str(found.get("chat_id")) not in self.chats:
            return self._error(400, "Bad Request: chat not found")
        if len(self.messages) >= self.flood_after:
            return self._error(429, "Too Many Requests: retry after 7", {"retry_after": 7})
        self.messages.append(found)
        return 200, {"ok": True, "result": {"message_id": len(self.messages)}}, {}

    @staticmethod
    def _error(code: int, words: str, parameters: dict[str, Any] | None = None) -> Reply:
        found: dict[str, Any] = {"ok": False, "error_code": code, "description": words}
        return code, found | ({"parameters": parameters} if parameters else {}), {}


class ZaloOa:
    """The OA's text message and the renewal of its tokens; a refresh token works once. Always HTTP 200, as the real one."""

    def __init__(self, access: str, refresh: str, followers: tuple[str, ...]) -> None:
        self.access, self.refresh, self.followers = access, refresh, followers
        self.messages: list[tuple[str, str]] = []
        self.quota = 1000
        self.renewed = 0

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/v4/oa/access_token":
            return self._renew(asked)
        if asked.path != "/v3.0/oa/message/cs":
            return 404, {}, {}
        if asked.headers.get("access_token") != self.access:
            return 200, {"error": -216, "message": "Access token is invalid"}, {}
        found = asked.json()
        user, text = found["recipient"]["user_id"], found["message"]["text"]
        if user not in self.followers:
            return 200, {"error": -213, "message": "User has not followed OA"}, {}
        if len(text) > 2000:
            return 200, {"error": -201, "message": "text is too long"}, {}
        if len(self.messages) >= self.quota:
            return 200, {"error": -211, "message": "Out of quota"}, {}
        self.messages.append((user, text))
        return 200, {"error": 0, "message": "Success", "data": {"message_id": "m", "user_id": user}}, {}

    def _renew(self, asked: Asked) -> Reply:
        form = asked.form()
        if asked.headers.get("secret_key") != "app-secret" or form.get("app_id") != "17":
            return 200, {"error": -14004, "error_name": "Invalid app", "error_description": "Invalid app"}, {}
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh:
            return 200, {"error": -14014, "error_name": "Invalid refresh token", "error_description": "used"}, {}
        self.renewed += 1
        self.access, self.refresh = f"access-{self.renewed}", f"refresh-{self.renewed}"
        return 200, {"access_token": self.access, "refresh_token": self.refresh, "expires_in": "90000"}, {}

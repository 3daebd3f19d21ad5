"""Zalo Official Account: a text message to users, by the OA OpenAPI v3 (developers.zalo.me, official-account).

`POST /v3.0/oa/message/cs` with the header `access_token`; every answer is HTTP 200 with `error` 0 or negative. The access
token lives for hours, and its refresh token works **once**: with `app_id`, `secret_key_file` and `tokens_file` (JSON with
`access_token` and `refresh_token`, rewritten by us, whole or not at all) doxa renews them itself (`/v4/oa/access_token`).
"""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from doxa_collector.files import optional_file, read_secret
from doxa_collector.notify.channel import Message, NotTakenError
from doxa_collector.notify.channels._http import post_form, post_json, read_url
from doxa_core.language import Text
from doxa_core.strict import Table

TITLE: Final = Text(vi="Zalo OA", en="Zalo OA")
LONGEST: Final = 2000
"""Characters of one message."""
_EXPIRED: Final = (-216, -124, -201)
"""Codes of an access token that is not good (any more)."""
_FOR_EVER: Final = (-207, -213, -227, -230, -204)
"""This user cannot be written to: unknown, no follower, blocked, silent for too long; or the message is not accepted."""
_LATER: Final = (-32, -211)
"""Too many requests, or the day's quota is used up."""
_QUOTA_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The account and whom it writes to."""

    tokens_file: Path
    app_id: str
    secret_key_file: Path
    user_ids: tuple[str, ...]
    url: str
    oauth_url: str


def read_options(table: Table, base: Path) -> Options:
    """`tokens_file`, `app_id`, `secret_key_file`, `user_ids`, `url`, `oauth_url`."""
    files = {key: optional_file(table, key, base) for key in ("tokens_file", "secret_key_file")}
    for key, file in files.items():
        if file is None:
            raise table.refuse(key, _MISSING, _WRITE_FILE)
    tokens, secret = files["tokens_file"], files["secret_key_file"]
    assert tokens is not None
    assert secret is not None
    users = table.texts("user_ids")
    if not users:
        raise table.refuse("user_ids", _NOBODY, _NAME_USERS)
    return Options(
        tokens_file=tokens,
        secret_key_file=secret,
        app_id=table.text("app_id"),
        user_ids=tuple(users),
        url=read_url(table, "url", "https://openapi.zalo.me").rstrip("/"),
        oauth_url=read_url(table, "oauth_url", "https://oauth.zaloapp.com").rstrip("/"),
    )


def open_channel(options: Options) -> "Zalo":
    """The channel."""
    return Zalo(options)


class Zalo:
    """Writes as the account to each user in turn."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._reached: dict[str, set[str]] = {}

    def send(self, message: Message) -> None:
        """To every user; after a failure in the middle the next attempt goes on with those who have not got it yet."""
        text = message.text(LONGEST)
        reached = self._reached.setdefault(text, set())
        never: NotTakenError | None = None
        for user in self._options.user_ids:
            if user in reached:
                continue
            try:
                self._tell(user, text)
            except NotTakenError as error:
                if not error.for_ever:
                    raise
                never = error
            reached.add(user)
        self._reached.clear()
        if never is not None and len(self._options.user_ids) == 1:
            raise never

    def check(self) -> Text:
        """The tokens can be read; whether Zalo takes them shows only by a message."""
        self._tokens()
        read_secret(self._options.secret_key_file)
        return _READY.fill(n=len(self._options.user_ids))

    def _tell(self, user: str, text: str) -> None:
        body = {"recipient": {"user_id": user}, "message": {"text": text}}
        for attempt in (1, 2):
            token = self._tokens()["access_token"]
            answer = post_json(f"{self._options.url}/v3.0/oa/message/cs", body, {"access_token": token})
            said = answer.json()
            error = said.get("error")
            if answer.status == 200 and error == 0:
                return
            if error in _EXPIRED and attempt == 1:
                self._renew()
                continue
            words = str(said.get("message", "")).replace(token, "•••")[:200] or f"HTTP {answer.status}"
            raise NotTakenError(
                _REFUSED.fill(host=self._host, error=error, said=words, user=user),
                retry_after_s=_QUOTA_S if error in _LATER else answer.retry_after_s,
                for_ever=error in _FOR_EVER,
            )

    def _renew(self) -> None:
        """A new pair of tokens; the old refresh token is used up by it, so the new one is kept before anything else."""
        old = self._tokens()
        form = {"refresh_token": old["refresh_token"], "app_id": self._options.app_id, "grant_type": "refresh_token"}
        secret = read_secret(self._options.secret_key_file)
        answer = post_form(f"{self._options.oauth_url}/v4/oa/access_token", form, {"secret_key": secret})
        said = answer.json()
        if not said.get("access_token") or not said.get("refresh_token"):
            words = str(said.get("error_description") or said.get("error_name") or f"HTTP {answer.status}")[:200]
            raise NotTakenError(_NOT_RENEWED.fill(host=self._host, said=words))
        self._keep({"access_token": str(said["access_token"]), "refresh_token": str(said["refresh_token"])})

    def _tokens(self) -> dict[str, str]:
        try:
            found: Any = json.loads(self._options.tokens_file.read_text(encoding="utf-8"))
            return {key: str(found[key]) for key in ("access_token", "refresh_token")}
        except (OSError, ValueError, KeyError, TypeError):
            raise NotTakenError(_BAD_TOKENS.fill(file=self._options.tokens_file)) from None

    def _keep(self, tokens: dict[str, str]) -> None:
        """Whole or not at all, readable by us only."""
        file = self._options.tokens_file
        try:
            handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as new:
                json.dump(tokens, new)
                new.flush()
                os.fsync(new.fileno())
            Path(name).replace(file)
        except OSError as error:
            raise NotTakenError(_NOT_KEPT.fill(file=file, why=error.strerror)) from None

    @property
    def _host(self) -> str:
        return urlsplit(self._options.url).hostname or ""


_MISSING = Text(vi="thiếu khóa bắt buộc này", en="this required key is missing")
_WRITE_FILE = Text(
    vi="hãy ghi đường dẫn của tệp bí mật, chỉ doxa đọc được",
    en="write the path of the secret file, readable by doxa only",
)
_NOBODY = Text(vi="chưa có người nhận", en="there is no recipient")
_NAME_USERS = Text(
    vi="hãy ghi mã người dùng Zalo đã quan tâm OA", en="write the ids of Zalo users who follow the account"
)
_READY = Text(vi="sẽ gửi tới {n} người nhận", en="it will send to {n} recipients")
_REFUSED = Text(
    vi="{host}: không gửi được tới người dùng {user} (lỗi {error}: {said})",
    en="{host}: it cannot send to the user {user} (error {error}: {said})",
)
_NOT_RENEWED = Text(
    vi="{host}: không gia hạn được mã truy cập ({said}); hãy cấp quyền lại cho OA và ghi lại tokens_file",
    en="{host}: the access token cannot be renewed ({said}); authorise the account again and rewrite tokens_file",
)
_BAD_TOKENS = Text(
    vi="{file}: không có access_token và refresh_token; hãy ghi lại tệp này",
    en="{file}: no access_token and refresh_token; write it again",
)
_NOT_KEPT = Text(
    vi="{file}: không ghi được mã mới ({why}); hãy cho doxa quyền ghi thư mục đó",
    en="{file}: the new tokens cannot be written ({why}); let doxa write that folder",
)

"""Telegram by its Bot API: `sendMessage` to one chat, group or channel (core.telegram.org/bots/api)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from doxa_collector.files import optional_file, read_secret
from doxa_collector.notify.channel import Message, NotTakenError
from doxa_collector.notify.channels._http import Answer, post_json, read_url
from doxa_core.language import Text
from doxa_core.strict import Table

TITLE: Final = Text(vi="Telegram", en="Telegram")
LONGEST: Final = 4096
"""Characters of one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The bot and the chat."""

    token_file: Path
    chat_id: str
    thread_id: int | None = None
    """A topic of a forum group."""
    url: str


def read_options(table: Table, base: Path) -> Options:
    """`token_file`, `chat_id`, `thread_id`, `url` (of a Bot API server of one's own)."""
    token_file = optional_file(table, "token_file", base)
    if token_file is None:
        raise table.refuse("token_file", _NO_TOKEN, _MAKE_BOT)
    return Options(
        token_file=token_file,
        chat_id=table.text("chat_id"),
        thread_id=table.integer("thread_id", 1, 2**53, None),
        url=read_url(table, "url", "https://api.telegram.org").rstrip("/"),
    )


def open_channel(options: Options) -> "Telegram":
    """The channel."""
    return Telegram(options)


class Telegram:
    """Sends as the bot. Its token stands in the URL, so no URL is ever shown."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def send(self, message: Message) -> None:
        """Plain text: no markup that a place's name could break."""
        found: dict[str, Any] = {
            "chat_id": self._options.chat_id,
            "text": message.text(LONGEST),
            "link_preview_options": {"is_disabled": True},
        }
        if self._options.thread_id is not None:
            found["message_thread_id"] = self._options.thread_id
        self._ask("sendMessage", found)

    def check(self) -> Text:
        """`getMe`: the token is good."""
        me = self._ask("getMe", {})
        return _READY.fill(name=me.get("username", "?"), chat=self._options.chat_id)

    def _ask(self, method: str, found: dict[str, Any]) -> dict[str, Any]:
        token = read_secret(self._options.token_file)
        answer = post_json(f"{self._options.url}/bot{token}/{method}", found)
        said = answer.json()
        if said.get("ok") is True:
            result = said.get("result")
            return result if isinstance(result, dict) else {}
        raise self._refused(answer, said, token)

    def _refused(self, answer: Answer, said: dict[str, Any], token: str) -> NotTakenError:
        description = str(said.get("description", "")).replace(token, "•••")[:200]
        parameters = said.get("parameters")
        wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
        host = urlsplit(self._options.url).hostname
        text = {401: _BAD_TOKEN, 404: _BAD_TOKEN, 400: _BAD_CHAT, 403: _BAD_CHAT}.get(answer.status, _OTHER)
        return NotTakenError(
            text.fill(host=host, status=answer.status, said=description or "–", chat=self._options.chat_id),
            retry_after_s=float(wait) if isinstance(wait, int | float) else answer.retry_after_s,
        )


_NO_TOKEN = Text(vi="thiếu tệp chứa mã của bot", en="the file of the bot's token is missing")
_MAKE_BOT = Text(
    vi="hãy tạo bot với @BotFather và ghi mã vào một tệp chỉ doxa đọc được",
    en="make a bot with @BotFather and write its token into a file that only doxa reads",
)
_READY = Text(vi="bot @{name} sẽ gửi tới {chat}", en="the bot @{name} will send to {chat}")
_BAD_TOKEN = Text(
    vi="{host}: mã của bot không đúng (HTTP {status}: {said}); hãy kiểm tra token_file",
    en="{host}: the bot's token is wrong (HTTP {status}: {said}); check token_file",
)
_BAD_CHAT = Text(
    vi="{host}: không gửi được tới {chat} (HTTP {status}: {said}); hãy kiểm tra chat_id và thêm bot vào nhóm",
    en="{host}: it cannot send to {chat} (HTTP {status}: {said}); check chat_id and add the bot to the group",
)
_OTHER = Text(
    vi="{host}: không nhận tin (HTTP {status}: {said})", en="{host}: it refused the message (HTTP {status}: {said})"
)

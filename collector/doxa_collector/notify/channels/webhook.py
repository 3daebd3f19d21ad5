"""A generic webhook: the message as one JSON document by POST, optionally signed.

With `secret_file` the header `X-Doxa-Signature: sha256=<hex>` carries HMAC-SHA-256 of the body (RFC 2104), so that the
receiver can tell our messages from a stranger's. Any 2xx is a delivery.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from doxa_collector.files import optional_file, read_secret
from doxa_collector.notify.channel import Message
from doxa_collector.notify.channels._http import post, read_url, refuse
from doxa_core.language import Text
from doxa_core.strict import Table

TITLE: Final = Text(vi="webhook (JSON)", en="webhook (JSON)")
LONGEST: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where to, and who vouches for whom."""

    url: str
    secret_file: Path | None = None
    token_file: Path | None = None
    """Sent as `Authorization: Bearer`."""
    ca_file: Path | None = None


def read_options(table: Table, base: Path) -> Options:
    """`url`, `secret_file`, `token_file`, `ca_file`."""
    return Options(
        url=read_url(table, "url"),
        secret_file=optional_file(table, "secret_file", base),
        token_file=optional_file(table, "token_file", base),
        ca_file=optional_file(table, "ca_file", base),
    )


def open_channel(options: Options) -> "Webhook":
    """The channel."""
    return Webhook(options)


class Webhook:
    """POSTs each message."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def send(self, message: Message) -> None:
        """One document: `title`, `text` and the fields."""
        found = {"schema": 1, **message.fields, "title": message.title, "text": message.text(LONGEST)}
        body = json.dumps(found, ensure_ascii=False, sort_keys=True).encode()
        answer = post(
            self._options.url, content=body, kind="application/json; charset=utf-8", headers=self._headers(body),
            ca_file=self._options.ca_file,
        )  # fmt: skip
        if not 200 <= answer.status < 300:
            raise refuse(
                answer, urlsplit(self._options.url).hostname or "", answer.body[:200].decode("utf-8", "replace")
            )

    def check(self) -> Text:
        """The secrets can be read; whether the receiver is there shows only by a message."""
        self._headers(b"")
        return _READY.fill(host=urlsplit(self._options.url).hostname)

    def _headers(self, body: bytes) -> dict[str, str]:
        found = {}
        if self._options.secret_file is not None:
            digest = hmac.new(read_secret(self._options.secret_file).encode(), body, hashlib.sha256).hexdigest()
            found["X-Doxa-Signature"] = f"sha256={digest}"
        if self._options.token_file is not None:
            found["Authorization"] = f"Bearer {read_secret(self._options.token_file)}"
        return found


_READY = Text(vi="sẽ gửi tới {host}", en="it will send to {host}")

"""The HTTP door of a store: one question, one answer, and a sentence where nobody answers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, SSLError

from doxa_core.errors import OperationError
from doxa_core.language import Text

_LONGEST: Final = 4_000_000
"""Bytes of an answer that are read; VictoriaMetrics' list of flags is the longest we ask for."""


class NoAnswerError(OperationError):
    """Nobody answers there, or not in HTTP; `mend` is a sentence of its own."""

    def __init__(self, text: Text, mend: Text) -> None:
        super().__init__(text)
        self.mend = mend


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a store answered."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def words(self) -> str:
        """What it says, in one short line: InfluxDB's own message where there is one."""
        found = self.json()
        said = found.get("message") or found.get("error") if isinstance(found, dict) else None
        plain = said if isinstance(said, str) else re.sub(r"<[^>]*>", " ", self.text)
        return " ".join("".join(c if c.isprintable() else " " for c in plain).split())[:200]

    @property
    def is_page(self) -> bool:
        """Whether it is a web page, which no store sends."""
        return self.text.lstrip()[:1] == "<"

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a store is, and what opens it. Redirections are not followed: a token would go with them."""

    url: str
    authorization: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    timeout_s: float = 10.0

    def ask(
        self, path: str, query: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes | None = None
    ) -> Answer:
        """One question; `NoAnswerError` where nobody answers it."""
        where = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {} if self.authorization is None else {"Authorization": self.authorization}
        pool = urllib3.PoolManager(
            cert_reqs="CERT_REQUIRED",
            ca_certs=None if self.ca_file is None else str(self.ca_file),
            retries=False,
            timeout=self.timeout_s,
        )
        try:
            answer = pool.request(
                method, where, body=body, headers=headers, redirect=False, preload_content=False, decode_content=True
            )
            found = answer.read(_LONGEST)
            answer.release_conn()
        except (HTTPError, OSError, UnicodeError) as error:
            raise NoAnswerError(_SILENT.fill(url=self.url, error=_plain(error)), self._mend(error)) from None
        finally:
            pool.clear()
        return Answer(status=answer.status, headers={k.lower(): v for k, v in answer.headers.items()}, body=found)

    def _mend(self, error: Exception) -> Text:
        said = str(error)
        if isinstance(error, SSLError) and "WRONG_VERSION_NUMBER" not in said and "RECORD_LAYER" not in said:
            return _UNTRUSTED
        if isinstance(error, SSLError):
            return _NOT_TLS.fill(url=self.url.replace("https://", "http://", 1))
        if isinstance(error, ProtocolError) and self.url.startswith("http://"):
            return _NOT_HTTP.fill(url=self.url.replace("http://", "https://", 1))
        return _LOOK


def token_words(token: str | None) -> str | None:
    """The header that shows a token of InfluxDB 2 or 3; `name:password` is an account of InfluxDB 1."""
    if token is None:
        return None
    if ":" in token:
        return urllib3.make_headers(basic_auth=token)["authorization"]
    return f"Token {token}"


def _plain(error: Exception) -> str:
    """An error of urllib3 without the names of its objects."""
    return re.sub(r"<[^>]*>(: )?|HTTPS?Connection(Pool)?\([^)]*\): ", "", f"{error}")[:200]


_SILENT = Text(vi="{url} không trả lời ({error})", en="{url} does not answer ({error})")
_LOOK = Text(
    vi="hãy xem kho số liệu đã chạy chưa, địa chỉ và cổng trong url có đúng không",
    en="see whether the store runs, and whether the address and port in url are right",
)
_UNTRUSTED = Text(
    vi="hãy ghi chứng thư của nơi cấp vào một tệp và chỉ tới nó bằng ca_file",
    en="put the certificate of its authority into a file and name that file as ca_file",
)
_NOT_TLS = Text(
    vi='cổng này có lẽ không dùng TLS: hãy ghi url = "{url}"', en='the port probably has no TLS: write url = "{url}"'
)
_NOT_HTTP = Text(
    vi='cổng này không nói HTTP thường: nếu nó dùng TLS, hãy ghi url = "{url}"',
    en='the port does not speak plain HTTP: if it wants TLS, write url = "{url}"',
)

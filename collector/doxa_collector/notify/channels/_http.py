"""One HTTP request to a service of messages: certificate checked, no redirect followed, bounded in time and size."""

import json
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from doxa_collector.notify.channel import NotTakenError
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.strict import Table

TIMEOUT_S: Final = 15.0
_MOST: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    retry_after_s: float | None = None

    def json(self) -> dict[str, Any]:
        """Its JSON object; empty where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def read_url(table: Table, key: str, standard: str | None = None) -> str:
    """A URL from a settings file: https anywhere, plain http on this machine only."""
    url = table.text(key) if standard is None else table.text(key, standard)
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or parts.scheme not in ("http", "https") or parts.username or "#" in url:
        raise table.refuse(key, _NOT_URL, _A_URL)
    if parts.scheme == "http" and not local:
        raise table.refuse(key, _PLAIN, _HTTPS)
    return url


def post(
    url: str, *, content: bytes, kind: str, headers: dict[str, str] | None = None, ca_file: Path | None = None
) -> Answer:
    """POST `content`; `NotTakenError` where nothing came back."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = _connect(parts.scheme, parts.hostname or "", parts.port, ca_file)
        try:
            connection.request("POST", path, content, {"Content-Type": kind, "User-Agent": "doxa", **(headers or {})})
            response = connection.getresponse()
            return Answer(
                status=response.status,
                body=response.read(_MOST),
                retry_after_s=_wait(response.getheader("Retry-After")),
            )
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        raise NotTakenError(_CERTIFICATE.fill(host=parts.hostname, why=error.verify_message)) from None
    except (OSError, HTTPException) as error:
        raise NotTakenError(_UNREACHABLE.fill(host=parts.hostname, why=_reason(error))) from None


def post_json(url: str, found: object, headers: dict[str, str] | None = None, ca_file: Path | None = None) -> Answer:
    """POST a JSON document."""
    content = json.dumps(found, ensure_ascii=False).encode()
    return post(url, content=content, kind="application/json; charset=utf-8", headers=headers, ca_file=ca_file)


def post_form(url: str, found: dict[str, str], headers: dict[str, str] | None = None) -> Answer:
    """POST a form."""
    return post(url, content=urlencode(found).encode(), kind="application/x-www-form-urlencoded", headers=headers)


def refuse(answer: Answer, host: str, said: str) -> NotTakenError:
    """The error for an answer that is no success: 4xx is for ever but for 401, 403, 404, 408, 425 and 429, which can mend."""
    for_ever = 400 <= answer.status < 500 and answer.status not in (401, 403, 404, 408, 425, 429)
    text = _REFUSED.fill(host=host, status=answer.status, said=said[:200] or "–")
    return NotTakenError(text, retry_after_s=answer.retry_after_s, for_ever=for_ever)


def _connect(scheme: str, host: str, port: int | None, ca_file: Path | None) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise InputError(str(ca_file), Text(vi="không đọc được", en="it cannot be read"), _CA.fill(why=error)) from None
    return HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)


def _wait(header: str | None) -> float | None:
    """RFC 9110 §10.2.3: seconds; a date is rare and means a minute to us."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        parsedate_to_datetime(header)
    except ValueError:
        return None
    return 60.0


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


_NOT_URL = Text(vi="không phải một địa chỉ web dùng được", en="not a usable URL")
_A_URL = Text(vi="hãy ghi dạng https://máy/đường-dẫn", en="write it as https://host/path")
_PLAIN = Text(vi="http sẽ gửi tin không mã hóa ra ngoài", en="http would send messages unencrypted")
_HTTPS = Text(vi="hãy dùng https", en="use https")
_CERTIFICATE = Text(
    vi="{host}: chứng thư số không tin được ({why}); hãy kiểm tra ca_file hoặc chứng thư của máy chủ",
    en="{host}: its certificate cannot be trusted ({why}); check ca_file or the server's certificate",
)
_UNREACHABLE = Text(
    vi="{host}: không kết nối được ({why}); doxa sẽ thử lại, hãy kiểm tra mạng và tường lửa của máy chủ",
    en="{host}: it cannot be reached ({why}); doxa tries again, check this server's network and firewall",
)
_REFUSED = Text(
    vi="{host}: không nhận tin (HTTP {status}: {said})", en="{host}: it refused the message (HTTP {status}: {said})"
)
_CA = Text(vi="hãy kiểm tra ca_file ({why})", en="check ca_file ({why})")

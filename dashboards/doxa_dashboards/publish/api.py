"""Grafana's HTTP API through grafana-client's connection: JSON in, JSON out, and one sentence for whatever goes wrong."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from grafana_client.client import (  # type: ignore[import-untyped]
    GrafanaClient,
    GrafanaException,
)

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_dashboards.publish.secret import read_secret
from doxa_dashboards.publish.settings import Org

KEEP_EDITABLE: Final = {"X-Disable-Provenance": "true"}
"""Makes alerting objects that people may change in Grafana; without it they are locked to the API."""


class RefusedError(OperationError):
    """Grafana answered and refused; `status` is its HTTP status."""

    def __init__(self, text: Text, status: int) -> None:
        super().__init__(text)
        self.status = status


class Api:
    """One organisation of one Grafana, as the token sees it."""

    def __init__(self, org: Org) -> None:
        if org.token_file is None:
            raise OperationError(_ONLY_FILES.fill(org=org.name))
        self.url = org.url
        self._client = _client(org, read_secret(org.token_file))

    def get(self, path: str) -> Any:
        """The answer to GET; `OperationError`."""
        return self._ask("GET", path)

    def find(self, path: str) -> Any:
        """The same, None where Grafana has no such thing."""
        try:
            return self._ask("GET", path)
        except RefusedError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        """The answer to POST."""
        return self._ask("POST", path, body, headers)

    def put(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        """The answer to PUT."""
        return self._ask("PUT", path, body, headers)

    def delete(self, path: str, headers: dict[str, str] | None = None) -> None:
        """DELETE; what is gone already is as wanted."""
        try:
            self._ask("DELETE", path, None, headers)
        except RefusedError as error:
            if error.status != _NOT_FOUND:
                raise

    def close(self) -> None:
        """Let go of the connections."""
        self._client.s.close()

    def _ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        try:
            answer = getattr(self._client, method)(path, json=body, headers=headers, accept_empty_json=True)
        except GrafanaException as error:
            raise self._refused(error, method, path) from None
        except requests.TooManyRedirects:
            raise OperationError(_MOVED.fill(url=self.url)) from None
        except requests.exceptions.SSLError as error:
            raise OperationError(_UNTRUSTED.fill(url=self.url, why=_reason(error))) from None
        except requests.Timeout:
            raise OperationError(_SLOW.fill(url=self.url)) from None
        except requests.exceptions.JSONDecodeError:
            raise OperationError(_NOT_GRAFANA.fill(url=self.url, path=path)) from None
        except (requests.RequestException, OSError) as error:
            raise OperationError(_UNREACHABLE.fill(url=self.url, why=_reason(error))) from None
        if isinstance(answer, str) and answer:  # a page of a proxy or of a portal, with status 200
            raise OperationError(_NOT_GRAFANA.fill(url=self.url, path=path))
        return answer

    def _refused(self, error: GrafanaException, method: str, path: str) -> OperationError:
        status, said = error.status_code, _said(error)
        if status == _UNAUTHORISED:
            return RefusedError(_BAD_TOKEN.fill(url=self.url), status)
        if status == _FORBIDDEN:
            return RefusedError(_forbidden(self.url, method, path, said), status)
        if not isinstance(error.response, dict):  # not Grafana's words: something in between answered
            return RefusedError(_PROXY.fill(url=self.url, status=status), status)
        return RefusedError(_SAYS.fill(url=self.url, status=status, what=f"{method} {path}", words=said), status)


def _client(org: Org, token: str) -> Any:
    address = urlsplit(org.url)
    prefix = address.path.strip("/")
    client = GrafanaClient(
        token,
        host=address.netloc,
        protocol=address.scheme,
        url_path_prefix=f"{prefix}/" if prefix else "",
        verify=True if org.ca_file is None else str(org.ca_file),
        timeout=org.timeout_s,
        user_agent="doxa",
    )
    client.s.max_redirects = 0  # a redirect turns a POST into a GET, which changes nothing and says "fine"
    return client


def _said(error: GrafanaException) -> str:
    response = error.response
    words = response.get("message", "") if isinstance(response, dict) else ""
    return " ".join(str(words).split())[:300]


def _forbidden(url: str, method: str, path: str, said: str) -> Text:
    """Which permission is missing: Grafana names it, else the path tells."""
    named = _NEEDED.search(said)
    if named:
        return _MISSING.fill(url=url, permission=named[1].strip(" ."))
    return _NO_RIGHT.fill(url=url, what=f"{method} {path}", words=said or "403")


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words, without object addresses."""
    text = re.sub(r"<[^>]*> ?:?", "", str(error))
    found = re.search(r"\[(?:Errno|SSL)[^\]]*\] ?([^()\"']+)|certificate[^()\"']+", text)
    return " ".join((found[0] if found else text).split())[:200].strip(" :,")


_NOT_FOUND: Final = 404
_UNAUTHORISED: Final = 401
_FORBIDDEN: Final = 403
_NEEDED: Final = re.compile(r"[Pp]ermissions? needed: *([^\n]+)")
_ONLY_FILES = Text(
    vi="tổ chức «{org}» không có url và token_file trong tệp cấu hình; hãy ghi thêm, hoặc dùng doxa dashboards provision",
    en="the organisation '{org}' has no url and token_file in the settings; add them, or use doxa dashboards provision",
)
_BAD_TOKEN = Text(
    vi="{url} không nhận token này (401); hãy tạo token của tài khoản dịch vụ trong đúng tổ chức và ghi vào token_file",
    en="{url} does not take this token (401); make one for a service account of that organisation, put it into token_file",
)
_MISSING = Text(
    vi="{url}: token thiếu quyền {permission}; hãy cho tài khoản dịch vụ vai trò Admin của tổ chức",
    en="{url}: the token lacks the permission {permission}; give its service account the organisation's role Admin",
)
_NO_RIGHT = Text(
    vi="{url}: token không được phép {what} ({words}); hãy cho tài khoản dịch vụ vai trò Admin của tổ chức",
    en="{url}: the token may not {what} ({words}); give its service account the organisation's role Admin",
)
_SAYS = Text(vi="{url} trả lời {status} cho {what}: {words}", en="{url} answers {status} to {what}: {words}")
_PROXY = Text(
    vi="{url} trả lời {status}, nhưng không bằng lời của Grafana; có thể máy chủ trung gian không tới được Grafana",
    en="{url} answers {status}, but not in Grafana's words; perhaps a proxy in between cannot reach Grafana",
)
_NOT_GRAFANA = Text(
    vi="{url}: trả lời cho {path} không phải của Grafana (không phải JSON); hãy kiểm tra url, kể cả phần đường dẫn",
    en="{url}: the answer to {path} is not Grafana's (no JSON); check the url, its path included",
)
_MOVED = Text(
    vi="{url} chuyển sang địa chỉ khác; hãy ghi địa chỉ cuối cùng (https, đúng đường dẫn)",
    en="{url} redirects elsewhere; write the final address (https, the whole path)",
)
_UNTRUSTED = Text(
    vi="{url}: TLS không được ({why}); hãy kiểm tra https, tên máy chủ, chứng chỉ và ca_file",
    en="{url}: TLS fails ({why}); check https, the host's name, its certificate and ca_file",
)
_SLOW = Text(
    vi="{url} không trả lời kịp; hãy thử lại, hoặc tăng timeout_s",
    en="{url} answers too late; try again or raise timeout_s",
)
_UNREACHABLE = Text(
    vi="{url} không trả lời ({why}); hãy kiểm tra Grafana có chạy không và url",
    en="{url} does not answer ({why}); check that Grafana runs, and the url",
)

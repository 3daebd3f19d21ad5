"""Where a page is, and where a redirect leads (RFC 9110 §10.2.2, RFC 3986)."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from doxa_agent.net.binding import Unreachable

_PORTS: Final = {"http": 80, "https": 443}
_MOST: Final = 4096
_SAFE: Final = "/?:@!$&'()*+,;=%-._~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """An absolute http or https address, without its fragment."""

    tls: bool
    host: str
    """A name in ASCII or an address, without brackets."""
    port: int
    target: str
    """Path and query, as they stand in the request."""

    @property
    def text(self) -> str:
        """As people write it."""
        scheme = "https" if self.tls else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[scheme] else f":{self.port}"
        return f"{scheme}://{host}{port}{self.target}"

    def joined(self, location: str) -> "Url":
        """Where a Location field leads from here. `Unreachable("redirect_invalid")` where it is no place for us."""
        try:
            return parse(urljoin(self.text, location))
        except ValueError:
            raise Unreachable("redirect_invalid") from None


def parse(text: str) -> Url:
    """The address in `text`; `ValueError` for another scheme, user and password, control characters, or no host."""
    if len(text) > _MOST or any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in text):
        raise ValueError("not an address")
    parts = urlsplit(text)
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc or "%" in host:
        raise ValueError("not an address for us")
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    port = parts.port if parts.port is not None else _PORTS[parts.scheme]  # ValueError beyond 65535
    if not port:
        raise ValueError("no port")
    return Url(tls=parts.scheme == "https", host=host, port=port, target=target_of(parts.path, parts.query))


def target_of(path: str, query: str = "") -> str:
    """Path and query as a request carries them: what is not allowed there is percent-encoded."""
    found = quote(path or "/", safe=_SAFE.replace("?", ""))
    return f"{found}?{quote(query, safe=_SAFE)}" if query else found

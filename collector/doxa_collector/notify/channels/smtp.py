"""E-mail by SMTP (RFC 5321) over TLS: STARTTLS or from the first byte; plain text in UTF-8 (RFC 2045)."""

import base64
import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.mime.text import MIMEText
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Final

from doxa_collector.files import optional_file, read_secret
from doxa_collector.notify.channel import Message, NotTakenError
from doxa_core.language import VIETNAM_TIME, Text
from doxa_core.strict import Table

TITLE: Final = Text(vi="thư điện tử", en="e-mail")
LONGEST: Final = 100_000
SECURITY: Final = ("starttls", "tls", "none")
_TIMEOUT_S: Final = 20.0
_AUTHENTICATED: Final = 235


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The server, the sender and the recipients."""

    host: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None


def read_options(table: Table, base: Path) -> Options:
    """`host`, `port`, `security`, `sender`, `recipients`, `username`, `password_file`, `ca_file`."""
    security = table.choice("security", SECURITY, "starttls")
    host = table.text("host")
    if security == "none" and host not in ("127.0.0.1", "::1", "localhost"):
        raise table.refuse("security", _PLAIN, _ENCRYPT)
    recipients = table.texts("recipients")
    if not recipients:
        raise table.refuse("recipients", _NOBODY, _NAME_ONE)
    for one in recipients:
        _address(table, "recipients", one)
    sender = table.text("sender")
    _address(table, "sender", sender)
    username, password_file = table.text("username", None), optional_file(table, "password_file", base)
    if (username is None) is not (password_file is None):
        raise table.refuse("username" if username is None else "password_file", _HALF, _BOTH)
    return Options(
        host=host,
        port=table.integer("port", 1, 65535, {"starttls": 587, "tls": 465, "none": 25}[security]),
        security=security,
        sender=sender,
        recipients=tuple(recipients),
        username=username,
        password_file=password_file,
        ca_file=optional_file(table, "ca_file", base),
    )


def open_channel(options: Options) -> "Smtp":
    """The channel."""
    return Smtp(options)


class Smtp:
    """One connection a message: messages are few."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def send(self, message: Message) -> None:
        """One letter to all recipients."""
        server = self._open()
        try:
            refused = server.send_message(self._letter(message))
        except smtplib.SMTPRecipientsRefused as error:
            raise self._refused(*next(iter(error.recipients.values())), permanent=True) from None
        except smtplib.SMTPResponseException as error:
            raise self._refused(error.smtp_code, error.smtp_error) from None
        except (OSError, smtplib.SMTPException) as error:
            raise self._broken(error) from None
        finally:
            _quit(server)
        if refused:
            code, said = next(iter(refused.values()))
            raise self._refused(code, said, permanent=True)

    def check(self) -> Text:
        """The server takes our account."""
        _quit(self._open())
        return _READY.fill(host=self._options.host, n=len(self._options.recipients))

    def _letter(self, message: Message) -> MIMEText:
        # not EmailMessage: its folding drops a blank between two encoded words (python/cpython, email.policy)
        letter = MIMEText(message.text(LONGEST) + "\n", "plain", "utf-8")
        letter["Subject"] = Header(" ".join(message.title.split()), "utf-8", header_name="Subject").encode()
        letter["From"] = self._options.sender
        letter["To"] = ", ".join(self._options.recipients)
        letter["Date"] = format_datetime(datetime.now(VIETNAM_TIME))
        letter["Message-ID"] = make_msgid(domain=Address(addr_spec=self._options.sender).domain)
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no robot answers a robot
        return letter

    def _open(self) -> smtplib.SMTP:
        options = self._options
        try:
            context = ssl.create_default_context(cafile=None if options.ca_file is None else str(options.ca_file))
            server: smtplib.SMTP
            if options.security == "tls":
                server = smtplib.SMTP_SSL(options.host, options.port, timeout=_TIMEOUT_S, context=context)
            else:
                server = smtplib.SMTP(options.host, options.port, timeout=_TIMEOUT_S)
        except (OSError, smtplib.SMTPException) as error:
            raise self._broken(error) from None
        try:
            if options.security == "starttls":
                server.starttls(context=context)
            if options.username is not None and options.password_file is not None:
                _login(server, options.username, read_secret(options.password_file))
        except smtplib.SMTPAuthenticationError as error:
            _quit(server)
            raise NotTakenError(
                _BAD_LOGIN.fill(host=options.host, user=options.username, code=error.smtp_code)
            ) from None
        except smtplib.SMTPResponseException as error:
            _quit(server)
            raise self._refused(error.smtp_code, error.smtp_error) from None
        except (OSError, smtplib.SMTPException) as error:
            _quit(server)
            raise self._broken(error) from None
        return server

    def _refused(self, code: int, said: bytes | str, *, permanent: bool = False) -> NotTakenError:
        """5xx is for ever only where it speaks of this letter; a server that is ill may say 554 to everybody."""
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        text = _REFUSED.fill(host=self._options.host, code=code, said=" ".join(words.split())[:200])
        return NotTakenError(text, for_ever=permanent and 500 <= code < 600)

    def _broken(self, error: BaseException) -> NotTakenError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return NotTakenError(_CERTIFICATE.fill(host=self._options.host, why=error.verify_message))
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return NotTakenError(_UNREACHABLE.fill(host=self._options.host, port=self._options.port, why=why))


def _login(server: smtplib.SMTP, user: str, password: str) -> None:
    """As smtplib does it; only that it would fail on a password with Vietnamese letters (RFC 4616 has UTF-8)."""
    if user.isascii() and password.isascii():
        server.login(user, password)
        return
    server.ehlo_or_helo_if_needed()
    found = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    code, said = server.docmd("AUTH", f"PLAIN {found}")
    if code != _AUTHENTICATED:
        raise smtplib.SMTPAuthenticationError(code, said)


def _quit(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _address(table: Table, key: str, text: str) -> None:
    try:
        if not Address(addr_spec=text).domain:
            raise ValueError
    except (ValueError, IndexError, AttributeError):
        raise table.refuse(key, _BAD_ADDRESS.fill(text=text), _GOOD_ADDRESS) from None
    except Exception as error:
        if type(error).__module__.startswith("email"):  # the parser's own errors have no common parent
            raise table.refuse(key, _BAD_ADDRESS.fill(text=text), _GOOD_ADDRESS) from None
        raise


_PLAIN = Text(vi="«none» gửi thư và mật khẩu không mã hóa", en="'none' sends mail and password unencrypted")
_ENCRYPT = Text(vi="hãy dùng starttls hoặc tls", en="use starttls or tls")
_NOBODY = Text(vi="chưa có người nhận", en="there is no recipient")
_NAME_ONE = Text(vi="hãy ghi ít nhất một địa chỉ", en="write at least one address")
_HALF = Text(vi="tài khoản và mật khẩu phải đi cùng nhau", en="user name and password belong together")
_BOTH = Text(vi="hãy ghi cả username và password_file", en="write both username and password_file")
_READY = Text(
    vi="máy chủ {host} nhận tài khoản; gửi tới {n} người", en="the server {host} takes the account; {n} recipients"
)
_BAD_LOGIN = Text(
    vi="{host}: không nhận tài khoản {user} ({code}); hãy kiểm tra username và password_file",
    en="{host}: it does not take the account {user} ({code}); check username and password_file",
)
_REFUSED = Text(vi="{host}: không nhận thư ({code}: {said})", en="{host}: it refused the letter ({code}: {said})")
_CERTIFICATE = Text(
    vi="{host}: chứng thư số không tin được ({why}); hãy kiểm tra ca_file",
    en="{host}: its certificate cannot be trusted ({why}); check ca_file",
)
_UNREACHABLE = Text(
    vi="{host}:{port}: không kết nối được ({why}); doxa sẽ thử lại, hãy kiểm tra máy chủ thư và tường lửa",
    en="{host}:{port}: it cannot be reached ({why}); doxa tries again, check the mail server and the firewall",
)
_BAD_ADDRESS = Text(vi="«{text}» không phải một địa chỉ thư", en="'{text}' is not a mail address")
_GOOD_ADDRESS = Text(vi="hãy ghi dạng ten@donvi.gov.vn", en="write it as name@office.gov.vn")

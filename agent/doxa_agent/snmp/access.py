"""How the terminal lets us read: a v2c community, or a v3 user with its keys; all secrets stay in files until a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from doxa_core.errors import InputError
from doxa_core.language import Text

AUTHENTICATIONS: Final = ("sha256", "sha224", "sha384", "sha512", "sha1")
"""HMAC-SHA-2 of RFC 7860, and SHA-1 (RFC 3414 §7) for old terminals; MD5 is not offered."""
PRIVACIES: Final = ("aes128", "aes192", "aes256", "none")
"""AES-CFB of RFC 3826; the longer keys are those that Cisco and Net-SNMP speak. DES is not offered."""
SHORTEST_PASSPHRASE: Final = 8
"""Characters (RFC 3414 §11.2)."""
_LARGEST: Final = 4096
_LONGEST: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The files of the plan, not what stands in them; exactly one of `community_file` and `user` is given."""

    community_file: Path | None = None
    user: str | None = None
    auth: str = "sha256"
    auth_key_file: Path | None = None
    priv: str = "aes128"
    priv_key_file: Path | None = None

    @property
    def version(self) -> str:
        """`2c` or `3`."""
        return "2c" if self.user is None else "3"

    def files(self) -> list[Path]:
        """Every secret's file."""
        found = (self.community_file, self.auth_key_file, self.priv_key_file)
        return [file for file in found if file is not None]

    def readable_by_all(self) -> bool:
        """Whether a secret lies open to every account of the probe: worth a finding, not a refusal."""
        try:
            return any(file.stat().st_mode & 0o007 for file in self.files())
        except OSError:
            return False


def read_secret(file: Path, where: str, *, shortest: int = 1) -> str:
    """The one line in `file`; `InputError` at `where` where there is none. The sentence never quotes what stands there."""
    try:
        with file.open("rb") as opened:
            octets = opened.read(_LARGEST + 1)
    except OSError as error:
        what = Text(vi=f"không đọc được {file} ({error.strerror})", en=f"{file} cannot be read ({error.strerror})")
        raise InputError(where, what, _CHECK) from None
    try:
        text = octets.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if shortest <= len(text) and len(text.encode()) <= _LONGEST and text.isprintable():
        return text
    what = Text(vi=f"{file} không chứa đúng một dòng bí mật", en=f"{file} does not hold one line with the secret")
    raise InputError(where, what, _ONE_LINE.fill(shortest=shortest, longest=_LONGEST))


_CHECK: Final = Text(vi="hãy kiểm tra đường dẫn và quyền đọc", en="check the path and the permission to read")
_ONE_LINE: Final = Text(
    vi="hãy ghi vào tệp một dòng duy nhất dài {shortest} đến {longest} ký tự, không có gì khác",
    en="write one single line of {shortest} to {longest} characters into it, and nothing else",
)

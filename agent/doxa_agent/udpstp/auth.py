"""Authentication of UDPSTP's control packets: shared keys, keys of one test, digests, the clock window, replays.

RFC 9946, mode 1: both sides share keys with numbers 0–255. For each test two keys are derived (NIST SP 800-108, counter
mode, HMAC-SHA-256) from the shared one and the Unix time of the Setup request: one signs what the client sends, the
other what the server sends. A packet is good when its digest fits and its time is within ± 5 s of the receiver's
clock. Within that window the same Setup request could be sent again by a stranger: `Replays` knows it.
"""

import hashlib
import hmac
import re
import struct
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NoReturn

from doxa_agent.udpstp.pdu import Activation, Authentication, Null, Setup
from doxa_agent.udpstp.wire import with_digest, without_digest
from doxa_core.errors import InputError
from doxa_core.language import Text

WINDOW_S: Final = 5
"""How far a packet's Unix time may be from the receiver's, either way."""
MODE_NONE: Final = 0
MODE_CONTROL: Final = 1
MOST_KEY: Final = 64
"""Characters of a shared key, as the reference implementation allows."""
_LABEL: Final = b"UDPSTP"
_KEY_SIZE: Final = 32
_REMEMBERED: Final = 4096

Keys = Mapping[int, bytes]
"""Shared keys by number."""


@dataclass(frozen=True, slots=True)
class DerivedKeys:
    """The two keys of one test, 32 bytes each. They never show in a log."""

    client: bytes = field(repr=False)
    """Signs client → server."""
    server: bytes = field(repr=False)
    """Signs server → client."""


def derive(shared: bytes, unix_time: int) -> DerivedKeys:
    """The keys of the test whose (first) Setup request bears this Unix time."""
    made = _kbkdf(shared, _LABEL, str(unix_time).encode(), 2 * _KEY_SIZE)
    return DerivedKeys(made[:_KEY_SIZE], made[_KEY_SIZE:])


def _kbkdf(key: bytes, label: bytes, context: bytes, size: int) -> bytes:
    """SP 800-108r1 §4.1: counter and length of 32 bits, a zero byte between label and context."""
    fixed = label + b"\0" + context + struct.pack("!I", size * 8)
    blocks = range(1, -(-size // hashlib.sha256().digest_size) + 1)
    return b"".join(hmac.digest(key, struct.pack("!I", i) + fixed, "sha256") for i in blocks)[:size]


def signed(packet: Setup | Null | Activation, key: bytes, *, key_id: int, unix_time: int) -> bytes:
    """The packet's bytes, signed with one of the test's keys."""
    stamped = replace(packet, authentication=Authentication(mode=MODE_CONTROL, unix_time=unix_time, key_id=key_id))
    data = stamped.encode()
    return with_digest(data, hmac.digest(key, data, "sha256"))


def fits(data: bytes, key: bytes) -> bool:
    """Whether the digest in a control packet's bytes is the one of this key; takes as long whatever it finds."""
    expected = hmac.digest(key, without_digest(data), "sha256")
    return hmac.compare_digest(expected, Authentication.decode(data).digest)


def in_window(unix_time: int, now: float | None = None) -> bool:
    """Whether a packet of that Unix time is of now (the receiver's wall clock), ± 5 s."""
    return abs(int(time.time() if now is None else now) - unix_time) <= WINDOW_S


class Replays:
    """The digests of the Setup requests accepted lately: none is accepted twice while its time is in the window.

    Only requests with a good digest come here, so only who has a key can fill it; the oldest go first.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def fresh(self, digest: bytes, unix_time: int, now: float) -> bool:
        """Whether this digest is new; it is remembered from now on."""
        while self._seen and (len(self._seen) >= _REMEMBERED or next(iter(self._seen.values())) < now - 3 * WINDOW_S):
            self._seen.popitem(last=False)
        if digest in self._seen:
            return False
        self._seen[digest] = unix_time
        return True

    def __len__(self) -> int:
        return len(self._seen)


_LINE: Final = re.compile(rf"(\d{{1,3}})[\s,]+([!-+\--~]{{1,{MOST_KEY}}})")


def read_keys(path: Path) -> Keys:
    """The shared keys of a file: one `number key` a line (or `number,key`, as the reference implementation writes).

    Empty lines and what follows a `#` are skipped. Numbers are 0–255, keys 1–64 visible characters without `#` and comma.
    InputError names the file and the line, never the key.
    """
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise InputError(
            str(path),
            Text(vi="không đọc được tệp khóa UDPSTP", en="the file of UDPSTP keys cannot be read"),
            Text(
                vi="kiểm tra đường dẫn, quyền đọc, và chỉ dùng ký tự ASCII", en="check path and permission; ASCII only"
            ),
        ) from None
    found: dict[int, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if wanted := line.split("#", 1)[0].strip(" \t,"):
            key_id, key = _entry(wanted, f"{path}:{number}")
            if key_id in found:
                _refuse(f"{path}:{number}", Text(vi="số khóa bị lặp lại", en="this key number appears twice"))
            found[key_id] = key
    if not found:
        _refuse(str(path), Text(vi="tệp không có khóa nào", en="the file has no key"))
    return found


def _entry(line: str, where: str) -> tuple[int, bytes]:
    fit = _LINE.fullmatch(line)
    if fit is None or int(fit[1]) > 255:
        _refuse(where, Text(vi="không phải một dòng khóa", en="this is not a line of a key"))
    return int(fit[1]), fit[2].encode()


def _refuse(where: str, what: Text) -> NoReturn:
    raise InputError(
        where,
        what,
        Text(
            vi="ghi mỗi dòng: số (0–255), dấu cách, khóa (1–64 ký tự nhìn thấy được, không có # và dấu phẩy)",
            en="write on each line: number (0–255), space, key (1–64 visible characters, no # and no comma)",
        ),
    )

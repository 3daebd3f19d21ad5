"""What a closed month stands on and said, kept by the hash of its content: the same content is kept once."""

import zlib
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, insert, select

from doxa_collector.ledger.schema import snapshot

_LEVEL: Final = 6


def keep(conn: Connection, kind: str, content: bytes) -> str:
    """Keep `content` unless it is there already; its SHA-256, by which `recall` finds it."""
    digest = sha256(content).hexdigest()
    if conn.execute(select(snapshot.c.kind).where(snapshot.c.digest == digest)).first() is None:
        conn.execute(insert(snapshot).values(digest=digest, kind=kind, content=zlib.compress(content, _LEVEL)))
    return digest


def recall(conn: Connection, digest: str) -> bytes:
    """The content; `ValueError` where it is not there or no longer what it was."""
    packed = conn.execute(select(snapshot.c.content).where(snapshot.c.digest == digest)).scalar()
    if packed is None:
        raise ValueError(f"the ledger keeps nothing under {digest}")
    try:
        content = zlib.decompress(packed)
    except zlib.error as error:
        raise ValueError(f"what was kept under {digest} is damaged") from error
    if sha256(content).hexdigest() != digest:
        raise ValueError(f"what was kept under {digest} was changed")
    return content

"""How long one shard of a bucket is. Too short ones cost room in the index; another length loses nothing (docs/influx.md §1)."""

from doxa_collector.stores.buckets import Bucket, spoken
from doxa_collector.stores.finding import Finding, made, noted
from doxa_core.language import Text


def differ(seconds: float, bucket: Bucket) -> bool:
    """Whether shards made from now on have another length than the settings want. 0: the store does not say."""
    return seconds not in (0, bucket.shard_seconds)


def look(seconds: float, bucket: Bucket, command: str) -> Finding:
    """Worth knowing, and no fault: everything works, and takes more room (or, being long, is dropped later)."""
    words = {"found": spoken(seconds), "wanted": spoken(bucket.shard_seconds)}
    return noted("shards", _OTHER.fill(**words), _MEND.fill(command=command), bucket.name)


def change(seconds: float, bucket: Bucket, *, rehearse: bool) -> Finding:
    """That it was, or would be, changed: only for shards made from now on, so nothing is lost."""
    words = {"found": spoken(seconds), "wanted": spoken(bucket.shard_seconds), "name": bucket.name}
    return made("shards", (_WOULD if rehearse else _CHANGED).fill(**words), bucket.name)


_OTHER = Text(
    vi="mỗi shard dài {found}, không phải {wanted}: vẫn chạy đúng, nhưng chỉ mục chiếm chỗ khác đi (docs/influx.md §1)",
    en="a shard spans {found}, not {wanted}: all works, but the index takes another amount of room (docs/influx.md §1)",
)
_MEND = Text(
    vi="hãy chạy: {command} (không mất gì; shard đã có giữ nguyên độ dài cũ)",
    en="run: {command} (nothing is lost; shards that are there keep their length)",
)
_WOULD = Text(
    vi="sẽ cho shard mới của {name} dài {wanted}, không phải {found}",
    en="would let new shards of {name} span {wanted}, not {found}",
)
_CHANGED = Text(
    vi="shard mới của {name} nay dài {wanted}, không phải {found}",
    en="new shards of {name} now span {wanted}, not {found}",
)

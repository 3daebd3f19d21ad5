"""Whether a bucket would take a point, asked by posting none: an empty body changes nothing in any store.

InfluxDB 2 looks at the token, the organisation, the bucket and the permission first, and then answers 204 (2.7.12) or that
there are no points (400), as its documentation says. InfluxDB 1 and VictoriaMetrics answer 204.
"""

from dataclasses import dataclass
from enum import StrEnum

from doxa_collector.stores.door import Door


class Taken(StrEnum):
    """How a store takes nothing."""

    YES = "yes"
    TOKEN = "token"  # noqa: S105 - a word for an answer
    """The store does not know the token (401)."""
    PERMISSION = "permission"
    """It knows the token, which may not write here (403)."""
    BUCKET = "bucket"
    """There is no such bucket or database."""
    ORG = "org"
    """There is no such organisation."""
    PATH = "path"
    """The store does not know `/api/v2/write`."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt."""

    taken: Taken
    status: int
    words: str


def try_bucket(door: Door, org: str, bucket: str) -> Try:
    """Post an empty body."""
    query = {"org": org, "bucket": bucket, "precision": "ns"}
    answer = door.ask("/api/v2/write", query, method="POST", body=b"")
    return Try(_taken(answer.status, answer.words), answer.status, answer.words)


def _taken(status: int, words: str) -> Taken:
    if status in (200, 204, 400, 422):  # a web page never comes so far: the product was recognised before
        return Taken.YES
    if status == 401:
        return Taken.TOKEN
    if status == 403:
        return Taken.PERMISSION
    if status != 404:
        return Taken.OTHER
    if "organization" in words:
        return Taken.ORG
    return Taken.BUCKET if "bucket" in words or "database" in words else Taken.PATH

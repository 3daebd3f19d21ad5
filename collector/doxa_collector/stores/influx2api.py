"""InfluxDB 2's management, through influxdb-client's own objects; whatever it refuses becomes one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import influxdb_client
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from doxa_collector.sinks.influx import Options
from doxa_collector.stores.buckets import DAY_S, Bucket
from doxa_collector.stores.door import Answer
from doxa_core.errors import OperationError
from doxa_core.language import Text

_models: Any = influxdb_client
"""Its objects carry no types."""
POLICY: Final = "autogen"
"""The retention policy that a mapping is named with; no query names one."""
_PAGE: Final = 100
_CONFLICT: Final = 422
"""For a name that exists, but also for rules that it does not take."""


class ManageError(OperationError):
    """The store refuses to be managed; `status` is its own, 0 where it gave none."""

    def __init__(self, text: Text, mend: Text, status: int) -> None:
        super().__init__(Text(vi=f"{text.vi}; {mend.vi}", en=f"{text.en}; {mend.en}"))
        self.told, self.mend, self.status = text, mend, status


@dataclass(frozen=True, slots=True)
class Found:
    """A bucket as it is."""

    id: str
    name: str
    seconds: int
    """Its retention; 0 is for ever."""
    shard_seconds: int = 0
    """How long a shard is that is made now; 0 where the store does not say."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A database of InfluxQL that leads to a bucket."""

    database: str
    bucket_id: str
    default: bool
    virtual: bool
    """Made by InfluxDB itself, from the bucket's name."""


class Manager:
    """One organisation of an InfluxDB 2, seen with one token."""

    def __init__(self, options: Options, token: str) -> None:
        self._org, self._url = options.org, options.url
        self._org_id: str | None = None
        self._client: Any = InfluxDBClient(
            options.url,
            token=token,
            org=options.org,
            timeout=round(options.timeout_s * 1000),
            ssl_ca_cert=None if options.ca_file is None else str(options.ca_file),
            retries=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def org_id(self) -> str:
        """The organisation's id."""
        if self._org_id is None:
            with self._asking():
                found = self._client.organizations_api().find_organizations(org=self._org)
            ids = [one.id for one in found or [] if one.name == self._org]
            if not ids:
                raise self._no_org()
            self._org_id = str(ids[0])
        return self._org_id

    def buckets(self) -> dict[str, Found]:
        """All buckets that this token may see, by name. Asked page by page: some versions answer 404 to a name."""
        with self._asking():
            found = list(self._client.buckets_api().find_buckets_iter(org=self._org, limit=_PAGE))
        return {one.name: _found(one) for one in found}

    def mappings(self) -> list[Mapping]:
        """All mappings that this token may see, InfluxDB's own ones too."""
        with self._asking():
            found = _models.DBRPsService(self._client.api_client).get_dbr_ps(org=self._org)
        return [Mapping(m.database, str(m.bucket_id), bool(m.default), bool(m.virtual)) for m in found.content or []]

    def create_bucket(self, bucket: Bucket) -> None:
        """Make one; one that somebody else made meanwhile is no fault."""
        try:
            with self._asking():
                self._client.buckets_api().create_bucket(
                    bucket_name=bucket.name, org=self.org_id, retention_rules=_rules(bucket)
                )
        except ManageError as error:
            if error.status != _CONFLICT or bucket.name not in self.buckets():
                raise

    def change_rules(self, found: Found, bucket: Bucket) -> None:
        """Let it keep as long as the settings say (what is older goes), and let new shards be as long as they say."""
        api = self._client.buckets_api()
        with self._asking():
            one = api.find_bucket_by_id(found.id)
            one.retention_rules = [_rules(bucket)]
            api.update_bucket(one)

    def map(self, found: Found) -> None:
        """Let the database of its name lead to this bucket."""
        wanted = _models.DBRPCreate(
            org_id=self.org_id, bucket_id=found.id, database=found.name, retention_policy=POLICY, default=True
        )
        with self._asking():
            _models.DBRPsService(self._client.api_client).post_dbrp(dbrp_create=wanted)

    def authorize(self, action: str, found: list[Found], about: str) -> str:
        """A new token that can do `action` (read, write) with these buckets and nothing else."""
        permissions = [
            _models.Permission(
                action=action, resource=_models.PermissionResource(type="buckets", id=one.id, org_id=self.org_id)
            )
            for one in found
        ]
        wanted = _models.Authorization(org_id=self.org_id, permissions=permissions, description=about)
        with self._asking():
            made = self._client.authorizations_api().create_authorization(authorization=wanted)
        if not made.token:
            raise OperationError(_NO_TOKEN.fill(url=self._url))
        return str(made.token)

    def revoke(self, mark: str) -> int:
        """Revoke the tokens whose description carries this mark. How many."""
        api = self._client.authorizations_api()
        with self._asking():
            marked = [
                one for one in api.find_authorizations(org_id=self.org_id) or [] if one and mark in f"{one.description}"
            ]
        for one in marked:
            with self._asking(but=(404,)):
                api.delete_authorization(one.id)
        return len(marked)

    @contextmanager
    def _asking(self, but: tuple[int, ...] = ()) -> Iterator[None]:
        """Make one sentence of whatever goes wrong; the statuses `but` are no fault."""
        try:
            yield
        except ApiException as error:
            if error.status not in but:
                raise self._refusal(error) from None
        except (HTTPError, OSError) as error:
            raise ManageError(_SILENT.fill(url=self._url, error=f"{error}"[:200]), _LOOK, 0) from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # the client's models refuse what they read
            raise ManageError(_ODD.fill(url=self._url, error=f"{error}"[:200]), _LOOK, 0) from None

    def _refusal(self, error: ApiException) -> ManageError:
        body = error.body if isinstance(error.body, bytes) else str(error.body or error.reason or "").encode()
        words = Answer(status=error.status, headers={}, body=body).words
        if error.status == 404 and "organization" in words:
            return self._no_org()
        mend = _OPERATOR if error.status in (401, 403) else _LOOK
        return ManageError(_SAYS.fill(url=self._url, status=error.status, words=words), mend, error.status)

    def _no_org(self) -> ManageError:
        return ManageError(_NO_ORG.fill(url=self._url, org=self._org), _NAME_ORG, 404)


def _rules(bucket: Bucket) -> Any:
    return _models.BucketRetentionRules(
        type="expire", every_seconds=bucket.seconds, shard_group_duration_seconds=bucket.shard_days * DAY_S
    )


def _found(one: Any) -> Found:
    rule = next(iter(one.retention_rules or []), None)
    if rule is None:
        return Found(str(one.id), one.name, 0)
    return Found(str(one.id), one.name, int(rule.every_seconds or 0), int(rule.shard_group_duration_seconds or 0))


_SAYS = Text(vi="{url} trả lời {status}: {words}", en="{url} answers {status}: {words}")
_SILENT = Text(vi="{url} không trả lời ({error})", en="{url} does not answer ({error})")
_ODD = Text(vi="{url} trả lời không như InfluxDB 2 ({error})", en="{url} does not answer like InfluxDB 2 ({error})")
_NO_TOKEN = Text(vi="{url} không trao mã truy cập nào", en="{url} hands out no token")
_LOOK = Text(vi="hãy xem nhật ký của InfluxDB rồi chạy lại", en="see InfluxDB's log, then run it again")
_OPERATOR = Text(
    vi="hãy dùng mã của người quản trị (operator token, hoặc all-access của tổ chức này)",
    en="use an operator token, or an all-access one of this organisation",
)
_NO_ORG = Text(
    vi="{url} không có tổ chức «{org}», hoặc mã này không được xem nó",
    en="{url} has no organisation '{org}', or this token may not see it",
)
_NAME_ORG = Text(
    vi="hãy xem tên bằng influx org list, rồi ghi đúng org (hoặc tạo nó: influx org create --name …)",
    en="see its name with influx org list and write it as org (or make it: influx org create --name …)",
)

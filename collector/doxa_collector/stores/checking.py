"""`doxa collector sinks check`: one store looked at from the address to the retention. Nothing is written to it."""

from collections.abc import Iterator

from doxa_collector.sinks.influx import Options
from doxa_collector.stores.buckets import Bucket
from doxa_collector.stores.door import NoAnswerError
from doxa_collector.stores.finding import Finding, good, unseen, wrong
from doxa_collector.stores.keepers import KEEPERS
from doxa_collector.stores.product import Kind, Product, identify
from doxa_collector.stores.secretfile import read_token
from doxa_collector.stores.visit import Keeper, Visit, setup_command
from doxa_collector.stores.writing import Taken, Try, try_bucket
from doxa_core.errors import InputError
from doxa_core.language import Text


def check(name: str, options: Options, operator: str | None) -> Iterator[Finding]:
    """Every line as soon as it is known; a store that does not answer ends the list."""
    try:
        token = None if options.token_file is None else read_token(options.token_file)
    except InputError as error:
        yield wrong("token", error.what, error.mend, str(options.token_file))
        return
    visit = Visit(name=name, options=options, token=token, operator=operator)
    try:
        yield from _look(visit)
    except NoAnswerError as error:
        yield wrong("url", error.text, error.mend)


def _look(visit: Visit) -> Iterator[Finding]:
    product = identify(visit.door)
    yield good("url", _ANSWERS.fill(url=visit.options.url, name=product.name))
    keeper = KEEPERS[product.kind]
    if product.kind is Kind.VICTORIA:
        tries = {bucket.name: try_bucket(visit.door, visit.options.org, bucket.name) for bucket in visit.buckets[:1]}
    else:
        tries = {bucket.name: try_bucket(visit.door, visit.options.org, bucket.name) for bucket in visit.buckets}
    yield _token(visit, keeper, list(tries.values()))
    for bucket in visit.buckets:
        if bucket.name in tries:
            yield _bucket(visit, product, keeper, bucket, tries[bucket.name])
    yield from keeper.look(visit)


def _token(visit: Visit, keeper: Keeper, tries: list[Try]) -> Finding:
    taken = {one.taken for one in tries}
    if Taken.TOKEN in taken:
        words = next(one.words for one in tries if one.taken is Taken.TOKEN)
        text = _WANTED if visit.token is None else _UNKNOWN
        return wrong("token", text.fill(words=words), keeper.new_token(visit.options))
    if not taken & {Taken.YES, Taken.PERMISSION, Taken.BUCKET, Taken.ORG}:
        return unseen("token", _NO_WORD)
    return good("token", _NONE if visit.token is None else _OPENS)


def _bucket(visit: Visit, product: Product, keeper: Keeper, bucket: Bucket, tried: Try) -> Finding:
    options, about = visit.options, bucket.name
    if tried.taken is Taken.YES:
        text = _ALL_WRITTEN if product.kind is Kind.VICTORIA else _WRITTEN
        return good("bucket", text.fill(name=bucket.name), about)
    if tried.taken is Taken.TOKEN:
        return unseen("bucket", _BEHIND_TOKEN, None, about)
    if tried.taken is Taken.BUCKET:
        return wrong("bucket", _MISSING, _make(visit, keeper, bucket), about)
    if tried.taken is Taken.ORG:
        return wrong("bucket", _NO_ORG.fill(org=options.org), _NAME_ORG.fill(name=visit.name), about)
    if tried.taken is Taken.PERMISSION:
        return wrong("bucket", _FORBIDDEN, keeper.new_token(options), about)
    if tried.taken is Taken.PATH and product.kind is Kind.INFLUX1:
        return wrong("bucket", _NO_PATH.fill(name=product.name), _NGINX, about)
    return wrong("bucket", _SAYS.fill(status=tried.status, words=tried.words), _LOG, about)


def _make(visit: Visit, keeper: Keeper, bucket: Bucket) -> Text:
    operator = () if keeper is KEEPERS[Kind.INFLUX1] else ("--operator-token-file", "FILE")
    return _EITHER.fill(command=keeper.create(visit.options, bucket), ours=setup_command(visit.options, *operator))


_ANSWERS = Text(vi="{url} là {name}", en="{url} is {name}")
_OPENS = Text(vi="kho nhận mã trong token_file", en="the store takes the token in token_file")
_NONE = Text(vi="kho không đòi mã truy cập", en="the store asks for no token")
_WANTED = Text(
    vi="kho đòi mã truy cập mà sink chưa có token_file ({words})",
    en="the store wants a token, but the sink has no token_file ({words})",
)
_UNKNOWN = Text(
    vi="kho không biết mã trong token_file ({words})", en="the store does not know the token in token_file ({words})"
)
_NO_WORD = Text(vi="kho chưa trả lời gì về mã truy cập", en="the store said nothing about the token")
_WRITTEN = Text(vi="bucket {name} có, ghi được", en="the bucket {name} is there and takes writes")
_ALL_WRITTEN = Text(vi="ghi được (không có bucket)", en="it takes writes (it has no buckets)")
_BEHIND_TOKEN = Text(vi="chưa xem được: mã truy cập không mở kho", en="behind a token that does not open")
_MISSING = Text(vi="không có bucket này", en="there is no such bucket")
_EITHER = Text(vi="hãy chạy: {command} – hoặc: {ours}", en="run: {command} – or: {ours}")
_NO_ORG = Text(vi="không có tổ chức «{org}»", en="there is no organisation '{org}'")
_NAME_ORG = Text(
    vi="hãy xem tên bằng influx org list và ghi org trong [sink.{name}]",
    en="see its name with influx org list and write it as org in [sink.{name}]",
)
_FORBIDDEN = Text(vi="mã truy cập không được ghi vào bucket này", en="the token may not write to this bucket")
_NO_PATH = Text(vi="{name} không biết /api/v2/write", en="{name} does not know /api/v2/write")
_NGINX = Text(
    vi='hãy đặt nginx của deploy/server/nginx/doxa.conf đứng trước và ghi url = "http://127.0.0.1:8087"',
    en='put the nginx of deploy/server/nginx/doxa.conf in front and write url = "http://127.0.0.1:8087"',
)
_SAYS = Text(vi="kho trả lời {status}: {words}", en="the store answers {status}: {words}")
_LOG = Text(vi="hãy xem nhật ký của kho số liệu", en="see the store's log")

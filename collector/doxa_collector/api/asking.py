"""What a request wants besides its parameters: the language of sentences, the form of the answer, whether it may be packed."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from doxa_collector.api.params import Param
from doxa_collector.api.problem import Problem, Refusal
from doxa_core.language import LANGUAGES, Language, Text

_MOST_FIELDS: Final = 40
_WEIGHED: Final = re.compile(r"\s*([^;,\s]+)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?[^,]*")


def _weights(header: str) -> list[tuple[str, float]]:
    """The words of an Accept header with their weights, as they stand."""
    matches = map(_WEIGHED.fullmatch, header[:1000].split(","))
    return [(m[1].lower(), 1.0 if m[2] is None else min(1.0, float(m[2]))) for m in matches if m is not None]


def language_of(header: str) -> Language:
    """The reader's language by Accept-Language: Vietnamese unless English is preferred."""
    best: dict[str, float] = {}
    for word, weight in _weights(header):
        name = word.partition("-")[0]
        best[name] = max(best.get(name, 0.0), weight)
    return max(LANGUAGES, key=lambda lang: best.get(lang, 0.0))  # the first of equals is Vietnamese


def wants(header: str, offered: Sequence[str]) -> str | None:
    """The media type of `offered` that an Accept header likes best, the first of equals; None where it likes none."""
    asked = _weights(header)
    if not asked:
        return offered[0]
    best = max(offered, key=lambda media: _liking(media, asked))
    return best if _liking(best, asked) > 0 else None


def _liking(media: str, asked: Sequence[tuple[str, float]]) -> float:
    for pattern in (media, media.partition("/")[0] + "/*", "*/*"):
        weights = [weight for word, weight in asked if word == pattern]
        if weights:
            return max(weights)
    return 0.0


def packs(header: str) -> bool:
    """Whether gzip is welcome."""
    return any(word in ("gzip", "*") and weight > 0 for word, weight in _weights(header))


def read_query(query: bytes) -> dict[str, str]:
    """The parameters as they stand; `Refusal` for what is no query, and for a parameter that is given twice."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:  # also what is not UTF-8 behind its percent signs
        raise Refusal(Problem.BAD_PARAMETER, _NO_QUERY) from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Refusal(Problem.BAD_PARAMETER, _TWICE.fill(name=shown(name)))
        found[name] = value
    return found


def read_params(params: Sequence[Param], given: Mapping[str, str]) -> dict[str, object]:
    """The parameters' values, defaults for those not given; `Refusal` names the first that is wrong and what is wanted."""
    known = {param.name: param for param in params}
    for name in given:
        if name not in known:
            raise Refusal(Problem.UNKNOWN_PARAMETER, _UNKNOWN.fill(name=shown(name)), known=sorted(known))
    found: dict[str, object] = {}
    for param in params:
        if param.name not in given:
            if param.required:
                raise Refusal(Problem.BAD_PARAMETER, _MISSING.fill(name=param.name, wanted=param.wanted))
            found[param.name] = param.default
            continue
        try:
            found[param.name] = param.read(given[param.name])
        except ValueError:
            value = shown(given[param.name])
            sentence = _WRONG.fill(name=param.name, value=value, wanted=param.wanted)
            raise Refusal(Problem.BAD_PARAMETER, sentence, known=param.says.get("enum")) from None
    return found


def shown(text: str) -> str:
    """What a caller sent, as far as a sentence may repeat it."""
    plain = "".join(c if c.isprintable() else "�" for c in text[:60])
    return plain.replace("{", "(").replace("}", ")")


_NO_QUERY: Final = Text(vi="phần sau dấu ? không đọc được", en="what stands behind the ? cannot be read")
_TWICE: Final = Text(vi="tham số «{name}» được ghi hai lần", en="the parameter '{name}' is given twice")
_UNKNOWN: Final = Text(
    vi="không có tham số «{name}» ở địa chỉ này", en="there is no parameter '{name}' at this address"
)
_MISSING: Final = Text(
    vi="thiếu tham số «{name}»: hãy ghi {wanted}", en="the parameter '{name}' is missing: write {wanted}"
)
_WRONG: Final = Text(
    vi="«{name}» không nhận giá trị «{value}»: hãy ghi {wanted}", en="'{name}' does not take '{value}': write {wanted}"
)

"""What a line's contract promises on a day: from the registry, completed or replaced by what was said on the command line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from doxa_collector.registry import ALWAYS, Line, Registry, Site, read_registry
from doxa_core.errors import InputError
from doxa_core.fields import MAX_TEXT
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.similar import nearest

REGISTRY, SAID, BOTH = "registry", "options", "registry+options"
DEFAULT_REGISTRY: Final = Path("/etc/doxa/sites.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracted:
    """The office and the line's contract on the day of the measurement; what nobody said is None."""

    office: str | None = None
    place: str | None = None
    """The commune and province of that day, for people."""
    provider: str | None = None
    technology: str | None = None
    number: str | None = None
    """The contract's."""
    down_mbps: float | None = None
    up_mbps: float | None = None
    layer: Layer | None = None
    """None: the contract names none, the IP layer counts."""
    valid_from: date | None = None
    valid_to: date | None = None
    source: str = SAID
    """`registry`, `options`, or both."""


def contracted(file: Path | None, site: str, link: str, day: date, said: Mapping[str, Any]) -> Contracted:
    """The contract of `site`/`link` on `day`; `said` overrides the registry's fields by name, None is not said.

    `InputError` where the registry does not know the line on that day.
    """
    given = {name: value for name, value in said.items() if value is not None}
    if file is None:
        return _sound(replace(Contracted(), **given), "doxa accept")
    found = _of_registry(read_registry(file), file, site, link, day)
    known = {one.name: getattr(found, one.name) for one in fields(found)}
    other = {name: value for name, value in given.items() if known[name] != value}
    return _sound(replace(found, **other, source=BOTH if other else REGISTRY), str(file))


def _sound(found: Contracted, where: str) -> Contracted:
    """Whether a bundle can hold these texts: better said before the test than after it."""
    for one in fields(found):
        value = getattr(found, one.name)
        if isinstance(value, str) and not (0 < len(value) <= MAX_TEXT and value.isprintable()):
            raise InputError(where, _BAD_TEXT.fill(name=one.name), _GOOD_TEXT)
    return found


def _of_registry(registry: Registry, file: Path, site: str, link: str, day: date) -> Contracted:
    office = _site(registry, file, site)
    line = _line(office, file, link, day)
    return Contracted(
        office=office.name,
        place=", ".join(_places(registry, office, day)) or None,
        provider=line.provider,
        technology=line.technology,
        number=line.contract,
        down_mbps=line.contracted_down_mbps,
        up_mbps=line.contracted_up_mbps,
        layer=line.layer,
        valid_from=None if line.valid_from == ALWAYS else line.valid_from,
        valid_to=line.valid_to,
        source=REGISTRY,
    )


def _site(registry: Registry, file: Path, name: str) -> Site:
    names = [site.site for site in registry.sites]
    if name in names:
        return registry.sites[names.index(name)]
    near = nearest(name, names)
    mend = _DID_YOU_MEAN.fill(name=near) if near is not None else _ADD_SITE.fill(name=name)
    raise InputError(str(file), _NO_SITE.fill(name=name), mend)


def _line(office: Site, file: Path, link: str, day: date) -> Line:
    states = [line for line in office.links if line.link == link]
    if not states:
        names = ", ".join(dict.fromkeys(line.link for line in office.links)) or "–"
        raise InputError(str(file), _NO_LINK.fill(site=office.site, link=link), _THERE_ARE.fill(names=names))
    for line in states:
        if line.valid_from <= day and (line.valid_to is None or day <= line.valid_to):
            return line
    where = f"{file}: {office.site}/{link}"
    raise InputError(where, _NOT_THEN.fill(day=day.strftime("%d/%m/%Y")), _VALIDITY)


def _places(registry: Registry, office: Site, day: date) -> Iterator[str]:
    """The commune's name on that day and its province's; nothing for a place that was not then."""
    then = [p for p in registry.places if p.valid_from <= day and (p.valid_to is None or day <= p.valid_to)]
    for place in then:
        if place.code == office.place:
            yield place.name
            yield from (p.name for p in then if p.code == place.province != place.code)
            return


_BAD_TEXT: Final = Text(vi="{name} không hợp lệ cho biên bản", en="{name} is not fit for the paper")
_GOOD_TEXT: Final = Text(
    vi=f"hãy ghi một dòng chữ, tối đa {MAX_TEXT} ký tự", en=f"write one line of at most {MAX_TEXT} characters"
)
_NO_SITE: Final = Text(vi="không có điểm đo «{name}»", en="there is no site '{name}'")
_DID_YOU_MEAN: Final = Text(vi="có phải ý bạn là «{name}»?", en="did you mean '{name}'?")
_ADD_SITE: Final = Text(vi='hãy thêm [[site]] có id = "{name}"', en='add a [[site]] with id = "{name}"')
_NO_LINK: Final = Text(
    vi="điểm đo «{site}» không có đường truyền «{link}»", en="the site '{site}' has no link '{link}'"
)
_THERE_ARE: Final = Text(vi="đang có: {names}", en="there are: {names}")
_NOT_THEN: Final = Text(
    vi="ngày {day} đường truyền này không có hợp đồng nào còn hiệu lực",
    en="no contract of this link was valid on {day}",
)
_VALIDITY: Final = Text(
    vi="hãy sửa valid_from, valid_to, hoặc đặt lại đồng hồ máy nếu sai ngày",
    en="mend valid_from, valid_to, or the machine's clock where the day is wrong",
)

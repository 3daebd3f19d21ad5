"""The types of what is answered: each knows its JSON schema, how a value is written, and its columns in CSV."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from doxa_collector.api.audience import Audience, View
from doxa_collector.api.moments import told
from doxa_core.language import Text

Cell = str | int | float | bool | None
Schema = dict[str, Any]


class Type:
    """What one field holds."""

    def schema(self) -> Schema:
        """As OpenAPI says it."""
        raise NotImplementedError

    def shape(self, value: Any, view: View) -> Any:
        """The value as JSON, as this caller may see it."""
        raise NotImplementedError

    def columns(self, name: str) -> tuple[str, ...] | None:
        """The columns of CSV; None where only the values tell."""
        return (name,)

    def cells(self, name: str, shaped: Any) -> Mapping[str, Cell]:
        """What stands in them for a value that `shape` gave."""
        return {name: shaped}

    def records(self) -> "Iterator[Record]":
        """The records within, each to be described once."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Scalar(Type):
    """One word or number."""

    says: Mapping[str, Any]
    write: Callable[[Any, View], Any]

    def schema(self) -> Schema:
        """See `Type`."""
        return dict(self.says)

    def shape(self, value: Any, view: View) -> Any:
        """See `Type`."""
        return self.write(value, view)


def _number(value: Any, _: View) -> float | int:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no figure")
    return value if isinstance(value, int) else float(value)


WORDS: Final = Scalar({"type": "string"}, lambda value, view: view.words(str(value)))
"""What people or probes wrote: addresses in it are hidden from whom they must be hidden."""
NAME: Final = Scalar({"type": "string"}, lambda value, _: str(value))
"""An identifier or code of ours."""
WHOLE: Final = Scalar({"type": "integer"}, lambda value, _: int(value))
NUMBER: Final = Scalar({"type": "number"}, _number)
FLAG: Final = Scalar({"type": "boolean"}, lambda value, _: bool(value))
DAY: Final = Scalar({"type": "string", "format": "date"}, lambda value, _: str(value))
MONTH: Final = Scalar({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}$"}, lambda value, _: str(value))
MOMENT: Final = Scalar({"type": "string", "format": "date-time"}, lambda value, _: told(value))
"""From microseconds since 1970 UTC."""
SHA256: Final = Scalar({"type": "string", "pattern": r"^[0-9a-f]{64}$"}, lambda value, _: str(value))
BASE64: Final = Scalar({"type": "string", "contentEncoding": "base64"}, lambda value, _: str(value))


def choice(words: type[StrEnum] | Sequence[str]) -> Scalar:
    """One of a closed list."""
    return Scalar({"type": "string", "enum": [str(word) for word in words]}, lambda value, _: str(value))


@dataclass(frozen=True, slots=True)
class Both(Type):
    """A sentence in Vietnamese and English."""

    def schema(self) -> Schema:
        """See `Type`."""
        return {"$ref": "#/components/schemas/Text"}

    def shape(self, value: Text, view: View) -> Any:
        """See `Type`."""
        return {"vi": view.words(value.vi), "en": view.words(value.en)}

    def columns(self, name: str) -> tuple[str, ...]:
        """See `Type`."""
        return f"{name}_vi", f"{name}_en"

    def cells(self, name: str, shaped: Any) -> Mapping[str, Cell]:
        """See `Type`."""
        return {f"{name}_{lang}": text for lang, text in (shaped or {}).items()}


BOTH: Final = Both()
TEXT_SCHEMA: Final[Schema] = {
    "type": "object",
    "description": "The same words in Vietnamese and in English.",
    "properties": {"vi": {"type": "string"}, "en": {"type": "string"}},
    "required": ["vi", "en"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Figures(Type):
    """Value names, each with its unit at its end, and their numbers."""

    def schema(self) -> Schema:
        """See `Type`."""
        return {"type": "object", "additionalProperties": {"type": "number"}}

    def shape(self, value: Mapping[str, float], view: View) -> Any:
        """See `Type`."""
        return {name: _number(number, view) for name, number in sorted(value.items())}

    def columns(self, name: str) -> None:  # noqa: ARG002 - the names are those that were measured
        """See `Type`."""
        return

    def cells(self, name: str, shaped: Any) -> Mapping[str, Cell]:  # noqa: ARG002 - they carry their unit already
        """See `Type`."""
        return dict(shaped or {})


@dataclass(frozen=True, slots=True)
class Open(Type):
    """A JSON object whose keys grow with the product."""

    def schema(self) -> Schema:
        """See `Type`."""
        return {"type": "object"}

    def shape(self, value: Any, view: View) -> Any:
        """See `Type`."""
        if isinstance(value, Mapping):
            return {str(key): self.shape(item, view) for key, item in value.items() if item is not None}
        if isinstance(value, list | tuple):
            return [self.shape(item, view) for item in value if item is not None]
        return view.words(value) if isinstance(value, str) else value

    def columns(self, name: str) -> tuple[str, ...]:  # noqa: ARG002 - it has none
        """See `Type`."""
        return ()

    def cells(self, name: str, shaped: Any) -> Mapping[str, Cell]:  # noqa: ARG002 - it has none
        """See `Type`."""
        return {}


@dataclass(frozen=True, slots=True)
class Listing(Type):
    """Some of one type, in an order that means something."""

    of: Type

    def schema(self) -> Schema:
        """See `Type`."""
        return {"type": "array", "items": self.of.schema()}

    def shape(self, value: Any, view: View) -> Any:
        """See `Type`."""
        return [self.of.shape(item, view) for item in value]

    def columns(self, name: str) -> tuple[str, ...]:
        """One column: the words, or the codes of records that have one."""
        return (name,) if isinstance(self.of, Scalar) or "code" in self._fields() else ()

    def cells(self, name: str, shaped: Any) -> Mapping[str, Cell]:
        """See `Type`."""
        if not self.columns(name) or shaped is None:
            return {}
        return {name: " ".join(str(item["code"] if isinstance(item, dict) else item) for item in shaped)}

    def records(self) -> "Iterator[Record]":
        """See `Type`."""
        return self.of.records()

    def _fields(self) -> set[str]:
        return {field.name for field in self.of.fields} if isinstance(self.of, Record) else set()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record."""

    name: str
    type: Type
    about: str
    sure: bool = True
    """Always there. What is not known is absent, never null and never 0."""
    least: Audience = Audience.PUBLIC
    """Who sees it at all."""

    def schema(self) -> Schema:
        """As OpenAPI says it."""
        about = self.about if self.least is Audience.PUBLIC else f"{self.about} Not for scope `{_NOT_FOR[self.least]}`."
        return {**self.type.schema(), "description": about}


_NOT_FOR: Final = {Audience.OFFICE: "public", Audience.INTERNAL: "public` or `office"}


@dataclass(frozen=True, slots=True)
class Record(Type):
    """Named fields in their order."""

    name: str
    about: str
    fields: tuple[Field, ...]

    def schema(self) -> Schema:
        """See `Type`."""
        return {"$ref": f"#/components/schemas/{self.name}"}

    def whole_schema(self) -> Schema:
        """What stands under `components`."""
        return {
            "type": "object",
            "description": self.about,
            "properties": {field.name: field.schema() for field in self.fields},
            "required": [f.name for f in self.fields if f.sure and f.least is Audience.PUBLIC],
            "additionalProperties": False,
        }

    def shape(self, value: Any, view: View) -> Any:
        """See `Type`; a field that nobody declared, or a sure one that is missing, is our own mistake (`ValueError`)."""
        if unknown := value.keys() - {field.name for field in self.fields}:
            raise ValueError(f"{self.name} declares no {', '.join(sorted(unknown))}")
        found = {}
        for field in self.fields:
            given = value.get(field.name)
            if given is None and field.sure:
                raise ValueError(f"{self.name} always has {field.name}")
            if given is not None and view.audience >= field.least:
                found[field.name] = field.type.shape(given, view)
        return found

    def columns(self, name: str) -> tuple[str, ...] | None:
        """See `Type`; within another record each column begins with the field's name."""
        parts = [field.type.columns(f"{name}_{field.name}") for field in self.fields]
        return tuple(column for part in parts for column in part or ())

    def cells(self, name: str, shaped: Any) -> Mapping[str, Cell]:
        """See `Type`."""
        found: dict[str, Cell] = {}
        for field in self.fields if shaped else ():
            found |= field.type.cells(f"{name}_{field.name}", shaped.get(field.name))
        return found

    def records(self) -> "Iterator[Record]":
        """See `Type`."""
        yield self
        for field in self.fields:
            yield from field.type.records()

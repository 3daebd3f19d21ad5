"""How bad it is, in the words of the field (domain.md §9)."""

from enum import StrEnum

from doxa_core.language import Text


class Severity(StrEnum):
    """Ordered: `Severity.X.rank` rises with how bad it is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0, 1, 2."""
        return list(Severity).index(self)

    @property
    def text(self) -> Text:
        """The word that people read."""
        return _TEXTS[self]


_TEXTS = {
    Severity.INFO: Text(vi="THÔNG TIN", en="INFO"),
    Severity.WARNING: Text(vi="CẢNH BÁO", en="WARNING"),
    Severity.CRITICAL: Text(vi="NGHIÊM TRỌNG", en="CRITICAL"),
}

"""The kinds of line that an office has."""

from enum import StrEnum

from doxa_core.language import Text


class LinkKind(StrEnum):
    """`fixed` Internet line, `mobile` network, or `tslcd`, the specialised government network."""

    FIXED = "fixed"
    MOBILE = "mobile"
    TSLCD = "tslcd"

    @property
    def text(self) -> Text:
        """The name that people read."""
        return _TITLES[self]


_TITLES = {
    LinkKind.FIXED: Text(vi="Internet cố định", en="Fixed Internet"),
    LinkKind.MOBILE: Text(vi="Di động", en="Mobile"),
    LinkKind.TSLCD: Text(vi="Mạng TSLCD", en="TSLCD network"),
}

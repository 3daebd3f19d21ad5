"""What a deployment decides about its papers: agencies, places, signatures, and what may be shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """Neutral words until the customer writes his own. Number, date and signature stay blank in any case."""

    agency: str = "TÊN CƠ QUAN BAN HÀNH"
    parent: str = "TÊN CƠ QUAN CHỦ QUẢN"
    """Empty: there is none above."""
    short: str = "…"
    """The agency's abbreviation, behind the kind's in the symbol: `BC-SKHCN`."""
    place: str = "Địa danh"
    signer: tuple[str, ...] = ("QUYỀN HẠN, CHỨC VỤ", "CỦA NGƯỜI KÝ")
    recipients: tuple[str, ...] = ("Như trên", "Lưu: VT, …")
    draft: bool = True
    reveal: bool = False
    """Show what is internal (nội bộ): addresses, device models, and of TSLCD lines paths, serial numbers and MACs."""

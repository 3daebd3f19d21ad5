"""What is said of a rollup that cannot be read."""

from typing import Final

from doxa_core.language import Text

DAMAGED: Final = Text(
    vi="sổ cái: gói số liệu tháng {month} của {site}/{link} ({meter}) bị hỏng ({error}); hãy chạy: doxa collector rollups rebuild --period {month}",
    en="ledger: the pack of {month} of {site}/{link} ({meter}) is damaged ({error}); run: doxa collector rollups rebuild --period {month}",
)

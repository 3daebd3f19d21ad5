"""Who owns an alerting object in Grafana: nobody (people may edit it), the API, or a provisioning file.

Grafana lets nobody turn "API" into "nobody", and the API touch nothing that comes from a file.
"""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards.publish.api import KEEP_EDITABLE

FROM_FILE: Final = "file"


def headers_for(provenance: str | None) -> dict[str, str]:
    """The headers of a change that leaves the owner as it is; something new belongs to nobody."""
    return {} if provenance else KEEP_EDITABLE


LOCKED = Text(
    vi="do tệp provisioning tạo ra; hãy sửa tệp đó, hoặc bỏ tệp rồi chạy lại",
    en="it comes from a provisioning file; change that file, or remove it and run again",
)

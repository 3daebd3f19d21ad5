"""A ZIP file (DOCX, XLSX) whose bytes depend on its content alone."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_NO_TIME = (1980, 1, 1, 0, 0, 0)


def steady(packed: bytes, changes: dict[str, bytes] | None = None) -> bytes:
    """The same archive in the same order with the earliest date that ZIP knows; `changes` replace members by name."""
    out = BytesIO()
    with ZipFile(BytesIO(packed)) as old, ZipFile(out, "w", ZIP_DEFLATED, compresslevel=6) as new:
        for name in old.namelist():
            entry = ZipInfo(name, _NO_TIME)
            entry.compress_type = ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            new.writestr(entry, (changes or {}).get(name, old.read(name)))
    return out.getvalue()

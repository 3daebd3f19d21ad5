"""Certificates made by openssl for a test: a good one, and one for each thing that can be wrong."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

NAME = "page.test"
DAYS = 20


@dataclass(frozen=True, slots=True)
class Papers:
    """Each file holds the certificate alone; one key serves all."""

    ca: Path
    key: Path
    good: Path
    """For page.test, 127.0.0.1 and ::1; valid for `DAYS`."""
    expired: Path
    wrong_name: Path
    self_signed: Path


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)


def make(folder: Path) -> Papers:
    found = Papers(*(folder / f"{name}.pem" for name in ("ca", "key", "good", "expired", "wrong_name", "self_signed")))
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    ours = f"subjectAltName=DNS:{NAME},IP:127.0.0.1,IP:::1"
    authority = ("-addext", "basicConstraints=critical,CA:TRUE")
    openssl(*new, "-x509", "-days", 2, "-subj", "/CN=ca", "-keyout", folder / "ca.key", "-out", found.ca, *authority)
    openssl(*new, "-subj", "/CN=far", "-keyout", found.key, "-out", folder / "req.pem")
    (folder / "ours").write_text(ours)
    (folder / "other").write_text("subjectAltName=DNS:other.test,DNS:*.wild.test")
    sign = ("x509", "-req", "-in", folder / "req.pem", "-CA", found.ca, "-CAkey", folder / "ca.key", "-CAcreateserial")
    openssl(*sign, "-days", DAYS, "-extfile", folder / "ours", "-out", found.good)
    openssl(*sign, "-days", -1, "-extfile", folder / "ours", "-out", found.expired)
    openssl(*sign, "-days", DAYS, "-extfile", folder / "other", "-out", found.wrong_name)
    alone = ("req", "-x509", "-key", found.key, "-days", DAYS, "-subj", "/CN=far", "-addext", ours)
    openssl(*alone, "-out", found.self_signed)
    return found

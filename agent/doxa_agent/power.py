"""Whether the mains carries this machine or a battery does, by the kernel's own account (sysfs-class-power)."""

from pathlib import Path
from typing import Final

SUPPLIES: Final = Path("/sys/class/power_supply")
_MAINS: Final = ("Mains", "USB", "UPS")


def on_battery(supplies: Path = SUPPLIES) -> bool | None:
    """True while no mains supply is online or a battery discharges; None where the kernel knows no supply at all.

    A plain Pi has none; a UPS board with a kernel driver, or a laptop, has. `online` 0 of every mains supply, or a battery
    whose `status` is `Discharging`, is what both have in common.
    """
    mains: list[bool] = []
    draining: list[bool] = []
    try:
        found = sorted(supplies.iterdir())
    except OSError:
        return None
    for supply in found:
        kind = _read(supply / "type")
        if kind in _MAINS and (online := _read(supply / "online")) is not None:
            mains.append(online != "0")
        if kind == "Battery" and (status := _read(supply / "status")) is not None and _is_the_machines(supply):
            draining.append(status == "Discharging")
    if not mains and not draining:
        return None
    return any(draining) or (bool(mains) and not any(mains))


def _is_the_machines(battery: Path) -> bool:
    """A mouse has a battery too: the kernel says `Device` of its scope."""
    return _read(battery / "scope") != "Device"


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None

"""The document `acceptance/1` of `doxa agent accept` as the record that a biên bản is made of.

Its digest is checked first: a paper is never made of evidence that was changed, nor of one whose outcome does not follow from
its own figures. What was not measured stays None.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from doxa_collector.papers.drafts.acceptance_layers import layer_rates
from doxa_collector.papers.drafts.acceptance_records import Clock, Equipment, Line, Part, Run, Step, Tcp, Wanted
from doxa_collector.papers.drafts.acceptance_rules import contradiction
from doxa_collector.verdict import VerdictOutcome
from doxa_core.errors import InputError, WireError
from doxa_core.fields import canonical, parse_object
from doxa_core.language import VIETNAM_TIME, Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.moments import from_wire
from doxa_core.names import IDENTIFIER

SCHEMA: Final = "acceptance/1"
MAX_BYTES: Final = 16 * 1024 * 1024


def read(document: bytes, where: str) -> Run:
    """The run in `document`; `InputError` naming `where` for anything that is not whole evidence of this schema."""
    try:
        found = parse_object(document.strip(), MAX_BYTES)
        evidence = found.get("evidence")
        if found.get("schema") != SCHEMA or not isinstance(evidence, dict):
            raise InputError(where, _NOT_ONE, _GIVE)
        if hashlib.sha256(canonical(evidence)).hexdigest() != found.get("sha256"):
            raise InputError(where, _CHANGED, _AGAIN)
        run = _run(evidence, str(found["sha256"]))
    except (WireError, KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        raise InputError(where, _UNREADABLE.fill(why=type(error).__name__), _GIVE) from error
    if (what := contradiction(run)) != "":
        raise InputError(where, _CONTRADICTS.fill(what=what), _AGAIN)
    return run


def _run(found: Mapping[str, Any], sha256: str) -> Run:
    link, contract, targets, far_end = (_object(found, name) for name in ("link", "contract", "targets", "far_end"))
    port, proof, mtu = (_object(found, name) for name in ("port", "proof", "path_mtu"))
    base, device, clock, course = (_object(found, name) for name in ("base_rtt", "device", "clock", "course"))
    packets = _object(found, "packets")
    steps = tuple(_step(one) for one in _list(found, "steps"))
    headers, packet_bytes = _text(packets, "headers") or "", _number(packets, "ip_bytes")
    return Run(
        site=_identifier(found, "site"),
        started=_moment(found["started"]),
        duration_s=_number(found, "duration_s"),
        form=_text(course, "form") or "",
        step_s=_number(course, "step_s"),
        percents=tuple(_finite(one, "percents") for one in _list(course, "percents")),
        outcome=VerdictOutcome(found["verdict"]),
        reasons=_codes(found, "reasons"),
        findings=_codes(found, "findings"),
        interrupted=found.get("interrupted") is True,
        sha256=sha256,
        equipment=Equipment(
            name=_text(found, "agent") or "",
            model=_text(device, "model"),
            serial=_text(device, "serial"),
            mac=_text(device, "mac"),
            version=_text(found, "version") or "",
            methods=tuple(_method(name, version) for name, version in sorted(_object(found, "methods").items())),
            port_mbps=_number(port, "speed_mbps"),
            duplex=_text(port, "duplex"),
            need_mbps=_number(port, "wire_need_mbps"),
        ),
        line=Line(
            name=_identifier(link, "name"),
            kind=LinkKind(link["kind"]),
            down_mbps=_number(contract, "down_mbps"),
            up_mbps=_number(contract, "up_mbps"),
            layer=Layer(contract.get("layer", Layer.IP)),
            source=_text(proof, "source"),
            gateway=_text(proof, "gateway"),
            far_end=_text(far_end, "name") or "",
            far_end_host=_text(far_end, "host"),
            far_end_address=_text(far_end, "address"),
        ),
        wanted=Wanted(
            tolerance_ratio=_number(targets, "tolerance_ratio"),
            loss_ratio=_number(targets, "loss_ratio"),
            rtt_ms=_number(targets, "rtt_ms"),
            pdv_ms=_number(targets, "pdv_ms"),
            mtu=_number(targets, "mtu"),
        ),
        clock=Clock(synchronised=clock.get("synchronised") is True, error_ms=_number(clock, "error_ms")),
        family=_family(found),
        headers=headers,
        packet_bytes=packet_bytes,
        path_mtu=_number(mtu, "path_mtu"),
        path_mtu_exact=mtu.get("exact") is True,
        rtt_p50_ms=_number(base, "rtt_p50_ms"),
        rtt_p95_ms=_number(base, "rtt_p95_ms"),
        parts=tuple(_part(one) for one in _list(found, "parts")),
        steps=steps,
        layers=tuple(layer_rates(steps, headers, packet_bytes)),
        tcp=tuple(_tcp(one) for one in _list(found, "tcp")),
    )


def _moment(found: object) -> datetime:
    """A moment that there is in Vietnam too (`OverflowError` on the last evening of the year 9999)."""
    moment = from_wire(found, "started")
    moment.astimezone(VIETNAM_TIME)
    return moment


def _method(name: str, version: object) -> str:
    """`capacity/1` says its name already."""
    said = str(version)
    return said if said.startswith(f"{name}/") else f"{name} {said}"


def _part(found: Mapping[str, Any]) -> Part:
    return Part(name=str(found["name"]), outcome=VerdictOutcome(found["verdict"]), reasons=_codes(found, "reasons"))


def _step(found: Mapping[str, Any]) -> Step:
    return Step(
        direction=str(found["direction"]),
        percent=_finite(found["percent"], "percent"),
        performance=found.get("performance") is True,
        seconds=_number(found, "measured_s"),
        asked_mbps=_number(found, "asked_mbps"),
        asked_ip_mbps=_number(found, "asked_ip_mbps"),
        offered_ip_mbps=_number(found, "offered_ip_mbps"),
        received_mbps=_number(found, "received_mbps"),
        received_ip_mbps=_number(found, "received_ip_mbps"),
        loss_ratio=_number(found, "loss_ratio"),
        rtt_p95_ms=_number(found, "rtt_p95_ms"),
        delay_variation_ms=_number(found, "delay_variation_ms"),
        outcome=VerdictOutcome(found["verdict"]),
        reasons=_codes(found, "reasons"),
        notes=_codes(found, "notes"),
        attempts=tuple(_step(one) for one in _list(found, "attempts")),
    )


def _tcp(found: Mapping[str, Any]) -> Tcp:
    return Tcp(
        direction=str(found["direction"]),
        seconds=_number(found, "seconds"),
        mean_mbps=_number(found, "mean_mbps"),
        ideal_mbps=_number(found, "ideal_mbps"),
        transfer_time_ratio=_number(found, "transfer_time_ratio"),
        efficiency_ratio=_number(found, "efficiency_ratio"),
        buffer_delay_ratio=_number(found, "buffer_delay_ratio"),
        base_rtt_ms=_number(found, "base_rtt_ms"),
        loaded_rtt_mean_ms=_number(found, "loaded_rtt_mean_ms"),
        loaded_rtt_p95_ms=_number(found, "loaded_rtt_p95_ms"),
        bdp_bytes=_number(found, "bdp_bytes"),
    )


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name, {})
    if not isinstance(value, dict):
        raise TypeError(name)
    return value


def _text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(name)
    return value


def _identifier(found: Mapping[str, Any], name: str) -> str:
    """A name that goes into the names of files: nothing else may."""
    value = found.get(name)
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise TypeError(name)
    return value


def _number(found: Mapping[str, Any], name: str) -> float | None:
    value = found.get(name)
    return None if value is None else _finite(value, name)


def _finite(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(name)
    return float(value)


def _family(found: Mapping[str, Any]) -> int | None:
    value = found.get("family")
    if value not in (None, 4, 6):
        raise TypeError("family")
    return value if value is None else int(value)


def _list(found: Mapping[str, Any], name: str) -> list[Any]:
    value = found.get(name, [])
    if not isinstance(value, list):
        raise TypeError(name)
    return value


def _codes(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    codes = _list(found, name)
    if not all(isinstance(code, str) for code in codes):
        raise TypeError(name)
    return tuple(codes)


_NOT_ONE: Final = Text(vi="không phải kết quả nghiệm thu acceptance/1", en="this is no acceptance/1 result")
_CHANGED: Final = Text(
    vi="mã băm không khớp: bằng chứng đã bị sửa sau khi đo", en="the digest is wrong: the evidence was changed"
)
_CONTRADICTS: Final = Text(
    vi="kết luận mâu thuẫn với chính số liệu trong tệp ({what})",
    en="the outcome contradicts the file's own figures ({what})",
)
_UNREADABLE: Final = Text(vi="không đọc được ({why})", en="it cannot be read ({why})")
_GIVE: Final = Text(
    vi="hãy đưa tệp do «doxa agent accept --output» ghi", en="give the file that 'doxa agent accept --output' wrote"
)
_AGAIN: Final = Text(vi="hãy lấy lại tệp gốc hoặc đo lại", en="fetch the original again, or measure again")

"""The rate of a line at every layer, from what its highest step received at the IP layer (domain.md §6)."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from doxa_collector.papers.drafts.acceptance_records import LayerRate, Step
from doxa_core.layers import TCP_HEADER, TCP_TIMESTAMPS, HeaderModel, Layer, convert

_NAME: Final = re.compile(r"ipv([46])\+(\d{1,3})/ethernet(?:\+vlan([1-9]))?(\+pppoe)?")


def header_model(name: str) -> HeaderModel | None:
    """The model that evidence names `ipv4+8/ethernet+vlan1`; None for a name that is none."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    family, transport, tags, pppoe = found.groups()
    return HeaderModel(family=int(family), transport=int(transport), vlan_tags=int(tags or 0), pppoe=bool(pppoe))


def layer_rates(steps: Iterable[Step], headers: str, packet_bytes: float | None) -> Iterator[LayerRate]:
    """Of each direction that was measured; nothing where the headers are not known."""
    model = header_model(headers)
    if model is None or packet_bytes is None or not model.ip_octets < packet_bytes <= 9000:
        return
    best: dict[str, Step] = {}
    for step in steps:
        if step.received_ip_mbps is None or step.performance:
            continue
        if step.direction not in best or step.percent >= best[step.direction].percent:
            best[step.direction] = step
    full = HeaderModel(family=model.family, transport=TCP_HEADER + TCP_TIMESTAMPS)
    for direction, step in best.items():
        ip = step.received_ip_mbps or 0.0
        yield LayerRate(
            direction=direction,
            percent=step.percent,
            wire_mbps=_to(model, ip, Layer.WIRE, packet_bytes),
            frame_mbps=_to(model, ip, Layer.FRAME, packet_bytes),
            ip_mbps=ip,
            payload_mbps=convert(full, ip, Layer.IP, Layer.PAYLOAD),
        )


def _to(model: HeaderModel, ip_mbps: float, layer: Layer, packet_bytes: float) -> float:
    return convert(model, ip_mbps, Layer.IP, layer, int(packet_bytes))

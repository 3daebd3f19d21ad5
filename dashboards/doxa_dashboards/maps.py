"""Places as markers on a map that needs no Internet."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from grafana_foundation_sdk.builders import geomap
from grafana_foundation_sdk.cog import builder as cog
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import geomap as geomap_models

from doxa_core.language import Text
from doxa_dashboards import style
from doxa_dashboards.panel import Ask, Card, Transformation, Words, dressed
from doxa_dashboards.tables import Col, inputs, looks

OFFLINE_TILE: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""One transparent pixel in place of every map tile: the page needs no Internet."""
COUNTRIES: Final = "public/maps/countries.geojson"
"""Outlines that Grafana itself serves."""


def markers(
    key: str,
    words: Words,
    *asks: Ask,
    columns: Sequence[Col],
    value: str,
    label: str,
    joined_by: str,
    steps: Sequence[Transformation] = (),
    width: int = 12,
    height: int = 18,
) -> Card:
    """A map of places by their coordinates: the size of a marker is `value`, its text `label`. No tile is fetched."""
    names = [column.name for column in columns] + sorted(inputs(steps))
    built = (
        geomap.Panel()
        .view(geomap.MapViewConfig().id("coords").lat(16).lon(107).zoom(5))
        .controls(geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(False))  # noqa: FBT003
        .tooltip(geomap.TooltipOptions().mode(geomap_models.TooltipMode.DETAILS))
        .basemap(_Layer("xyz", _GROUND, {"url": OFFLINE_TILE, "attribution": ""}))
        .layers(
            [
                _Layer("geojson", _BORDERS, {"src": COUNTRIES, "style": _OUTLINE, "rules": []}),
                _Layer("geojson", _ISLANDS, {"src": _archipelagos(), "style": _NAMED, "rules": []}),
                _Layer("markers", _PLACES, _marker(value), located=True),
                _Layer("markers", _NAMES, _name(label), located=True),
            ]
        )
    )
    for column in columns:
        built.override_by_name(column.name, looks(column))
    panel = dressed(built, words, asks, "text", as_table=True).build()
    panel.transformations = [
        Transformation(id_val="filterFieldsByName", options={"include": {"names": list(dict.fromkeys(names))}}),
        Transformation(id_val="joinByField", options={"byField": joined_by, "mode": "outer"}),
        *steps,
    ]
    return Card(key=key, panel=panel, width=width, height=height)


_ARCHIPELAGOS: Final = (
    (Text(vi="Quần đảo Hoàng Sa (Việt Nam)", en="Hoàng Sa (Viet Nam)"), 111.6, 16.5),
    (Text(vi="Quần đảo Trường Sa (Việt Nam)", en="Trường Sa (Viet Nam)"), 113.0, 9.6),
)
"""Names and middles (degrees east and north). The outlines that Grafana serves are too coarse for them, and no map of
Viet Nam is without them.
"""


def _archipelagos() -> str:
    """As a file within the page, so that nothing is fetched."""
    points = [
        {
            "type": "Feature",
            "properties": {"name": str(name)},
            "geometry": {"type": "Point", "coordinates": [east, north]},
        }
        for name, east, north in _ARCHIPELAGOS
    ]
    told = json.dumps({"type": "FeatureCollection", "features": points}, ensure_ascii=False)
    return "data:application/geo+json;charset=utf-8," + quote(told)


_NAMED: Final = {
    "color": {"fixed": "text"},
    "opacity": 0.8,
    "size": {"fixed": 3, "min": 3, "max": 3},
    "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
    "text": {"mode": "field", "field": "name", "fixed": ""},
    "textConfig": {"fontSize": 11, "offsetX": 0, "offsetY": 12, "textAlign": "center"},
}
_OUTLINE: Final = {"color": {"fixed": style.GREY}, "opacity": 0.2, "lineWidth": 1}


def _marker(value: str) -> dict[str, Any]:
    return {
        "showLegend": False,
        "style": {
            "color": {"fixed": style.BLUE},
            "opacity": 0.6,
            "size": {"field": value, "fixed": 6, "min": 6, "max": 22},
            "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
        },
    }


def _name(label: str) -> dict[str, Any]:
    """A layer of its own: Grafana writes a marker's text in the marker's colour, on which nobody reads it."""
    return {
        "showLegend": False,
        "style": {
            "color": {"fixed": "text"},
            "opacity": 1,
            "size": {"fixed": 1, "min": 1, "max": 1},
            "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
            "text": {"mode": "field", "field": label, "fixed": ""},
            "textConfig": {"fontSize": 12, "offsetX": 0, "offsetY": 4, "textAlign": "center"},
        },
    }


class _Layer(cog.Builder[common.MapLayerOptions]):
    def __init__(self, kind: str, name: Text, config: Mapping[str, Any], *, located: bool = False) -> None:
        self._kind, self._name, self._config, self._located = kind, name, config, located

    def build(self) -> common.MapLayerOptions:
        location = common.FrameGeometrySource(
            mode=common.FrameGeometrySourceMode.COORDS, latitude="latitude", longitude="longitude"
        )
        return common.MapLayerOptions(
            type_val=self._kind,
            name=str(self._name),
            config=dict(self._config),
            location=location if self._located else None,
            tooltip=self._located,
        )


_GROUND: Final = Text(vi="Nền", en="Ground")
_BORDERS: Final = Text(vi="Đường biên", en="Borders")
_ISLANDS: Final = Text(vi="Hoàng Sa và Trường Sa", en="Hoàng Sa and Trường Sa")
_PLACES: Final = Text(vi="Nơi có điểm đo", en="Places with offices")
_NAMES: Final = Text(vi="Tên", en="Names")

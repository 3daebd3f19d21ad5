"""Which module keeps which kind of store."""

from typing import Final

from doxa_collector.stores import influx1, influx2, influx3, victoria
from doxa_collector.stores.product import Kind
from doxa_collector.stores.visit import Keeper

KEEPERS: Final[dict[Kind, Keeper]] = {
    Kind.INFLUX1: influx1,
    Kind.INFLUX2: influx2,
    Kind.INFLUX3: influx3,
    Kind.VICTORIA: victoria,
}

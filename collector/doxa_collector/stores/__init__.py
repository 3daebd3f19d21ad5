"""The stores behind the sinks, looked at and set up: `doxa collector sinks check` and `sinks setup`.

Each kind of store has a file: `influx1`, `influx2`, `influx3`, `victoria`. Looking writes nothing to any store.
"""

"""The engine of the `path` meter: a traceroute with a stable flow, what its hops amount to, and what changed."""

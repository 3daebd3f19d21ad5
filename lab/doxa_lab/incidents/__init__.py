"""Faults of a made-up province, replayed against a made-up clock: what presence, rules and incidents must make of them."""

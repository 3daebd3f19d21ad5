"""The durable heart of the collector: what was measured, once, with its raw bytes."""

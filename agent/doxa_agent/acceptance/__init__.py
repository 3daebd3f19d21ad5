"""Acceptance of a line (methods.md §4): steps of fixed rate, RFC 6349 figures, loaded latency, one outcome with reasons."""

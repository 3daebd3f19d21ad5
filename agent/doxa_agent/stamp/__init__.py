"""STAMP (RFC 8762, RFC 8972): packets, sender and reflector."""

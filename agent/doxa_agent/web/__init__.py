"""A web page by phase: name, connection, TLS, first byte, transfer; and what its certificate says."""

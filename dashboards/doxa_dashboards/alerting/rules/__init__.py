"""One file a subject; each offers `RULES`."""

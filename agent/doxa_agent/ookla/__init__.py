"""The `ookla` meter's engine: the package speedtest-cli in a process of its own, held to a line, a size and a time."""

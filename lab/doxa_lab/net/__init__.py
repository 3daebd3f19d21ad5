"""Network namespaces, shaped links and the userspace relay of the lab."""

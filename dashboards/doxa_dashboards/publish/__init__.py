"""Grafana as the settings want it: what differs (diff), making it so (publish), or as plain files (provision)."""

"""Grafana as code: pages, alert rules and their publishing. The collector is known only by the series that it writes."""

"""The page that the collector serves: verdicts for the official, lines and evidence for the NOC."""

from doxa_collector.web.app import create_app
from doxa_collector.web.settings import Settings

__all__ = ["Settings", "create_app"]

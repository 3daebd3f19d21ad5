"""The verbs of `doxa dashboards`: every module here that does not start with `_` is one (see cli.py)."""

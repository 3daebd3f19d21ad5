"""`doxa dashboards VERB`: Grafana's pages as code. Each module of `verbs/` is a verb; the directory is the registry.

A verb's module has `SUMMARY: Text`, `add_arguments(parser)` and `run(args) -> int`.
"""

import argparse
import importlib
import pkgutil

from doxa_core.language import Text
from doxa_dashboards import verbs


def main(argv: list[str]) -> int:
    """Run the verb; `DoxaError` passes through to the `doxa` command, which prints it."""
    parser = argparse.ArgumentParser(
        prog="doxa dashboards", description=str(_WHAT), epilog=str(_EXAMPLE), formatter_class=_AS_WRITTEN
    )
    choices = parser.add_subparsers(dest="verb", required=True, metavar=str(_VERB))
    for name in sorted(found.name for found in pkgutil.iter_modules(verbs.__path__) if found.name[0] != "_"):
        module = importlib.import_module(f"{verbs.__name__}.{name}")
        summary = str(module.SUMMARY)
        one = choices.add_parser(name, help=summary, description=summary, formatter_class=_AS_WRITTEN)
        module.add_arguments(one)
        one.set_defaults(run=module.run)
    args = parser.parse_args(argv)
    code: int = args.run(args)
    return code


_AS_WRITTEN = argparse.RawDescriptionHelpFormatter
_WHAT = Text(vi="các trang Grafana viết bằng mã", en="Grafana's pages as code")
_VERB = Text(vi="VIỆC", en="VERB")
_EXAMPLE = Text(
    vi="ví dụ:\n  doxa dashboards list\n  doxa dashboards check\n  doxa dashboards diff\n  doxa dashboards publish",
    en="example:\n  doxa dashboards list\n  doxa dashboards check\n  doxa dashboards diff\n  doxa dashboards publish",
)

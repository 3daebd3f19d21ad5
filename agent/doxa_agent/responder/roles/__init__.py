"""The directory registry of the far end's roles: every module here that does not start with `_` is one server.

A role's module has these names:

    TITLE: Text                                         what people call it
    EXAMPLE: Text                                       for --help
    def add_options(parser: argparse.ArgumentParser) -> None
    def run(asked: argparse.Namespace) -> int           serves until SIGTERM or SIGINT; with `asked.json` the first line
                                                        printed is {"listening": [{"host": …, "port": …}, …]}

`doxa responder ROLE` runs one role; `doxa responder run` runs `http` itself and others as its child processes.
"""

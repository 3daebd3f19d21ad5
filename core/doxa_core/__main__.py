"""`python -m doxa_core …` is the `doxa` command."""

from doxa_core.command import main

raise SystemExit(main())

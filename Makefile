# doxa: one line each; tools/setup.sh does the setting up. `make help` lists the targets.
PY := .venv/bin/python
SOURCES := core agent collector dashboards lab tests
# Where it is set, pytest rewrites every assert in every worker of every run.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help venv demo test test-quick lint bench wheel format clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

venv: ## the Python environment with locked versions, nothing else
	@tools/setup.sh venv

demo: ## the country in small: five offices, real lines, a page with verdicts
	@tools/setup.sh demo
	@.venv/bin/doxa demo

test: ## everything: sets up the machine, lints, runs all tests
	@tools/setup.sh test
	@# The linter runs beside the tests, which wait more than they work: more workers than cores. Collecting rewrites
	@# every assert once; else all workers do it at the same time. What measures runs afterwards (tests/conftest.py).
	@log=$$(mktemp); make --no-print-directory lint >"$$log" 2>&1 & linter=$$!; \
	$(PY) -m pytest --collect-only -q >/dev/null; \
	$(PY) -m pytest -n 5 --dist loadscope --no-loadscope-reorder --reruns 2 --reruns-delay 3 -q -m "not alone"; code=$$?; \
	wait $$linter; linted=$$?; cat "$$log"; rm -f "$$log"; [ $$code = 0 ] && [ $$linted = 0 ]
	@$(PY) -m pytest -n 2 --dist loadscope --no-loadscope-reorder -q -m alone

test-quick: venv ## a minute on two cores: the first case of each quick test that needs neither root nor servers
	@DOXA_TEST_ONE_OF_EACH=1 $(PY) -m pytest -n 3 --dist loadscope --no-loadscope-reorder -q --hypothesis-profile=quick -m "not slow and not root and not server and not browser and not alone" @tests/not-quick.txt

lint: venv ## ruff, strict mypy, import rules
	@.venv/bin/ruff check $(SOURCES)
	@.venv/bin/ruff format --check --quiet $(SOURCES)
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache >.lint-imports.log || { cat .lint-imports.log; exit 1; }

bench: ## speed, as ratios against a peer in the same run
	@tools/setup.sh test
	@$(PY) -m doxa_lab.bench

wheel: venv ## dist/doxa-*.whl
	@$(PY) -m build --wheel --outdir dist .

format: venv ## ruff's formatter and safe fixes
	@.venv/bin/ruff check --fix --quiet $(SOURCES); .venv/bin/ruff format --quiet $(SOURCES)

clean: ## everything that was made
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .demo

# Every target but `help` makes .venv if it is missing; nothing has to be activated.
PYTHON_IN := .venv/bin/python
DATA = $(or $(ZETTELMEM_DATA),../shared/data)
RUN ?= locomo.run.jsonl
# Only the whole run with every extra tells how much of the core is covered.
WHOLE = $(if $(filter 1,$(WITH_TORCH)),--cov-fail-under=95)

.PHONY: help demo format lint typecheck test bench dev

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo:  ## install the core and show it at work on a sample conversation
	@scripts/setup.sh demo
	@$(PYTHON_IN) examples/demo.py

format: dev  ## rewrite the code in the house style
	$(PYTHON_IN) -m ruff check --fix-only .
	$(PYTHON_IN) -m ruff format .

lint: dev  ## style, likely bugs, import rules
	$(PYTHON_IN) -m ruff check .
	$(PYTHON_IN) -m ruff format --check .
	.venv/bin/lint-imports

typecheck: dev  ## mypy, strict
	$(PYTHON_IN) -m mypy

test: dev  ## install what the tests need and run them (WITH_TORCH=1: with sentence-transformers)
	$(PYTHON_IN) -m pytest --cov $(or $(ARGS),$(WHOLE))

bench: dev  ## recall on LoCoMo; ZETTELMEM_DATA names the folder that holds locomo-dev.json
	$(PYTHON_IN) benchmarks/locomo.py --data $(DATA)/locomo-dev.json --run $(RUN)

dev:
	@scripts/setup.sh dev

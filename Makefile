# studypkg: `make help` lists what can be made. Every target sets up .venv by itself.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

.PHONY: setup
setup: ## Bring up .venv with the locked versions (done by every other target)
	@$(PYTHON) tools/setup.py

.PHONY: report
report: setup ## The main job on the demonstration study: simulate, screen, fit, render; then reports/index.html
	@test -e data/raw/episodes.csv || $(BIN)/study simulate
	@$(BIN)/study monthly --month 2026-09

.PHONY: test
test: setup ## Run every test
	@$(BIN)/python -m pytest -n auto --dist worksteal -q

.PHONY: check
check: setup ## Lint, format, types and layers, as the tests do
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: lab
lab: setup ## Open JupyterLab on the demonstration study
	@$(BIN)/study lab

.PHONY: environment
environment: setup ## Rewrite environment.yml from pyproject.toml
	@$(BIN)/python tools/environment.py

.PHONY: clean
clean: ## Remove what runs wrote (data/raw, data/processed, reports) but keep the environment
	@find data/raw data/processed reports -mindepth 1 ! -name README.md ! -name .gitkeep -delete

# `make` lists what can be done. Nothing here needs root, and nothing but caches is left outside this folder.

VENV := .venv
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development

.DEFAULT_GOAL := help
.PHONY: help demo test chain splits scan lint format-check ruff types imports format lock bench kill kill-sender env clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNTIME) chain ## Start everything, take payments while you watch, serve until Ctrl-C (ONCE=1: end after the job)
	@$(VENV)/bin/nonstopay demo $(if $(ONCE),--once)

test: $(DEVELOPMENT) chain ## Run the whole suite (ARGS="-k refund -x" goes to pytest)
	@sh tools/browser.sh
	@sh tools/litecoin.sh
	@VENV=$(VENV) sh tools/chain.sh both
	@sh tools/interpreters.sh
	@$(VENV)/bin/python -m pytest $(ARGS)

scan: $(DEVELOPMENT) ## Look for card numbers in what the last test run and a sandbox left (ARGS="FOLDER …")
	@$(VENV)/bin/python tools/scan.py $(ARGS)

kill: $(DEVELOPMENT) ## Kill -9 the gateway again and again under load (KILLS=50)
	@NSP_KILLS=$(or $(KILLS),50) $(VENV)/bin/python -m pytest --log-cli-level=INFO tests/stories/crashes

kill-sender: $(DEVELOPMENT) chain ## Kill -9 the sender of coins and the signer at every named point (KILLS=50)
	@NSP_KILLS_SENDER=$(or $(KILLS),50) $(VENV)/bin/python -m pytest tests/stories/crashes/test_kill_sender.py

splits: $(DEVELOPMENT) ## Split random sums into fees, reserves and shares: the parts are the whole (SPLITS=100000)
	@NSP_SPLITS=$(or $(SPLITS),100000) $(VENV)/bin/python -m pytest -q tests/unit/settlement/test_split.py

lint: format-check ruff types imports ## Formatting, lints, types, direction of imports (-k: show all that is wrong)

format-check: $(DEVELOPMENT)
	@$(VENV)/bin/ruff format --check --quiet || { echo "not formatted; run: make format"; exit 1; }

ruff: $(DEVELOPMENT)
	@$(VENV)/bin/ruff check --quiet

types: $(DEVELOPMENT)
	@$(VENV)/bin/mypy --no-error-summary

imports: $(DEVELOPMENT)
	@$(VENV)/bin/lint-imports --no-logo

format: $(DEVELOPMENT) ## Format the code and mend what the lints can mend
	@$(VENV)/bin/ruff check --fix-only --quiet
	@$(VENV)/bin/ruff format

bench: $(RUNTIME) ## Measure the figures, each beside its yardstick (ARGS="ledger --seconds 5")
	@$(VENV)/bin/nonstopay bench $(ARGS)

chain: # The node of the sandbox's chains: anvil, else one in Python
	@VENV=$(VENV) sh tools/chain.sh

env: $(DEVELOPMENT) ## Make the environment only: .venv with everything, each file checked by its hash

lock: $(DEVELOPMENT) ## Write the lock files anew (ARGS=--upgrade takes the newest versions allowed)
	@VENV=$(VENV) sh tools/lock.sh $(ARGS)

clean: ## Remove the environment and what tools leave behind; databases stay
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: what is installed is exactly what the lock file said when it was installed.

$(RUNTIME): requirements.lock
	@VENV=$(VENV) sh tools/environment.sh requirements.lock
	@touch $@

$(DEVELOPMENT): requirements-dev.lock
	@VENV=$(VENV) sh tools/environment.sh requirements-dev.lock
	@touch $(RUNTIME) $@

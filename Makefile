# Everything a developer calls. Each target sets up what it needs; none asks for anything.
PYTHON ?= python3
VENV = .venv/bin/python
TEST_VENV = $(PYTHON) -m deploy.local tests --on embedded

.PHONY: help run stack demo test test-fast test-mysql test-embedded lint format bench openapi translations screenshots compose-check requirements clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: ## Toby with embedded servers: needs Python 3.11+ and nothing else
	@$(PYTHON) -m deploy.local run

stack: ## Toby with MariaDB (TOBY_DATABASE=mysql: MySQL), Redis, Apache Kafka and nginx
	@$(PYTHON) -m deploy.local stack

demo: ## plays the story against the Toby that runs
	@$(PYTHON) -m deploy.local venv demo
	@$(VENV) -m deploy.demo

test: ## every test, on MariaDB, Redis, Apache Kafka and nginx
	@$(PYTHON) -m deploy.local tests
	@$(VENV) -m pytest

test-mysql: ## the same on MySQL proper
	@$(PYTHON) -m deploy.local tests --on mysql
	@TOBY_TEST_ON=mysql $(VENV) -m pytest

test-embedded: ## the same on the embedded servers
	@$(TEST_VENV)
	@TOBY_TEST_ON=embedded $(VENV) -m pytest

test-embedded-flow: ## only the flow, on the embedded servers; FLOW=... a part of it
	@$(TEST_VENV)
	@TOBY_TEST_ON=embedded $(VENV) -m pytest $(or $(FLOW),tests/flow)

test-fast: ## the inner loop: unit tests on the embedded servers
	@$(TEST_VENV)
	@TOBY_TEST_ON=embedded $(VENV) -m pytest -q --ignore tests/flow --ignore tests/chaos --ignore tests/house

lint: ## all checks of style, types, imports, spelling and dependencies
	@$(TEST_VENV)
	@tests/lint

format: ## formats the code
	@$(TEST_VENV)
	@$(VENV) -m ruff format . && $(VENV) -m ruff check --fix .

bench: ## speed beside its gates; ONLY=P10,P4 picks figures, JSON=file writes them
	@$(PYTHON) -m deploy.local tests
	@$(VENV) -m bench $(if $(ONLY),--only $(ONLY)) $(if $(JSON),--json $(JSON))

openapi: ## writes docs/openapi/ from the views, docs/asyncapi.yml from the contracts
	@$(TEST_VENV)
	@$(VENV) -m deploy.openapi
	@$(VENV) -m deploy.asyncapi

translations: ## puts what is to be translated into the .po files, and makes the .mo files
	@$(TEST_VENV)
	@$(VENV) -m deploy.translations

screenshots: ## takes docs/screenshots/ anew, in the browser test
	@$(PYTHON) -m deploy.local tests
	@TOBY_SCREENSHOTS=1 $(VENV) -m pytest -q tests/flow/test_desk.py

compose-check: ## brings deploy/compose.yml up, plays the demo, takes it down
	@$(PYTHON) -m deploy.local venv demo
	@deploy/compose-check

requirements: ## pins requirements/*.txt anew from the .in files
	@$(TEST_VENV)
	@cd requirements && for name in base embedded demo dev; do \
	  ../$(VENV) -m piptools compile --quiet --upgrade --strip-extras --no-header --annotation-style=line \
	    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file $$name.txt $$name.in; done

clean: ## removes what was made: environment, data, caches
	@rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# Every everyday action, one word each. `make` alone lists them.

PYTHON ?= python3
STACK ?= oms
PARAMS ?=
BIN := .venv/bin
SAM := SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=$(or $(AWS_DEFAULT_REGION),us-east-1) .venv-sam/bin/sam
COMPILE := .venv-lock/bin/uv pip compile --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --quiet --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

# The package lives where the layer is built from; a path file makes it importable, as a layer does on AWS.
IMPORTABLE = $(abspath layers/oms/python)

# Packages that the shared layer brings: no other layer brings them again.
SHARED = $(shell sed -n 's/==.*//p' layers/oms/python/requirements.txt)

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench deploy play import feed reconcile whatif connect token gazetteer lock clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: .venv/.stamp ## Create .venv from the locked requirements

run: .venv/.stamp ## Start the whole system on this machine (ONCE=1: start, report, stop)
	@$(BIN)/python -m infra.local.run $(if $(ONCE),--once) $(ARGS)

play: .venv/.stamp ## Send the sample inputs of a folder: make play DIR=events/...
	@$(BIN)/python -m infra.local.play $(call need,DIR) $(ARGS)

import: .venv/.stamp ## Load reference data: make import KIND=products FILE=...
	@$(BIN)/python -m infra.local.import_ $(call need,KIND) $(call need,FILE) $(ARGS)

feed: .venv/.stamp ## Drop a file of stock: make feed SOURCE=erp FILE=...
	@$(BIN)/python -m infra.local.feed $(call need,SOURCE) $(call need,FILE)

reconcile: .venv/.stamp ## Prove that stock is what the log says, and the log as it was written
	@$(BIN)/python -m infra.local.reconcile

payouts: .venv/.stamp ## Hold a payout's report to the orders: make payouts PROVIDER=adyen FILE=report.csv
	@$(BIN)/python -m infra.local.payouts $(call need,PROVIDER) $(call need,FILE)

whatif: .venv/.stamp ## Replay past orders under another policy: make whatif POLICY=file
	@$(BIN)/python -m infra.local.whatif $(call need,POLICY) $(ARGS)

connect: .venv/.stamp ## Connect a sales channel: make connect CHANNEL=...
	@$(BIN)/python -m infra.local.connect $(call need,CHANNEL) $(ARGS)

token: .venv/.stamp ## Print an access token for a role: make token ROLE=...
	@$(BIN)/python -m infra.local.token $(call need,ROLE) $(ARGS)

test: .venv/.stamp ## Run the tests: make test ARGS="-k reserve"
	@$(BIN)/python -m pytest -n $(or $(JOBS),3) --dist worksteal $(ARGS)

check: .venv/.stamp .venv-sam/.stamp .venv-gates/.stamp ## Lint, types, architecture, template, security
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=layers/oms/python $(BIN)/lint-imports
	$(SAM) validate --lint --template template.yaml
	$(BIN)/python -m tests.gates

bench: .venv/.stamp ## Run a measurement: make bench NAME=...
	@$(BIN)/python -m tests.bench.$(call need,NAME) $(ARGS)

deploy: .venv/.stamp .venv-sam/.stamp ## Build and deploy to AWS: make deploy STACK=oms PARAMS="Key=value"
	PYTHON=$(abspath $(BIN)/python) $(SAM) build
	$(SAM) deploy --stack-name $(STACK) --resolve-s3 --no-fail-on-empty-changeset \
		--capabilities CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND \
		$(if $(PARAMS),--parameter-overrides $(PARAMS))

gazetteer: .venv-gazetteer/.stamp ## Make the table of places again from the locked packages (ARGS=--check: compare)
	@.venv-gazetteer/bin/python -m infra.gazetteer $(ARGS)

lock: .venv-lock/.stamp ## Lock all requirements again (UPGRADE=1: to the newest releases)
	$(COMPILE) requirements/dev.in -o requirements/dev.txt
	$(COMPILE) layers/oms/python/requirements.in -c requirements/dev.txt -o layers/oms/python/requirements.txt
	$(COMPILE) layers/assistants/python/requirements.in -c requirements/dev.txt $(foreach each,$(SHARED),--no-emit-package $(each)) \
		-o layers/assistants/python/requirements.txt
	$(COMPILE) requirements/sam.in -o requirements/sam.txt
	$(COMPILE) requirements/gates.in -o requirements/gates.txt
	$(COMPILE) requirements/lock.in -o requirements/lock.txt
	$(COMPILE) requirements/gazetteer.in -o requirements/gazetteer.txt

clean: ## Remove environments, caches, builds and the local engine's state
	rm -rf .venv .venv-sam .venv-gates .venv-lock .venv-gazetteer .local .aws-sam .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

need = $(or $($(1)),$(error say which: make $@ $(1)=...))

.venv/.stamp: requirements/dev.txt
.venv-sam/.stamp: requirements/sam.txt
.venv-gates/.stamp: requirements/gates.txt
.venv-lock/.stamp: requirements/lock.txt
.venv-gazetteer/.stamp: requirements/gazetteer.txt
.venv/.stamp .venv-sam/.stamp .venv-gates/.stamp .venv-lock/.stamp .venv-gazetteer/.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or later is needed, and '$(PYTHON)' is not it ($$($(PYTHON) --version 2>&1)). Try: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@echo "installing $< into $(@D)"
	@$(PYTHON) -m venv --clear $(@D)
	@# --no-deps: the locks are complete, and older pips stumble over extras of hashed packages
	@$(@D)/bin/python -m pip install -qq --no-compile --disable-pip-version-check --require-hashes --no-deps -r $<
	@$(@D)/bin/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "oms.pth").write_text("$(IMPORTABLE)\n")'
	@touch $@

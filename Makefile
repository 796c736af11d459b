# Everything a newcomer needs, in one place: `make` prints the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lock crash faults race soak orders fidelity fuzz bench bench-pin picture clean

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.complete ## make .venv from the lock file, every package checked against its hash

$(VENV)/.complete: requirements.lock tools/preflight.sh
	@sh tools/preflight.sh "$(PYTHON)"
	@echo "Setting up $(VENV) (once; about a minute)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --require-hashes --requirement requirements.lock
	@touch $@

demo: setup ## play one whole release on this machine (ONCE=1: exit at the end)
	@$(BIN)/python -m bot demo $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

test: setup ## run all tests
	@$(BIN)/python -m pytest -n 3

check: setup ## types, lint, format, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: setup ## let ruff put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: setup ## write requirements.lock anew from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --group dev pyproject.toml --no-header --output-file requirements.lock

crash: setup ## kill worker, receiver and git server N times, and at every step boundary (N=300)
	@$(BIN)/python -m tests.campaign.crash --kills $(or $(N),300) $(if $(SEED),--seed $(SEED))

faults: setup ## break every call of the bot in every way, and N random pairs of calls (N=500)
	@$(BIN)/python -m tests.campaign.faults --singles all --pairs $(or $(N),500) $(if $(SEED),--seed $(SEED))

race: setup ## let people, bots and pushes race each other N times (N=200)
	@$(BIN)/python -m tests.campaign.race --n $(or $(N),200) $(if $(SEED),--seed $(SEED))

soak: setup ## make N releases while one call in twenty fails (N=200)
	@$(BIN)/python -m tests.campaign.soak --n $(or $(N),200) $(if $(SEED),--seed $(SEED))

orders: setup ## deliver one release in N orders, each delivery lost, once or twice (N=5000)
	@$(BIN)/python -m tests.model.permutations --n $(or $(N),5000) $(if $(SEED),--seed $(SEED))

fidelity: setup ## hold the stand-in GitHub against GitHub's published schemas (needs npm)
	@$(BIN)/python -m tests.fidelity

fuzz: setup ## send the receiver N generated deliveries (N=10000)
	@DOOR_REQUESTS=$(or $(N),10000) $(BIN)/python -m pytest -q tests/test_receiver.py -k no_delivery

bench: setup ## time a release, acknowledgements and ref look-ups
	@$(BIN)/python -m bench.release

bench-pin: setup ## time the pinning of N projects without a clone (N=1000)
	@$(BIN)/python -m bench.pin --projects $(or $(N),1000)

picture: setup ## draw the README's pictures anew: the demo, and a plan by hand as docs/by-hand.md shows it
	@$(BIN)/python -m bot demo --once \
	  | $(BIN)/python -m sandbox.demo.picture A release, from the comment to the built image > docs/images/demo.svg
	@sed '1,/^```console/d;/^```$$/,$$d' docs/by-hand.md \
	  | $(BIN)/python -m sandbox.demo.picture A plan by hand, and its patch > docs/images/by-hand.svg

clean: ## remove .venv and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

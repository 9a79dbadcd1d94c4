# Needs Python 3.11 or newer and make; everything else goes into .venv from the lock files.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: demo test test-all test-agents fuzz-api fuzz-webhooks chaos bench screenshots lint format lock dist clean

demo: $(VENV)/.demo-ready
	$(BIN)/python -m bot demo $(ARGS)

# Compiled files are kept even where the environment says otherwise: each of a hundred processes would compile anew.
test test-all: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.dev-ready
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow and not agents" $(ARGS)

# With the tests that build wheels and images or kill processes, and with more of what hypothesis makes.
test-all: export EXAMPLES ?= 100
test-all: export FUZZ_EXAMPLES ?= 15
test-all: $(VENV)/.dev-ready
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not agents" $(ARGS)

# Real coding agents, such as `make test-agents AGENTS="opencode codex"`, against a scripted server of models: no account, no key.
# They are installed once, below AGENTS_UNDER_TEST (2 GB in all); one that cannot be installed here is skipped.
AGENTS ?=
export AGENTS_UNDER_TEST ?= $(CURDIR)/.agents

test-agents: $(VENV)/.dev-ready
	$(BIN)/python -m tests.agents.real.installing $(AGENTS)
	AGENTS="$(AGENTS)" $(BIN)/python -m pytest -p no:xdist -m agents tests/agents/real $(ARGS)

# The HTTP API against its own description, with many more examples than `make test-all` has time for.
fuzz-api: $(VENV)/.dev-ready
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-300} $(BIN)/python -m pytest tests/web/api/test_as_described.py $(ARGS)

# Kills, stops and injected faults as in `make test-all`, for about an hour: 12 rounds of 27 kills of one process, and of 12 kills,
# freezes and cuts of several; lost connections 20 times, an upgrade with 50 commands; twice 200 turns of agents on three workers.
# A failure names its seed.
chaos: $(VENV)/.dev-ready
	CHAOS_ROUNDS=$${CHAOS_ROUNDS:-12} CHAOS_KILLS=$${CHAOS_KILLS:-27} CHAOS_STRIKES=$${CHAOS_STRIKES:-12} \
		FAILOVER_ROUNDS=$${FAILOVER_ROUNDS:-20} UPGRADE_COMMANDS=$${UPGRADE_COMMANDS:-50} CHAOS_AGENT_TURNS=$${CHAOS_AGENT_TURNS:-200} \
		$(BIN)/python -m pytest -n 2 tests/chaos tests/conversations/test_failover.py $(ARGS)

# 10,000 mutated payloads and 10,000 comments through the webhooks' door, where `make test` tries a thousand of each.
fuzz-webhooks: $(VENV)/.dev-ready
	FUZZ_DELIVERIES=$${FUZZ_DELIVERIES:-10000} $(BIN)/python -m pytest tests/web/test_fuzz.py $(ARGS)

# Figures, never pass or fail; docs/benchmarks.md keeps them.
bench: $(VENV)/.dev-ready
	$(BIN)/python -m benchmarks.action_start
	$(BIN)/python -m benchmarks.cli_start
	$(BIN)/python -m benchmarks.webhooks
	$(BIN)/python -m benchmarks.flood
	$(BIN)/python -m benchmarks.text_growth
	$(BIN)/python -m benchmarks.watcher
	$(BIN)/python -m benchmarks.streams
	$(BIN)/python -m benchmarks.dashboard
	$(BIN)/python -m benchmarks.hostile_requests
	$(BIN)/python -m benchmarks.run_lists
	$(BIN)/python -m benchmarks.takeover
	$(BIN)/python -m benchmarks.agents_workspace
	$(BIN)/python -m benchmarks.agents_log
	$(BIN)/python -m benchmarks.agents_start
	$(BIN)/python -m benchmarks.agents_workers

# The README's pictures, of the same two weeks each time; needs a Chromium.
screenshots: $(VENV)/.dev-ready
	$(BIN)/python -m tests.web.dashboard.pictures

lint: $(VENV)/.dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What gidgethub needs for GitHub Apps only.
ACTION_WITHOUT = $(addprefix --no-emit-package ,cffi cryptography pycparser pyjwt)

# Writes the lock files anew from pyproject.toml; the only target that resolves versions.
lock: $(VENV)/.dev-ready
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
		--python-version 3.11 pyproject.toml --extra postgresql -o requirements.lock
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
		--python-version 3.11 --group action -c requirements.lock $(ACTION_WITHOUT) -o requirements-action.lock
	$(BIN)/uv pip compile --quiet --universal --format pylock.toml --python-version 3.11 --group action -c requirements.lock \
		$(ACTION_WITHOUT) -o pylock.action.toml
	$(BIN)/python deploy/action_wheels.py pylock.action.toml requirements-action.wheels
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
		--python-version 3.11 --group action-agents -c requirements.lock $(ACTION_WITHOUT) -o requirements-action-agents.lock
	$(BIN)/uv pip compile --quiet --universal --format pylock.toml --python-version 3.11 --group action-agents -c requirements.lock \
		$(ACTION_WITHOUT) -o pylock.action.toml
	$(BIN)/python deploy/action_wheels.py pylock.action.toml requirements-action-agents.wheels
	rm pylock.action.toml
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
		--python-version 3.11 pyproject.toml --extra postgresql --extra test --extra dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
		--python-version 3.11 --group build -c requirements-dev.lock -o requirements-build.lock

dist: $(VENV)/.dev-ready
	$(BIN)/uv build --no-build-isolation --out-dir dist

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "codegen-bot needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# The demo needs only what the bot needs, and runs from the work tree; the tests need more.
$(VENV)/.demo-ready: requirements.lock | $(BIN)/python
	@echo "Installing the packages of requirements.lock into $(VENV), the first time only; this takes about a minute."
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

$(VENV)/.dev-ready: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/.demo-ready

# `make demo` and `make test` are the two that matter; both set everything up first.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
PADDLE := var/paddle-venv
PERSONA ?=
FLOW ?= margin_call
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-train demo demo-campaign test test-crash interop test-paddle check format bench bench-asr bench-campaign clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## make .venv with everything the robot and its tests need

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or name yours with 'make PYTHON=/path/to/python3.11 …'"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup-train: setup ## add what training the acoustic model needs (PyTorch, CPU build)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,train]'

demo: setup ## the main job: one real call over SIP to the simulated softphone; FLOW=name, PERSONA=name
	$(BIN)/voicebot demo --flow $(FLOW) $(if $(PERSONA),--persona $(PERSONA))

demo-campaign: setup ## a whole campaign: twenty contacts, four channels, callees on a softphone; some three minutes
	$(BIN)/voicebot demo --campaign

test: setup ## the tests: pure logic, contracts, real SIP calls on the loopback interface
	$(BIN)/pytest -m "not interop and not paddle and not crash"

test-crash: setup ## kill -9 at 50 moments of a campaign, on both databases; hosts in network namespaces (docs/crash.md)
	$(BIN)/pytest -s -m crash

interop: setup ## calls to baresip and SIPp (Debian: apt-get install baresip sip-tester)
	$(BIN)/pytest -m interop

test-paddle: setup $(PADDLE)/.setup-done ## our client against PaddleSpeech's real server (3 GB, its own environment; opt-in)
	VOICEBOT_TEST_PADDLE=$(PADDLE)/bin/python $(BIN)/pytest -m paddle

$(PADDLE)/.setup-done: tests/asr/paddle/requirements.txt
	$(PYTHON) -m venv $(PADDLE)
	$(PADDLE)/bin/pip install --quiet --requirement $<
	@touch $@

check: setup ## style, types and the one-way imports; no merge left half done
	@! git grep -nE '^(<{7}|>{7}) '
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## let ruff put the code in its style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## the long measurements; figures go to docs/
	$(BIN)/voicebot bench personas

bench-asr: setup-train ## the ear's goals beside what is measured (docs/asr.md); HUMAN=manifest.jsonl adds people's recordings
	$(BIN)/voicebot bench asr $(if $(HUMAN),--human $(HUMAN))

bench-campaign: setup ## lists of 1,000 to a million contacts, from the import to an attempt; DATABASE=postgresql://… (docs/campaigns.md)
	$(BIN)/voicebot bench campaign $(if $(DATABASE),--database $(DATABASE))

clean: ## remove what was made here (not recordings)
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache

# Every target sets up what it needs in .venv and can be run again; nothing but Python (>= 3.11) and make is assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Where it is set, each of the thousands of processes that tests start would compile satseek anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint bench format proto clean

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The stamps hold the state of an environment: they are renewed when pyproject.toml changes.
$(VENV)/.base: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[web,faiss]'
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.base
	$(BIN)/python -m pip install --quiet 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[server,milvus,ray,dask,torch,quantize,openvino,modelscope]' --group test --group lint
	@touch $@

demo: $(VENV)/.base ## Make a county, index it, search it with words, write a contact sheet
	$(BIN)/satseek demo run --folder demo

serve: $(VENV)/.base ## Serve the demo collection: page and API on http://127.0.0.1:7860
	$(BIN)/satseek demo run --folder demo --quiet
	$(BIN)/satseek --data-dir demo/data serve

test: $(VENV)/.dev ## Run every test
	$(BIN)/python -m pytest

lint: $(VENV)/.dev ## Check style, types and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## Run the benchmarks; figures land in bench/results
	$(BIN)/python bench/run.py

# Messages load with the release of protobuf that wrote them and later ones: the oldest that does is taken, apart from .venv.
proto: ## Write the messages of the protocols anew
	$(PYTHON) -m venv build/proto
	build/proto/bin/pip install --quiet 'grpcio-tools==1.72.2'
	build/proto/bin/python proto/satseek/generate.py
	build/proto/bin/python proto/inference/generate.py

clean: ## Remove the environment and the demonstration
	rm -rf $(VENV) demo

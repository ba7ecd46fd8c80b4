# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUNS ?= results/demo

# Narrow networks, larger batches and higher rates than the papers': minutes on a CPU instead of days on a GPU. A
# discriminator of one layer judges patches of 16 pixels, for pictures of 64 what the official 70 are for 256.
DEMO := --steps 350 --batch-size 4 --set ngf=16 --set ndf=32 --set netD=n_layers --set n_layers_D=1 --set init_gain=0.3 \
  --set cut.lr=4e-4 --set enco.lr_G=1e-3 --set enco.lr_F=1e-3 --set enco.lr_D=1e-4 --set enco.lambda_IDT=20 \
  --set enco.stop_idt_epochs=400

.PHONY: demo test test-slow test-all faults lint format clean help

help:
	@echo "make demo      train EnCo and CUT on the embedded dataset, print the table   (about ten minutes, CPU)"
	@echo "make test      the tests                                                     (a few minutes)"
	@echo "make test-slow the tests that take longer                                   (a few minutes)"
	@echo "make test-all  both"
	@echo "make faults    kills, full disks, damaged files by the hundred, and a table of what was lost (some minutes)"
	@echo "make lint      linter, formatter and type checker"

# Installed once for each state of pyproject.toml. A torch that the interpreter already has is kept.
$(VENV)/.installed: pyproject.toml
	@test -x $(BIN)/python || { \
	  if $(PYTHON) -c 'import torch, torchvision' 2>/dev/null; \
	  then echo "uses the torch of $(PYTHON)"; $(PYTHON) -m venv --system-site-packages $(VENV); \
	  else $(PYTHON) -m venv $(VENV); fi; }
	@echo "installs the harness and what it needs into $(VENV) (torch is large: some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/harness run --methods enco,cut --dataset toy --seeds 0-1 --runs $(RUNS) $(DEMO)
	@$(BIN)/harness report --runs $(RUNS)

# One process a core with one thread each: faster than one process with all of them, and steady on a busy machine.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile

test: $(VENV)/.installed
	@$(PYTEST) -m "not slow"

test-slow: $(VENV)/.installed
	@$(PYTEST) -m slow

test-all: test test-slow

faults: $(VENV)/.installed
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults

lint: $(VENV)/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.installed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(RUNS) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

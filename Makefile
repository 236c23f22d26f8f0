# Every target makes what it needs: a fresh clone, Python 3.11 or later and make are enough.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)

help:       ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.runtime     ## the whole path on a small simulated genome, with a report in demo/
	tft-demo --out demo --force
	@echo 'These commands are in $(BIN): source $(BIN)/activate'

install: $(VENV)/.dev      ## make $(VENV) for work on the project

test: $(VENV)/.dev         ## run the notebooks and the other tests, two files at a time
	OMP_NUM_THREADS=1 pytest -rs --durations=15 -n 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev        ## are notebooks clean, exported code, README and style in order?
	python .ci/check.py

docs: $(VENV)/.dev         ## build the site into _docs/ from the outputs stored in the notebooks
	rm -rf _docs
	python docs/build.py

workshop: $(VENV)/.dev   ## learner copies and slides of the workshop, in _workshop/
	rm -rf _workshop
	python docs/learner.py
	python docs/slides.py

dist: $(BIN)/python        ## the package as it goes to PyPI, in dist/
	$(pip-install) build twine
	rm -rf dist
	python -m build
	twine check --strict dist/*

readme: $(VENV)/.dev       ## write README.md from nbs/index.ipynb
	python docs/readme.py

notebooks: $(VENV)/.dev    ## execute the notebooks and save their outputs (real data: outputs stay as stored)
	TQDM_DISABLE=1 nbdev-test --save
	nbdev-clean

paper: $(VENV)/.dev        ## execute nbs/paper on the real data in $TF_TRANSFER_DATA and save the outputs
	@test -n "$$TF_TRANSFER_DATA" || { echo "make paper: set TF_TRANSFER_DATA to the folder of the real data"; exit 2; }
	TQDM_DISABLE=1 nbdev-test nbs/paper --flags realdata --save --n-workers 1 --cell-timeout 0
	nbdev-clean

bench: $(VENV)/.dev        ## how fast it is here, and how cost grows: tables in bench/own/
	mkdir -p bench/own
	OMP_NUM_THREADS=1 python bench/speed.py --out bench/own
	OMP_NUM_THREADS=1 python bench/growth.py --out bench/own
	OMP_NUM_THREADS=1 python bench/training.py --out bench/own

clean:      ## remove what make made, except $(VENV)
	rm -rf _docs _build _proc _workshop bench/own demo build dist *.egg-info .pytest_cache .ruff_cache

# Installing: constraints.txt pins every version, for Python 3.11; other versions take what is newest.
METADATA := setup.py settings.ini pyproject.toml constraints.txt
pip-install = pip install -q $$(python -c 'import sys; print("-c constraints.txt" if sys.version_info[:2] == (3, 11) else "")')

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(METADATA) | $(BIN)/python
	$(pip-install) -e .
	touch $@

$(VENV)/.dev: $(METADATA) | $(BIN)/python
	$(pip-install) -e '.[dev]'
	touch $@ $(VENV)/.runtime

.PHONY: help demo install test check bench docs dist workshop readme notebooks paper clean

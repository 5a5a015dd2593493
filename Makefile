# Every target makes .venv by itself. All paths here are relative, so the checkout's own path may hold a space.
# Use:  make help

CONSTRAINTS ?= constraints/test.txt
FILM ?=
FILMS ?=
SPACING ?=
OUTPUT ?= demo_output
ARGS ?=
DATASET ?=

INSTALLED := .venv/.installed
PY := .venv/bin/python
LABEL := .venv-label/.installed
LABEL_PY := .venv-label/bin/python
comma := ,

# The text of a user's path reaches the shell as a variable, never as code.
export FILM FILMS SPACING OUTPUT DATASET

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test coverage check lint types layers figures-check page page-check bundle format figures report docs label-env test-label \
  landmarker-env benchmark benchmark-speed clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile
	@echo "Settings: PYTHON=python3.12 (3.11 or newer), CONSTRAINTS=file of pinned versions"

install: $(INSTALLED)  ## make .venv with the package and all its extras

# $(call make_venv,FOLDER,interpreters to try,versions in words,what must hold of sys.version_info)
define make_venv
	@for python in $(or $(PYTHON),$(2)); do \
	  if "$$python" -c 'import sys; sys.exit(not sys.version_info$(4))' 2>/dev/null; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "No Python $(3) found; install one, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	echo "Installing into $(1) with $$found: minutes, several where torch comes with its GPU libraries."; \
	"$$found" -m venv $(1)
endef

# The pinned versions need Python 3.11; the package itself does not.
$(INSTALLED): setup.cfg pyproject.toml $(CONSTRAINTS)
	$(call make_venv,.venv,python3.11 python3.12 python3.13 python3,3.11 or newer, >= (3$(comma) 11))
	@$(PY) -m pip install -qq --disable-pip-version-check -c $(CONSTRAINTS) -e '.[all]'
	@touch $@

demo: $(INSTALLED)  ## phantom films: draw, train small, predict, score.  FILM=path [SPACING=mm]: predict on a film
ifeq ($(strip $(FILM)),)
	@$(PY) -m monai_ceph.commands.demo --output "$$OUTPUT"
else
	@$(PY) -m monai_ceph predict "$$FILM" --output "$$OUTPUT" --overwrite $${SPACING:+--spacing "$$SPACING"}
endif

test: $(INSTALLED)  ## all tests.  ARGS='-m "not slow"' passes options to pytest
	@$(PY) -m pytest -q $(ARGS)

coverage: $(INSTALLED)  ## all tests, and the lines they miss; fails below the floor in setup.cfg
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest -q $(ARGS)
	@$(PY) -m coverage combine -q
	@$(PY) -m coverage report

check: lint types layers figures-check page-check bundle docs  ## ruff, mypy, import-linter, figures, page, bundle, docs build

lint: $(INSTALLED)
	@$(PY) -m ruff check -q .
	@$(PY) -m ruff format -q --check . || { echo "Not formatted; run: make format" >&2; exit 1; }

types: $(INSTALLED)
	@$(PY) -m mypy

layers: $(INSTALLED)
	@.venv/bin/lint-imports --no-logo

page:  ## build the page in the browser into the package; needs Node 20 and npm
	@cd page && npm ci --silent && npm run --silent build

# The built page is in the repository, so that nobody needs Node to use it.
page-check:  ## eslint, TypeScript and tests of the page, and that it was built from its sources
	@if command -v npm >/dev/null; then \
	  (cd page && npm ci --silent && npm run --silent check && npm run --silent build -- --outDir node_modules/.built) && \
	  { diff -r page/node_modules/.built monai_ceph/page/static || { echo "The built page is another; run: make page" >&2; exit 1; }; }; \
	elif [ -n "$$CI" ]; then echo "npm is missing: install Node 20." >&2; exit 1; \
	else echo "npm is missing, so the page is not checked."; fi

# Pictures and tables of the docs are those of the contract and of the committed results.
figures-check: $(INSTALLED)
	@$(PY) tools/floor_plan.py --check
	@$(PY) -m benchmarks.report --check

bundle: $(INSTALLED)
	@for bundle in bundles/*; do $(PY) tools/verify_bundle.py --bundle "$$bundle" || exit 1; done

format: $(INSTALLED)  ## let ruff sort imports and format
	@$(PY) -m ruff check -q --select I --fix .
	@$(PY) -m ruff format -q .

figures: $(INSTALLED)  ## the pictures of docs/, from drawn films; trains a demo first where there is none (minutes)
	@$(PY) tools/figures.py --demo "$$OUTPUT"
	@$(PY) tools/label_figure.py
	@$(PY) tools/report_figure.py
	@$(PY) tools/floor_plan.py

report: $(INSTALLED)  ## the tables of README and docs, from benchmarks/results
	@$(PY) -m benchmarks.report

docs: $(INSTALLED)  ## the manual as HTML, in docs/build/html; any warning is an error
	@$(PY) -m sphinx -q -W --keep-going -b html docs docs/build/html
	@echo "docs/build/html/index.html"

label-env: $(LABEL)  ## .venv-label, with MONAI Label: for `monai-ceph label`

# MONAI Label needs numpy 1.26, its dependencies build against it, and it imports distutils, which Python 3.12 has no more.
$(LABEL): setup.cfg pyproject.toml constraints/label.txt
	$(call make_venv,.venv-label,python3.11 python3,3.11,[:2] == (3$(comma) 11))
	@$(LABEL_PY) -m pip install -qq --disable-pip-version-check 'pip>=25.3'
	@$(LABEL_PY) -m pip install -qq -c constraints/label.txt --build-constraint constraints/label.txt \
	  -e '.[cli,train,evaluate,label]' axe-playwright-python httpx hypothesis playwright pytest
	@touch $@

# The core with numpy 1.26 as well: what reads films and labels, and what computes.
test-label: $(LABEL)  ## tests of the annotation server, in .venv-label
	@$(LABEL_PY) -m pytest -q tests/label tests/data tests/transforms tests/inferers tests/writers \
	  tests/test_geometry.py tests/test_heatmaps.py $(ARGS)

landmarker-env: .venv-landmarker/.installed  ## .venv-landmarker, for the benchmark's models of that library

# An environment of its own: its pins (SciPy, torchvision) are not ours. The interpreter is chosen as for .venv.
.venv-landmarker/.installed: constraints/landmarker.txt $(INSTALLED)
	@$(PY) -m venv .venv-landmarker
	@.venv-landmarker/bin/python -m pip install -qq --disable-pip-version-check -c $< landmarker torch torchvision
	@touch $@

benchmark: $(INSTALLED) landmarker-env  ## models compared, three hours.  DATASET=isbi2015 [ARGS='--minutes 60 --device cuda:0']
	@test -n "$$DATASET" || { echo "Name the ISBI 2015 data set: make benchmark DATASET=/path/to/isbi2015" >&2; exit 1; }
	@$(PY) -m benchmarks.models --dataset_dir "$$DATASET" $(ARGS)
	@$(PY) -m benchmarks.report

benchmark-speed: $(INSTALLED) landmarker-env  ## time a film, share of the machine's peak, training samples a second.  FILMS=folder
	@$(PY) -m benchmarks.speed.inference $${FILMS:+--films "$$FILMS"} $(ARGS)
	@$(PY) -m benchmarks.speed.profile $${FILMS:+--films "$$FILMS"}
	@$(PY) -m benchmarks.speed.folder $${FILMS:+--films "$$FILMS"}
	@$(PY) -m benchmarks.speed.training

clean:  ## remove what was built here, but the environments
	@rm -rf docs/build demo_output build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* .import_linter_cache

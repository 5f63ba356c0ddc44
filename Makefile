# The only front door: `make demo`, `make test`, `make check`, `make prove`, `make bench`, `make lock`.
# Needs python3 (3.11 or newer), pip, make and git; everything else is installed into .venv from hash-pinned files.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export UV_COMPILE_BYTECODE := 1
export UV_NO_PROGRESS := 1

.PHONY: demo test test-large test-spark check prove mutants bench bench-full bench-quality lock lock-bench clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo "make demo           real flights of 2013 through the whole daemon path (about 90 s after installation)"
	@echo "make test           everything CI runs"
	@echo "make check          format, lint, strict types, import contracts: the fast half of CI"
	@echo "make prove          is it exact? thousands of SIGKILLs on both databases, an hour and a quarter (KILLS=2000, MINUTES=60)"
	@echo "make test-large     tests whose promised size is too much for every change: some minutes"
	@echo "make test-spark     a real Spark on this machine: needs Java 17, installs pyspark (450 MB); two minutes"
	@echo "make mutants        does a test go red for each guard that is disabled? some twenty minutes"
	@echo "make bench          speed tables, ratios measured in one run"
	@echo "make bench-full     beside other tools, each in an environment of its own: about an hour (FULL='--only contest')"
	@echo "make bench-quality  false pages, faults found, others beside: about half an hour (SEEDS='1 2 3', ONLY=iid)"
	@echo "make lock           resolve the hash-pinned requirement files again (add UPGRADE=1)"
	@echo "make lock-bench     the same for the tools of bench-full (add UPGRADE=1)"

# One stamp a requirement set, so that `make demo` does not install the test tools.
$(BIN)/uv: requirements/uv.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/uv.txt
	@touch $(BIN)/uv

$(VENV)/.run.ok: $(BIN)/uv requirements/run.txt pyproject.toml
	$(call install,requirements/run.txt)
	@touch $@

$(VENV)/.dev.ok: $(BIN)/uv requirements/dev.txt pyproject.toml
	$(call install,requirements/dev.txt)
	@touch $@ $(VENV)/.run.ok

# Beside the others, not with them: it is as large as all of them.
$(VENV)/.spark.ok: $(VENV)/.dev.ok requirements/spark.txt
	$(call install,requirements/spark.txt)
	@touch $@

# The file is a full closure, so --no-deps is right, and hatchling comes from it too: nothing unpinned is fetched.
define install
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r $(1) \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(1)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
endef

demo: $(VENV)/.run.ok
	$(BIN)/leeway demo --dir demo

# Files in their order, those of acceptance first: the longest have the fewest tests, and alone at the end they would
# keep one core waiting.
test: $(VENV)/.dev.ok check
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-large: $(VENV)/.dev.ok
	$(BIN)/python -m pytest -m large -n auto --dist loadfile --timeout 3600

test-spark: $(VENV)/.spark.ok
	$(BIN)/python -c "import sys; from tests.spark import missing; sys.exit(missing() or 0)"
	$(BIN)/python -m pytest -m spark -n 0 --timeout 1800 tests/monitor/test_spark_*.py

check: $(VENV)/.dev.ok
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pip check

bench: $(VENV)/.dev.ok
	$(BIN)/python -m benchmarks

# Environments and data go to .bench/ and stay there; .bench/full.json and .bench/full.svg are what came out.
bench-full: $(VENV)/.dev.ok
	$(BIN)/python -m benchmarks.full --json .bench/full.json --plot .bench/full.svg $(FULL)

bench-quality: $(VENV)/.dev.ok
	$(BIN)/python -m benchmarks.quality --seeds $(SEEDS) --jobs $(JOBS) $(if $(ONLY),--only $(ONLY))

prove: $(VENV)/.dev.ok
	$(BIN)/python -m tests.prove --kills $(KILLS) --jobs $(JOBS) $(if $(MINUTES),--minutes $(MINUTES)) $(PROVE)
KILLS ?= 2000

mutants: $(VENV)/.dev.ok
	$(BIN)/python -m tests.prove --only mutants --jobs $(JOBS)

SEEDS ?= 1 2 3 4 5
JOBS  ?= 2

lock: $(BIN)/uv
	$(BIN)/uv pip compile pyproject.toml --extra demo --extra postgres --extra s3 --extra delta --extra iceberg --extra notify --extra slack --extra build --extra dev -o requirements/dev.txt $(LOCK)
	$(BIN)/uv pip compile pyproject.toml --extra demo --extra postgres --extra slack --extra build -c requirements/dev.txt -o requirements/run.txt $(LOCK)
	$(BIN)/uv pip compile pyproject.toml --extra spark -c requirements/dev.txt -o requirements/spark.txt $(LOCK)
LOCK := --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        --no-strip-extras --python-version 3.11 $(if $(UPGRADE),--upgrade)

# One file a tool: they cannot share an environment.
lock-bench: $(BIN)/uv
	for tool in benchmarks/full/requirements/*.in; do \
	  $(BIN)/uv pip compile $$tool -o $${tool%.in}.txt $(LOCK) || exit 1; \
	done

clean:
	rm -rf $(VENV) demo .bench

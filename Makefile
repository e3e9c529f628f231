# Two commands set Earshot up: `make run` tunes the reference keyword spotter on this machine, `make test` runs the tests.
# PYTHON is the interpreter that makes the environment; VENV is where it goes.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
RESULTS ?= earshot-results
LAB ?= earshot-lab
# A skip for a missing part is a failure with CI=true.
export CI

.PHONY: run-all models-check test-vendors test-export faults farm-faults run lab lab-six nightly-vm install install-dev system-parts test check lint docs promises vega detectors bench clean test-clients dashboards-check month month-check farm-simulate bench-fan-out

run: install
	$(BIN)/earshot tune kws --results $(RESULTS)

# Stand-in devices on this machine (docs/how-to/try-without-devices.md); Ctrl-C ends them.
lab: install
	$(BIN)/earshot lab up --folder $(LAB)

# The same with every exporter: ExecuTorch and TorchScript join ONNX Runtime and LiteRT. 2.6 GB with torch.
# MODEL=digits-conformer makes it a transducer.
MODEL ?= kws
run-all: $(VENV)/.installed-all
	$(BIN)/earshot tune $(MODEL) --results $(RESULTS)

# Models x formats x recipes: exported, proven, run in a session here, scored. What is known is not done again.
models-check: $(VENV)/.installed-all
	$(BIN)/earshot models check --all --results $(RESULTS) --markdown docs/models.md

install: $(VENV)/.installed

$(VENV)/.installed-all: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[export]'
	touch $@

install-dev: $(VENV)/.installed-dev

# With the quantizer of LiteRT, so that a first run compares runtimes at their best; it needs no torch.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[quantize]'
	touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps 'silero-vad>=6.2' || echo "silero-vad not installable: its test is skipped"
	touch $@

# One command over all six stand-ins, with the emulated board: its wheels come from PyPI.
lab-six: install-dev system-parts
	EARSHOT_EMULATED=1 $(BIN)/python -m pytest tests/lab/test_run_over_all.py

# A whole emulated machine with a kernel of its own; not in CI. Needs qemu-system-arm, and some minutes.
# Intel's and Qualcomm's builds of ONNX Runtime, OpenVINO itself and Qualcomm's compiler, for real: 700 MB of wheels from
# PyPI, in an environment of their own, some minutes; not in CI.
test-vendors:
	$(PYTHON) -m venv $(VENV)-vendors
	$(VENV)-vendors/bin/python -m pip install --quiet --editable '.[dev,openvino]' onnxruntime-qnn==2.7.0
	EARSHOT_VENDORS=1 $(VENV)-vendors/bin/python -m pytest tests/vendors

nightly-vm: install-dev system-parts
	EARSHOT_NIGHTLY=1 $(BIN)/python -m pytest tests/nightly

# Clients of a bundle: TypeScript under Node and Kotlin on a JVM. onnxruntime-web and Kotlin's compiler come from npm; a
# JVM and Android's org.json from Debian. About three minutes.
test-clients: install-dev
	sh tests/clients/parts.sh
	EARSHOT_CLIENTS=1 $(BIN)/python -m pytest tests/clients

# The converters that need torch (2.6 GB), in an environment of their own; not in CI.
test-export:
	$(PYTHON) -m venv $(VENV)-export
	$(VENV)-export/bin/python -m pip install --quiet --editable '.[dev,export]'
	EARSHOT_EXPORT=1 $(VENV)-export/bin/python -m pytest -p no:anyio tests/export

# 90 simulated nights of 20 devices with 10 configurations in Debian's Prometheus: every query of every dashboard, every
# alert fault by fault. `make test` has a smaller lab. Some minutes.
dashboards-check: install-dev system-parts
	EARSHOT_DASHBOARDS=1 $(BIN)/python -m pytest tests/orchestrator/tell/grafana/test_nights.py

# A month of a simulated lab, told night by night, and a ledger of it to look into (docs/tutorial-nightly.md). Minutes.
MONTH ?= earshot-month
month: install-dev
	$(BIN)/python -m tests.month $(MONTH)

# The same with what must be found in it, and every dashboard's queries over it.
month-check: install-dev system-parts
	EARSHOT_MONTH=1 $(BIN)/python -m pytest tests/month

system-parts:
	sh tests/system_parts.sh

test: install-dev system-parts
	$(BIN)/python -m pytest -n 3 --dist loadgroup

# Warnings are errors in every test run (pyproject.toml), so the tests of `check` are those of `test`.
check: lint test

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install-dev
	$(BIN)/python -m orchestrator.cli.reference docs/reference

# The table of the eighteen promises in docs/measurement.md, computed anew: two minutes of a quiet machine.
promises: install-dev
	$(BIN)/python -m tests.promises.table docs/measurement.md

# The cuts of 30 and 300 s, with the patience of real use; `make test` has shorter ones. About eight minutes, needs root.
faults: install-dev system-parts
	EARSHOT_REAL_FAULTS=1 $(BIN)/python -m pytest tests/lab/faults --durations=10

# Three sites with twelve devices, whose workers are killed, links cut and database restarted, at random and one by one;
# `make test` has each fault once. About a quarter of an hour of a quiet machine, needs root.
farm-faults: install-dev system-parts
	EARSHOT_FARM=1 $(BIN)/python -m pytest tests/farm --durations=10

# After an update of vl-convert: the chart script that reports carry.
vega: install-dev
	$(BIN)/python -m orchestrator.tell.report.vega_bundle

# Detectors of regressions side by side on simulated nights; some minutes. The others' packages come without what they
# need to fetch data and build environments, which is not compared (apache-otava would also take numpy back to 2.2).
detectors: install-dev
	$(BIN)/python -m pip install --quiet --no-deps apache-otava==0.8.0 asv==0.6.6
	$(BIN)/python benchmarks/bench_detectors.py

bench: install-dev
	for b in benchmarks/bench_*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

# Simulated farms of 200, 1,000 and 10,000 twins in a PostgreSQL as durable as a farm's (docs/scale.md): about 45 minutes
# of a quiet machine with two cores.
farm-simulate: install-dev system-parts
	$(BIN)/python benchmarks/bench_makespan.py 200 1000 10000

# A hundred sshd in namespaces: Earshot against ansible and pyinfra, which get an environment of their own. Needs root
# and 4 GiB of free memory; ten minutes of a quiet machine.
bench-fan-out: install-dev
	$(BIN)/python benchmarks/fan_out/run.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

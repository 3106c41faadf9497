# Every target works on a fresh clone: the virtual environment and, for the tests, the servers are installed on the way.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STATE  ?= out/state

.PHONY: demo install dev servers test test-outages test-kills soak test-matrix check format bench bench-peers bench-micro \
	bench-formats bench-dispatchers bench-files bench-file-resources bench-snapshot bench-wasm \
	bench-compare peers try-peers kube-apiserver plugins docs clean help

help:            ## the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(BIN)/wlf: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q -e ".[all]"
	@touch $@

$(VENV)/.dev: $(BIN)/wlf
	$(BIN)/python -m pip install -q --group dev
	@touch $@

install: $(BIN)/wlf       ## wlf with all clients, in .venv

dev: $(VENV)/.dev         ## and what the tests, lint and types need

demo: $(BIN)/wlf          ## a recorded binlog through filter and fan-out into files: no server needed
	rm -rf out
	$(BIN)/wlf run examples/quickstart/quickstart.yaml --until-end --state-dir $(STATE)
	@echo && head -n 3 out/*/*.jsonl

servers: $(VENV)/.dev     ## real MariaDB, MySQL, Redis, Kafka, OpenSearch, Docker, Podman for the tests, in a folder of their own
	$(BIN)/python -m tests.servers.install $(if $(WLF_REQUIRE_SERVERS),,--best-effort)

test: servers             ## the whole suite on the real servers, as two runs beside each other
	$(BIN)/python -m tests.halves $(ARGS)

test-outages: servers     ## the outages of the suite, a minute each
	WLF_OUTAGE_SECONDS=60 $(BIN)/python -m pytest tests/integration/test_outages.py

test-kills: $(VENV)/.dev  ## collectors of logs killed 100 times each, under rotation by 15 writers of 2,000 lines a second
	WLF_KILLS=100 WLF_WRITERS=15 WLF_LINES_PER_SECOND=2000 $(BIN)/python -m pytest -s tests/crash/test_file_collector.py tests/crash/test_kubernetes_collector.py \
		tests/crash/test_docker_collector.py

soak: $(VENV)/.dev        ## 50 files read for an hour under rotation: no stall, no growth; WLF_SOAK_SECONDS=600 for less
	WLF_SOAK_SECONDS=$(or $(WLF_SOAK_SECONDS),3600) $(BIN)/python -m pytest -s tests/complaints_logs/test_soak.py

test-matrix: $(VENV)/.dev ## every column type on MySQL 5.7, 8.0, 9 and MariaDB 10.5, 10.11, 11.8; writes the README's table
	$(BIN)/python -m tests.matrix --readme
	$(BIN)/python -m pytest tests/matrix/matrix_transactions.py

check: $(VENV)/.dev       ## lint, types, who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: servers            ## throughput, latency and memory of wlf on real servers; ARGS="--quick", "--publish" ...
	$(BIN)/python -m benchmarks $(ARGS)

bench-peers: peers        ## wlf beside other programs, with the same data and the same sinks; what is missing is told
	$(BIN)/python -m benchmarks peers $(ARGS)

bench-micro: servers       ## the parts by themselves, in CPU time, by pytest-benchmark; ARGS="-k redis"
	mkdir -p benchmarks/results
	$(BIN)/python -m pytest benchmarks/micro --benchmark-only --benchmark-timer=time.process_time \
		--benchmark-columns=min,median,rounds --benchmark-json=benchmarks/results/micro.json $(ARGS)

bench-formats: $(VENV)/.dev ## what each output format costs beside json
	$(BIN)/python -m benchmarks.micro.bench_formats

bench-dispatchers: servers ## Kafka and Redis beside their client libraries' plain way
	$(BIN)/python -m benchmarks.micro.bench_kafka_redis

bench-files: $(VENV)/.dev ## lines of a file to lines of JSON, beside a bare loop that does only what cannot be left out
	$(BIN)/python -m benchmarks.bench_files

bench-file-resources: $(VENV)/.dev ## the File collector behind 20 GB, after a million short-lived files, with 100,000 idle ones
	$(BIN)/python -m benchmarks.bench_file_resources backlog
	$(BIN)/python -m benchmarks.bench_file_resources shortlived
	$(BIN)/python -m benchmarks.bench_file_resources idle

bench-snapshot: servers    ## the copy of a million rows while they change, on MySQL and MariaDB: speed, memory, sameness
	$(BIN)/python -m benchmarks.bench_snapshot mysql
	$(BIN)/python -m benchmarks.bench_snapshot mariadb

bench-wasm: $(VENV)/.dev   ## plugins beside Python's `re`; fails where they are slower than their floors
	$(BIN)/python -m benchmarks.micro.bench_wasm

bench-compare: servers    ## make bench-compare REV=main: a revision and the working tree in turn; ARGS="--only A,C --parts json"
	$(BIN)/python -m benchmarks.compare $(or $(REV),$(error expected REV=<revision>)) $(ARGS)

peers: servers             ## the programs that wlf is compared with, in the servers' folder; says which cannot be had
	$(BIN)/python -m benchmarks.peers install

try-peers: peers           ## a small job of each peer on real servers: does every row and line arrive?
	WLF_TRY_PEERS=1 $(BIN)/python -m pytest tests/benchmarks/test_peers.py

kube-apiserver: $(VENV)/.dev ## compile a real kube-apiserver for the tests that know what to do with it, and try them
	$(BIN)/python -m tests.servers.install etcd kube-apiserver helm
	WLF_TRY_KUBE_APISERVER=1 $(BIN)/python -m pytest tests/integration/test_kube_apiserver.py

plugins: $(VENV)/.dev      ## the plugins of sdk/ from their sources, with compilers in the servers' folder; writes sdk/built
	$(BIN)/python -m tests.servers.install wasm-tools
	$(BIN)/python -m sdk.build

docs: $(VENV)/.dev        ## write the generated reference anew
	$(BIN)/python -m tests.docs.generate

clean:
	rm -rf out .venv .mypy_cache .ruff_cache .pytest_cache .benchmarks .hypothesis

# The front door. Everything here is a thin name for a CMake preset or a script; `make help` lists them.

APP    ?= word_count
ARGS   ?=
PREFIX ?= /usr/local
SEEDS  ?= 20000
FIRST  ?= 1
MINUTES ?= 10
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)

# Ninja when it is there; a build directory keeps the generator it was made with.
ifneq ($(shell command -v ninja 2>/dev/null),)
export CMAKE_GENERATOR ?= Ninja
endif

# The build itself is parallel; the steps of a target are not.
.NOTPARALLEL:
.DEFAULT_GOAL := build

define configure
cmake --preset $(1) --log-level=WARNING >/dev/null
endef

.PHONY: build
build: ## Build the release: library, programs in build/bin, tests
	@$(call configure,release)
	@cmake --build build/release -j $(JOBS)

.PHONY: programs
programs:
	@$(call configure,release)
	@cmake --build build/release -j $(JOBS) --target programs

.PHONY: demo
demo: ## Install what is needed, build the release and count the words of a real text; again: it continues
	@scripts/install-deps build
	@$(MAKE) --no-print-directory programs
	@scripts/demo $(ARGS)

.PHONY: test
test: ## Install what is needed, build and run every test and check; ends with "N passed, N failed"
	@scripts/install-deps build test kafka java
	@scripts/run-tests all

.PHONY: check
check: ## The fast part of `make test`: release build, its tests, layers, sizes, symbols, format, snippets
	@scripts/run-tests quick release

.PHONY: fmt
fmt: ## Format all C sources in place
	@scripts/check-format --fix

.PHONY: lint
lint: ## Format, layers, sizes, symbols, headers alone, clang-tidy
	@scripts/run-tests quick headers tidy

.PHONY: asan
asan: ## Build with address and undefined-behaviour sanitizers and run the tests
	@scripts/run-tests asan

.PHONY: tsan
tsan: ## Build with the thread sanitizer and run the tests
	@scripts/run-tests tsan

.PHONY: sim
sim: ## Step several instances among faults: make sim SEEDS=20000 [FIRST=1]; one with its trace: make sim SEED=4711
	@$(call configure,release)
	@cmake --build build/release -j $(JOBS) --target sim.seeds 1>&2
	@KSTREAMS_SIM_SEEDS=$(SEEDS) KSTREAMS_SIM_FIRST=$(FIRST) KSTREAMS_SIM_SEED=$(SEED) build/release/tests/sim.seeds

.PHONY: fuzz
fuzz: ## Build the fuzz targets and run each at least 100,000 times
	@scripts/run-tests fuzz

.PHONY: bench
bench: ## Fill a durable log and run every job over it: rates, memory, answers checked
	@test -x scripts/bench || { echo "make bench: this version has no benchmarks" >&2; exit 1; }
	@$(MAKE) --no-print-directory programs
	@scripts/bench

.PHONY: kafka-up
kafka-up: ## Start Apache Kafka on this machine and print its address (port 9092, or the next free one)
	@scripts/install-deps kafka
	@scripts/kafka up $(ARGS)

.PHONY: kafka-down
kafka-down: ## Stop it; its topics stay for the next kafka-up
	@scripts/kafka down $(ARGS)

.PHONY: soak
soak: ## Long on Apache Kafka: instances and brokers that die, memory that must not grow: make soak [MINUTES=10]
	@scripts/install-deps build test kafka java
	@$(call configure,release)
	@cmake --build build/release -j $(JOBS) --target interop_app 1>&2
	@tests/kafka/test_instances.py --brokers 3 --seconds $$(($(MINUTES) * 60))
	@tests/kafka/soak_memory.py --minutes $(MINUTES) --guarantee exactly_once_v2
	@tests/kafka/soak_memory.py --minutes $(MINUTES) --guarantee at_least_once

.PHONY: smoke
smoke: ## Kafka's own smoke tests verify our applications: both guarantees, bounces, hand-over with Java: make smoke [ARGS="eos-3-kill ..."]
	@scripts/install-deps build test kafka java
	@$(call configure,release)
	@cmake --build build/release -j $(JOBS) --target interop_app 1>&2
	@tests/kafka/smoke.py $(ARGS)

.PHONY: bench-kafka
bench-kafka: ## Measure on Apache Kafka, beside Java and librdkafka alone: make bench-kafka ARGS="--jobs count --runs 1"
	@scripts/install-deps build kafka java
	@scripts/bench-kafka $(ARGS)

.PHONY: docs
docs: ## Regenerate docs/reference
	@test -x scripts/docs || { echo "make docs: this version has no generated pages" >&2; exit 1; }
	@$(MAKE) --no-print-directory programs
	@scripts/docs

.PHONY: run
run: programs ## Run an application: make run APP=word_count ARGS="--help"
	@build/bin/$(APP) $(ARGS)

.PHONY: conformance-record
conformance-record: ## Record what Java does with every scenario (needs a JDK; fetches Kafka's jars)
	@tests/conformance/java/record

.PHONY: install
install: programs ## Install under PREFIX (default /usr/local); DESTDIR is honoured
	@cmake --build build/release -j $(JOBS) --target kstreams_shared kstreams_static
	@cmake --install build/release --prefix "$(PREFIX)"

.PHONY: clean
clean: ## Remove build/
	@rm -rf build

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | \
	    while IFS='|' read -r name text; do printf '  make %-20s %s\n' "$$name" "$$text"; done

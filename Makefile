# Everything is run through this file: by people, and by CI (.ci/run). `make help` lists the targets.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
export GOTOOLCHAIN ?= local

# Tools are pinned and built on first use.
GOTESTSUM := $(GO) run gotest.tools/gotestsum@v1.13.0
GOLANGCI  := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# How many packages are built and tested at the same time.
PARALLEL ?= 2
# The race detector watches everything but SQLite, which is C made into Go: a machine made its locking, and watching it takes
# half of all the time. A package with types of the standard library's generics cannot be left out: what the linker then takes of
# them for all may be what is not watched, and races are reported that are none.
RACE := -race -gcflags=modernc.org/...=-race=false

# What to test, lint or measure.
PACKAGES ?= ./...
# How often each benchmark is run; benchstat wants 10.
COUNT ?= 1
# How long each fuzz target is run.
FUZZTIME ?= 10s
# Arguments of the demo, such as ARGS=--auto.
ARGS ?=

.PHONY: help
help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "%-10s %s\n", $$1, $$2 }'

.PHONY: build
build: ## Build the static binary bin/sluice.
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/sluice ./cmd/sluice

.PHONY: test
test: fmt-check ready ## Run every test, installing what they need. With CI=true a skipped test is a failure.
	@GOTESTSUM='$(GOTESTSUM)' RACE='$(RACE)' PARALLEL='$(PARALLEL)' test/run.sh $(PACKAGES)

# Installing waits for the network and building for the processor, so both are done at once.
.PHONY: ready
ready:
	@test/setup.sh & setup=$$!; built=0; $(GO) build $(RACE) ./... || built=$$?; wait $$setup; exit $$built

.PHONY: setup
setup: ## Install what the tests need: Debian packages (as root, on Debian) and npm packages.
	@test/setup.sh

.PHONY: fmt-check
fmt-check: ## Fail if a file is not as gofmt writes it.
	@unformatted="$$(find . -name '*.go' -not -path '*/node_modules/*' -print0 | xargs -0 gofmt -l)"; \
	if [ -n "$$unformatted" ]; then printf 'not formatted (gofmt -w):\n%s\n' "$$unformatted" >&2; exit 1; fi

.PHONY: fmt
fmt: ## Format all Go files.
	@find . -name '*.go' -not -path '*/node_modules/*' -print0 | xargs -0 gofmt -w

.PHONY: vet
vet: ## Run go vet. `make test` does it too, while testing.
	$(GO) vet $(PACKAGES)

.PHONY: lint
lint: ## Run golangci-lint as .golangci.yml says. Building it takes some minutes once.
	$(GOLANGCI) run $(PACKAGES)

.PHONY: bench
bench: setup ## Run all benchmarks; what is printed is input for benchstat. COUNT=10 for comparisons.
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) -p 1 -timeout 60m \
		$$(grep -rl --include='*_test.go' '^func Benchmark' . | grep -v node_modules | xargs -n1 dirname | sort -u)

# Not a part of `make test`, which plays the seeds: fuzzing builds all dependencies once more, for coverage, and then takes 2 to 15 s
# to start each target, five minutes in all on two cores.
.PHONY: fuzz
fuzz: ## Run every fuzz target of PACKAGES for FUZZTIME each (10s). What it finds is a seed in testdata/fuzz.
	@$(GO) list -f '{{.Dir}}' $(PACKAGES) | while read -r dir; do \
		for name in $$(cd "$$dir" && grep -hoE '^func Fuzz[A-Za-z0-9_]+' *_test.go 2>/dev/null | cut -d' ' -f2); do \
			echo "$$dir $$name"; \
			$(GO) test "$$dir" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME); \
		done; \
	done

.PHONY: demo
demo: ## Play a release from a feature branch to production on this machine. ARGS=--auto ends at the end.
	$(GO) run ./cmd/sluice demo $(ARGS)

.PHONY: docs
docs: ## Write the generated parts of docs/ again.
	$(GO) test ./cmd/sluice -run '^TestDocs' -update

.PHONY: image
image: ## Build the container image sluice.
	docker build -t sluice .

.PHONY: clean
clean: ## Remove what was built.
	rm -rf bin

# The AOF operator. `make help` lists what can be made.
#
# Everything a target needs beyond Go and make it installs itself, pinned, into
# .bin/ (Go tools). Nothing here needs root but what hack/make/cluster.mk says.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export GOFLAGS ?= -trimpath -buildvcs=false
BIN := $(CURDIR)/.bin

include hack/make/*.mk

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-zA-Z0-9_-]*:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ The two commands of the README

.PHONY: run
run: ## Start aof dev with examples/quickstart, send one event, show the run, keep serving
	@./hack/run.sh

# A part of the tests needs etcd and kube-apiserver: they are built from Go
# modules once, which takes minutes. AOF_KUBE= (empty) leaves that part out;
# AOF_KUBE=FOLDER takes programs that are there.
.PHONY: test
test: test-programs ## All tests that need no root, those on an API server too (without: AOF_KUBE=)
	@$(WITH_KUBE) go test ./...

##@ Everyday

.PHONY: build
build: ## Build the aof command into .bin/aof, and the kubectl plugin beside it
	@CGO_ENABLED=0 go build -o $(BIN)/aof ./cmd/aof
	@ln -sf aof $(BIN)/kubectl-aof
	@ln -sf aof $(BIN)/kubectl_complete-aof

.PHONY: race
race: test-programs ## All tests again, shuffled, under the race detector
	@$(WITH_KUBE) go test -race -shuffle=on ./...

FUZZTIME ?= 20s
.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME each (default 20s)
	@./hack/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## The benchmarks of docs/benchmarks.md
	@go test -run '^$$' -bench . -benchmem ./pkg/match ./pkg/flow
	@./hack/bench-run.sh

.PHONY: bench-scale
bench-scale: test-programs ## One controller with 100, 1,000 and 10,000 FlowBindings on an API server (10 to 20 minutes)
	@$(WITH_KUBE) go test -run '^$$' -bench Scale -benchtime 1x -timeout 1h ./test/apiserver

.PHONY: bench-temporal
bench-temporal: build $(BIN)/temporal-$(TEMPORAL_VERSION) ## Durable runs of aof dev beside Temporal's development server (10 minutes; ARGS go to test/bench)
	@GOWORK=off go -C test/bench build -o $(BIN)/bench . && $(BIN)/bench -aof $(BIN)/aof -temporal $(BIN)/temporal-$(TEMPORAL_VERSION) $(ARGS)

.PHONY: lint
lint: $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION) ## golangci-lint, as .golangci.yaml says and why
	@$(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION) run ./...

.PHONY: fmt
fmt: $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION) ## Format the code
	@$(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION) fmt ./...

.PHONY: generate
generate: codegen-tools ## Write generated code and CRDs again
	@./hack/codegen/update.sh

.PHONY: golden
golden: ## Write the golden files again (then read the diff)
	@go test ./pkg/importer/... ./pkg/plan/... -update

.PHONY: verify
verify: codegen-tools ## Fail when go.mod or anything generated is stale
	@go mod tidy -diff
	@./hack/codegen/verify.sh

# The ways to build, run and prove Clinker. "make help" lists them; CONTRIBUTING.md says when to use which.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: up build test quick lint bench chaos test-clients test-tempest test-lab bench-reference fuzz cover generate clean help

GO ?= go
FUZZTIME ?= 10s
KILLS ?= 200
BENCH ?= .

up: ## Run a whole cloud in the foreground (ARGS="--bind 127.0.0.2" passes flags)
	$(GO) run ./cmd/clinker up $(ARGS)

build: ## Build bin/clinker
	$(GO) build -trimpath -o bin/clinker ./cmd/clinker

test: ## Everything that must hold before a change goes in; says what it skipped and why
	@scripts/need-tools
	@$(GO) run ./scripts/testrun

quick: ## The tests of the packages alone: no race detector, no real processes
	$(GO) test ./cmd/... ./internal/... ./scripts/...

lint: ## gofmt, go vet, staticcheck and the rules of the house
	@$(GO) run ./scripts/testrun -lint

bench: ## What users feel, then every part by itself (BENCH=regexp chooses)
	$(GO) test -run '^$$' -bench '$(BENCH)' -p 1 ./test/...
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -p 1 ./cmd/... ./internal/...

chaos: ## Kill the process KILLS times (200) under load and look what is left
	CLINKER_CHAOS_KILLS=$(KILLS) $(GO) test -count=1 -timeout 60m -v ./test/chaos

test-clients: ## gophercloud's own acceptance tests against the real binary; minutes
	CLINKER_CLIENTS=1 $(GO) test -count=1 -timeout 60m -v ./test/clients

test-tempest: ## Tempest's volume, identity and image tests, from a chroot it makes; root, and many minutes
	CLINKER_TEMPEST=1 $(GO) test -count=1 -timeout 120m -v ./test/tempest

test-lab: ## Our services beside Python's and on a Galera cluster; root, and more than an hour
	@scripts/need-tools galera-4
	CLINKER_LAB_TESTS=1 $(GO) test -count=1 -timeout 10m -p 1 -v -run TestGalera ./internal/sqlkit/connect ./internal/block/store/sqlstore
	CLINKER_LAB_TESTS=1 $(GO) test -count=1 -timeout 180m -v ./test/mixed
	CLINKER_LAB_RUN=$(CURDIR)/test/lab/lab $(GO) test -count=1 -timeout 10m -v -run Python ./internal/block/rpcapi/wire ./internal/oslo/messaging/rabbit

bench-reference: ## Our services against Python's on one machine, database and broker; root, and many minutes
	CLINKER_LAB_TESTS=1 CLINKER_BENCH_REFERENCE=1 $(GO) test -count=1 -timeout 60m -v -run TestReference ./test/mixed

fuzz: ## Every fuzz target for FUZZTIME (10s) each
	@scripts/fuzz $(FUZZTIME)

cover: ## What the tests reach, package by package; the details go to bin/cover.html
	@mkdir -p bin
	$(GO) test -coverpkg=./internal/...,./cmd/... -coverprofile=bin/cover.out ./cmd/... ./internal/...
	$(GO) tool cover -html=bin/cover.out -o bin/cover.html
	@$(GO) tool cover -func=bin/cover.out | tail -1

generate: ## Write the files that are made from code again: sample configuration, reference
	$(GO) test ./cmd/clinker -run Generated -update

clean: ## Remove what the other targets made
	rm -rf bin

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

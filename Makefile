# One obvious place for everything. Continuous integration runs the same targets.
SWIFT ?= swift
SWIFT_SOURCES := Sources Tests Benchmarks/Micro Benchmarks/PeerSimulation Package.swift
# One binary that needs no Swift runtime on the machine it runs on.
RELEASE_FLAGS := -c release --product weir --static-swift-stdlib
ARGUMENTS ?=
CLUSTERS := KademliaRoutingTests|PeerRegistryTests|AdmissionWebhookTests
SERVICES := Kubernetes[A-Za-z]*Tests|Cluster[A-Za-z]*Tests
PROGRAMS := CommandsTests
# Suites that run at once, tests of one at once, and cases of one test: with all at once, each has so little of a small
# machine that what waits in them for its time runs out.
SOME_AT_ONCE := --experimental-maximum-parallelization-width 4

.DEFAULT_GOAL := help
.PHONY: help run build release test unit integration lint format bench bench-quick bench-micro simulate-day \
	simulate-peers fuzz image deb clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: release ## Build and serve on port 5000 (ARGUMENTS="--config weir.yaml" to pass more)
	@exec .build/release/weir serve $(ARGUMENTS)

release: ## Build the release binary, .build/release/weir
	@scripts/install-packages build
	$(SWIFT) build $(RELEASE_FLAGS)

build: ## Build everything for debugging, tests included
	@scripts/install-packages build
	$(SWIFT) build --build-tests

test: unit integration ## Build and pass all tests

unit: build ## The tests of the targets
	$(SWIFT) test --skip-build $(SOME_AT_ONCE) --skip '^(IntegrationTests|$(CLUSTERS)|$(SERVICES)|$(PROGRAMS))\.'
# By themselves: whole clusters, services and programs with limits of time, which hundreds of other tests at once would starve.
	$(SWIFT) test --skip-build --filter '^($(CLUSTERS))\.'
	$(SWIFT) test --skip-build --filter '^($(SERVICES))\.'
	$(SWIFT) test --skip-build --filter '^($(PROGRAMS))\.'

integration: build ## The tests with real registries and real clients; FILTER=Suite narrows them
	@scripts/install-packages test
	@scripts/install-peers
	@scripts/install-deployment-tools
	$(SWIFT) test --skip-build --filter 'IntegrationTests$(if $(FILTER),.*($(FILTER)))'

lint: ## Check format and forbidden things
	@scripts/lint $(SWIFT_SOURCES)

format: ## Format all Swift sources
	$(SWIFT) format format -i -p -r $(SWIFT_SOURCES)

bench: release ## Measure weir beside nginx and docker-registry; writes docs/benchmarks.md
	@scripts/install-packages bench
	@Benchmarks/run

bench-quick: release ## The same in a minute; fails on what is far outside alone
	@scripts/install-packages bench
	@BENCH_QUICK=yes Benchmarks/run

# The package that measures is a dependency for this target alone (Package.swift).
bench-micro: ## Micro-benchmarks; FILTER='parse:.*' narrows them, ARGUMENTS are the plugin's
	@scripts/install-packages build
	WEIR_MICRO_BENCHMARKS=yes $(SWIFT) package --scratch-path .build/micro --allow-writing-to-package-directory \
		benchmark $(ARGUMENTS) --target Micro $(if $(FILTER),--filter '$(FILTER)')

image: release ## A container image in .build/image, an OCI layout; no engine is needed
	@rm -rf .build/image
	@scripts/build-image .build/release/weir .build/image

deb: release ## A Debian package in .build/deb, with a systemd unit
	@rm -rf .build/deb
	@scripts/build-deb .build/release/weir .build/deb

simulate-day: ## Let a day of pulls pass against a simulated Docker Hub; writes docs/quota.md and its picture
	@scripts/install-packages build
	$(SWIFT) build --product simulated-day
	.build/debug/simulated-day docs

simulate-peers: ## Simulate ten thousand peers; writes docs/peers-simulation.md and its plot (NODES=1000 for fewer)
	@scripts/install-packages build
# By itself, so that the product's own release build stays as it is.
	$(SWIFT) build -c release --product peer-simulation --scratch-path .build/simulation
	.build/simulation/release/peer-simulation $(or $(NODES),10000) docs

fuzz: ## Fuzz what peers send, FUZZ_SECONDS each (60); keeps what reaches new code (TARGETS="yamux dht" for some)
	@scripts/install-packages build
	@scripts/fuzz $(TARGETS)

clean: ## Remove what was built
	rm -rf .build

# make build | test | latency | lint | vuln | fuzz | bench | bench-crypto | bench-relay
# Everything that these need beside Go is fetched by them, into bin/tools.

GO       ?= go
# The release that has no known faults; go fetches it where it is another one.
export GOTOOLCHAIN := go1.26.10
TOOLS    := $(CURDIR)/bin/tools
FUZZTIME ?= 20s
KILLS    ?= 1000
export GOFLAGS ?= -mod=readonly

.PHONY: all build test latency lint vuln fmt fuzz bench bench-crypto bench-relay kill clean

all: build

build:
	$(GO) build -trimpath -o bin/frostkit ./cmd/frostkit

test: $(TOOLS)/pebble $(TOOLS)/pebble-challtestsrv
	scripts/setup-test
	$(GO) test -race -timeout 20m ./...

# A ceremony of three processes over a line with LATENCY each way; it takes minutes.
LATENCY ?= 5s

latency:
	FROSTKIT_LATENCY=$(LATENCY) $(GO) test -count 1 -v -timeout 30m -run 'TestScripts/latency$$' ./testscripts

lint: $(TOOLS)/staticcheck $(TOOLS)/gofumpt vuln
	$(GO) vet ./...
	$(TOOLS)/staticcheck ./...
	@unformatted=$$($(TOOLS)/gofumpt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; fi

# Known vulnerabilities that the program reaches, from a pinned copy of the Go
# project's database: the module proxy serves it, so this needs no other host.
VULNDB := v0.0.0-20261105234957-e22db6528018

vuln: $(TOOLS)/govulncheck $(TOOLS)/vulndb-$(VULNDB)
	$(TOOLS)/govulncheck -db file://$(TOOLS)/vulndb-$(VULNDB) ./cmd/frostkit

$(TOOLS)/govulncheck:
	GOBIN=$(TOOLS) $(GO) install golang.org/x/vuln/cmd/govulncheck@v1.9.0

$(TOOLS)/vulndb-$(VULNDB): $(TOOLS)/indexdb-$(VULNDB)
	$(GO) mod download golang.org/x/vulndb@$(VULNDB)
	rm -rf $@.part
	$< -vulns $$($(GO) env GOMODCACHE)/golang.org/x/vulndb@$(VULNDB)/data/osv -out $@.part
	mv $@.part $@

$(TOOLS)/indexdb-$(VULNDB):
	GOBIN=$(TOOLS) $(GO) install golang.org/x/vulndb/cmd/indexdb@$(VULNDB)
	mv $(TOOLS)/indexdb $@

fmt: $(TOOLS)/gofumpt
	$(TOOLS)/gofumpt -w $$(git ls-files '*.go')

$(TOOLS)/staticcheck:
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@v0.8.2

# The ACME server of the tests.
$(TOOLS)/pebble $(TOOLS)/pebble-challtestsrv:
	GOBIN=$(TOOLS) $(GO) install github.com/letsencrypt/pebble/v2/cmd/$(@F)@v2.10.1

$(TOOLS)/gofumpt:
	GOBIN=$(TOOLS) $(GO) install mvdan.cc/gofumpt@v0.12.0

# Every fuzz target for FUZZTIME each, one after another.
fuzz:
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

bench: build
	$(GO) run ./bench/tutorial -frostkit bin/frostkit
	$(GO) test -run '^$$' -bench . -benchtime 300ms ./frost/...

# The relay under load, with every store. FROSTD=path compares with that frostd;
# STORE=memory measures that store alone.
bench-relay: build
	scripts/setup-test
	FROSTKIT_HALF_OPEN=10000 $(GO) test -count 1 -v -timeout 5m -run HalfOpen ./relay
	$(GO) run ./bench/relayload -frostkit bin/frostkit -out bench/out/relay.json -store "$(STORE)"

# Each step of the cryptography beside the Rust crates; needs cargo.
bench-crypto:
	$(GO) run ./bench/crypto

# Members and their relay killed with -9 at each step of a ceremony and at 200 random moments; relays and
# Redis under load at random points, KILLS times over each store.
kill:
	scripts/setup-test
	FROSTKIT_STEP_KILLS=0 FROSTKIT_MEMBER_KILLS=200 $(GO) test -count 1 -v -timeout 1h -run TestKilledProcess ./testscripts
	FROSTKIT_KILLS=$(KILLS) $(GO) test -count 1 -v -timeout 2h ./bench/relaykill

clean:
	rm -rf bin

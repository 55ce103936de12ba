# make build | test | lint | fuzz | bench
# Everything that these need beside Go is fetched by them, into bin/tools.

GO       ?= go
TOOLS    := $(CURDIR)/bin/tools
FUZZTIME ?= 20s
export GOFLAGS ?= -mod=readonly

.PHONY: all build test lint fmt fuzz bench clean

all: build

build:
	$(GO) build -trimpath -o bin/frostkit ./cmd/frostkit

test:
	$(GO) test -race -timeout 20m ./...

lint: $(TOOLS)/staticcheck $(TOOLS)/gofumpt
	$(GO) vet ./...
	$(TOOLS)/staticcheck ./...
	@unformatted=$$($(TOOLS)/gofumpt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; fi

fmt: $(TOOLS)/gofumpt
	$(TOOLS)/gofumpt -w $$(git ls-files '*.go')

$(TOOLS)/staticcheck:
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@v0.8.2

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

clean:
	rm -rf bin

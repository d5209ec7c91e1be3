# Thin: each target is one line that calls cargo. `make help` lists them.
# Rust from rustup is found even where no login shell has set the path.
export PATH := $(HOME)/.cargo/bin:$(PATH)

.PHONY: help demo test bench lint plugins

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: plugins ## build everything and take a work item from analysis to done
	cargo run --locked --bin portcullis -- demo

test: plugins ## every test
	cargo test --workspace --locked

bench: plugins ## the benchmark tables
	cargo xtask bench

lint: ## format, clippy, docs, house rules and dependency policy
	cargo xtask lint

plugins: ## build the first-party gates into registry/
	cargo xtask plugins

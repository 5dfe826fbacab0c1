# Thin: each target installs what is missing and calls the one command that does the work.
.PHONY: demo test lint bench build

# ONCE=1 walks register, activate, log in and pay, prints each step, and ends.
demo:
	@.ci/install build
	cargo build --workspace
	target/debug/enum-demo $(if $(ONCE),--once)

test:
	@.ci/install test
	cargo build --workspace
	.ci/with-postgres cargo test --workspace
	cd idp/tests/browser && npm ci --no-audit --no-fund --silent && npm test

lint:
	@.ci/install test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	.ci/deny

bench:
	@.ci/install build
	cargo build --workspace --release
	cargo build --release -p plugin-api --example panics
	target/release/enum-load bench --product target/release/enum-idp --plugin-dir target/release

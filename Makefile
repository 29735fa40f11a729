# What a person types. Everything that takes more than a line is in xtask.

.PHONY: help run test check bench clean

help:
	@echo "make run      build CodePromptu and start it on an embedded store in ./codepromptu-data"
	@echo "make test     everything that must pass before a change goes in; sets up what it needs under ./build"
	@echo "make check    formatting, house rules and lints only"
	@echo "make bench    measure against a direct call and nginx; writes bench/results"
	@echo "make clean    delete what was built; leaves ./codepromptu-data alone"

run:
	@cargo run --bin codepromptu -- serve

test:
	@cargo xtask test

check:
	@cargo xtask check

bench:
	@cargo build --release --bins
	@target/release/codepromptu-bench

clean:
	rm -rf target build

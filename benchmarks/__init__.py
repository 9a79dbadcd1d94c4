"""What is measured, never as a test: `make bench` runs all of it and prints figures. docs/benchmarks.md keeps them."""

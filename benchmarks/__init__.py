"""Benchmarks, never run as tests: `make bench` runs all of them and prints figures, kept in docs/benchmarks.md."""

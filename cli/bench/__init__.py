"""Benchmarks: each starts its own parts and prints a ratio to a ceiling measured in the same run."""

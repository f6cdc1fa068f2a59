"""Benchmarks of the running product, with the ratios taken in one run; `make bench`."""

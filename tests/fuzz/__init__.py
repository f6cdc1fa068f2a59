"""Targets for a fuzzer that follows the code's branches; see `tests.fuzz.__main__`."""

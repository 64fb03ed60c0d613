"""Measures the promises of speed, each beside its reference in the same run: `python -m bench`."""

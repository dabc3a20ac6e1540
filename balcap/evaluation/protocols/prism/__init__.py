"""Prism: a benchmark's questions, answered from captions alone."""

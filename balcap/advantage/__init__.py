"""Scores -> advantages: the mathematics of a run, in float64 NumPy and nothing else."""

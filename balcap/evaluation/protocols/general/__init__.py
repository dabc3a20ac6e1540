"""What was forgotten? General benchmarks through lmms-eval."""

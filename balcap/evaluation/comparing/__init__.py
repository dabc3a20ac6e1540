"""Evaluations side by side: differences, published numbers, agreement with people."""

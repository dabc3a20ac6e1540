"""Exact grounding on the built-in world."""

"""A judge in this process: a transformers model."""

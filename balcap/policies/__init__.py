"""Who captions? LLaVA-1.5 and Qwen2.5-VL: where they are, loading, adapters, generation."""

from balcap.policies.families import Family
from balcap.policies.loading import Policy, load, load_to_write
from balcap.policies.location import Located, locate

__all__ = ["Family", "Located", "Policy", "load", "load_to_write", "locate"]

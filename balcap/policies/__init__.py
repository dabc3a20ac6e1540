"""Who captions? LLaVA-1.5 and Qwen2.5-VL: where they are, loading, adapters, generation."""

from balcap.policies.family import Family, Located, locate
from balcap.policies.loading import Policy, load

__all__ = ["Family", "Located", "Policy", "load", "locate"]

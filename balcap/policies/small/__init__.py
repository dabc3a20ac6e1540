"""Small policies on a CPU write with a loop of their own: there the time goes to calls, not to
arithmetic. It takes less than half the time of transformers' loop (experiments/bench/parts.py)."""

from balcap.policies.small.writing import write_by_own_loop

__all__ = ["write_by_own_loop"]

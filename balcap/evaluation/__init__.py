"""How good are captions? One file per protocol."""

"""What do several tests share? Worlds, heads, judges, servers and runs."""

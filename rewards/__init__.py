"""The reward heads that travel with balcap, one file each, found by entry point as any other's."""

"""Which answers are known already? One SQLite file for all runs and processes."""

"""CapArena-Auto: battles against three models' captions."""

"""What every protocol stands on: captions, items, waves, records, intervals, resuming."""

"""b-CapScore: the balanced score of BalCapRL."""

"""What does a run leave behind? Its folder, rollouts, metrics and provenance."""

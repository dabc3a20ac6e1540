"""How does the policy learn? From checked settings to a trained policy and its run folder."""

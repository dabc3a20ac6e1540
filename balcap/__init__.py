"""balcap: balanced multi-reward reinforcement learning for image captioners."""

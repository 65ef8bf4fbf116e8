"""Real control planes and simulated nodes on this machine."""

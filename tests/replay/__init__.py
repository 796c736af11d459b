"""Real releases, planned again."""

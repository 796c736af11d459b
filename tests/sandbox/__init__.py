"""The stand-in GitHub: what it enforces, so that a test that passes on it means something."""

"""Proves that the stand-in GitHub speaks as GitHub does: all its traffic is held against what GitHub publishes."""

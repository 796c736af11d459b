"""Flows on a stage: the stand-in GitHub and real git, steps called straight, without processes."""

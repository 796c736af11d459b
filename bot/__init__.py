"""manifest-release-bot: releases of `repo` manifest repositories, from a comment to a tag."""

__version__ = "0.1.0"

"""Tests of bot.gh: its verbs on the stand-in GitHub, and the faults of the API on a scripted server."""

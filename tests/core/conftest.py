"""How the laws of the core are tried: a slow machine must not decide whether one holds."""

from hypothesis import settings

settings.register_profile("core", deadline=None)
settings.load_profile("core")

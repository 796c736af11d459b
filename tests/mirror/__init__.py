"""The mirror against real git over real HTTP."""

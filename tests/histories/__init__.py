"""Projects' histories against real git over real HTTP."""

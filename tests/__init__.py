"""The tests: tables for the core, properties, and whole-bot tests over real HTTP and real git."""

"""Releases by hand, in a pinch: no GitHub App, no server; a clone or an address, and the person's own git."""

"""Adapters that compare the manifest core with what the real repo tool wrote."""

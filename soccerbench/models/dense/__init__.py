"""Heads that score every frame of a chunk."""

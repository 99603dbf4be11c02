"""Snippets of annotated events, and video models fine-tuned on them."""

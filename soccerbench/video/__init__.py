"""Stage 1: from broadcast video to the soccer embeddings of Table 1.

Snippets of the 18 classes, the five video models, their fine-tuning, and their sliding over a match, one row a second.
"""

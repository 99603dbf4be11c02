"""The video models of Table 1, one a file, and their weights."""

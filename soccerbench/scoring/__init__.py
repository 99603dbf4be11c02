"""Files in, scores out."""

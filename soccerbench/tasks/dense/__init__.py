"""Training and prediction of heads that score every frame of a chunk."""

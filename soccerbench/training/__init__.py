"""The training loop, checkpoints and prefetching."""

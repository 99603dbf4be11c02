"""The tasks: sampling, loss, prediction and post-processing."""

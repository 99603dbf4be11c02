"""A trained run on a new match: features or a video in, events out."""

"""The lists of many files read together."""

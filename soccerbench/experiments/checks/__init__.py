"""Checks that need no runs."""

"""Snippets of each class and split, as a table."""

from __future__ import annotations

from collections.abc import Mapping

from soccerbench.report.tables.paper import Grid


def snippets_grid(title: str, counts: Mapping[str, Mapping[str, int]], ambiguous: Mapping[str, int]) -> Grid:
    """A line a class, a column a split, and their sums.

    Args:
        title: above it.
        counts: split -> class -> snippets, the same classes in each.
        ambiguous: split -> snippets of these that are ambiguous.
    """
    classes = next(iter(counts.values()), {})
    lines = [(name, *(str(of_split[name]) for of_split in counts.values())) for name in classes]
    lines.append(("all", *(str(sum(of_split.values())) for of_split in counts.values())))
    lines.append(("of them ambiguous", *(str(ambiguous.get(split, 0)) for split in counts)))
    return Grid(title, ("class", *counts), tuple(lines), ())

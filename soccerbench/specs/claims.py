"""The paper's quantitative sentences, read from `claims.yaml`: which rows each compares and what it says.

Conventions
    points   differences and scores, in per cent
    stated   what the sentence says: a range for a gain, a number for a score; null where it gives none
    printed  what the paper's own tables say, computed from `published` of the rows
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import yaml
from pydantic import Field, model_validator
from typing_extensions import Self

from soccerbench.errors import SpecError
from soccerbench.specs.base import BaseRow, Frozen, Scored
from soccerbench.specs.load import load_table
from soccerbench.specs.shipped import shipped
from soccerbench.specs.yaml_file import checked, read_yaml

Kind = Literal["gain", "similar", "score"]


class Margin(Frozen):
    """How far from its value a number may be, and why."""

    points: Annotated[float, Field(gt=0)]
    why: str


class Pair(Frozen):
    """Row `a` of a table, less row `b` if there is one, on some splits and tolerances."""

    table: str
    a: int
    b: int | None = None
    scored: Annotated[tuple[Scored, ...], Field(min_length=1)]

    @property
    def rows(self) -> tuple[int, ...]:
        """The numbers of its rows."""
        return (self.a,) if self.b is None else (self.a, self.b)

    def specs(self) -> tuple[BaseRow, ...]:
        """Its rows."""
        table = load_table(self.table)
        return tuple(table.row(number) for number in self.rows)

    def printed(self, scored: Scored) -> float | None:
        """What the paper's table says, in points; None where it has no number."""
        values = [row.published.get(scored) for row in self.specs()]
        numbers = [value for value in values if isinstance(value, float)]
        if len(numbers) < len(values):
            return None
        return numbers[0] if self.b is None else round(numbers[0] - numbers[1], 2)


class Claim(Frozen):
    """One sentence."""

    claim: Annotated[int, Field(ge=1)]
    about: str
    kind: Kind
    text: str
    stated: tuple[float, float] | float | None
    pairs: tuple[Pair, ...]
    note: str | None = None

    @model_validator(mode="after")
    def _pairs_suit_the_kind(self) -> Self:
        if any((pair.b is None) != (self.kind == "score") for pair in self.pairs):
            raise ValueError(f"pairs: a claim of kind {self.kind} needs {'one row' if self.kind == 'score' else 'two'}")
        if (self.kind == "score") != isinstance(self.stated, float):
            raise ValueError("stated: a number for a score, a range or null for the others")
        return self


class Claims(Frozen):
    """All of them, and the margins of "similar" and of scores."""

    claims: Literal["claims"]
    title: str
    source: str
    margins: Mapping[Literal["similar", "score"], Margin]
    sentences: tuple[Claim, ...]


def load_claims() -> Claims:
    """The shipped `claims.yaml`."""
    file = shipped("reproduce") / "claims.yaml"
    return checked(Claims, read_yaml(file), file)


def claim_text(claims: Claims, number: int) -> str:
    """A claim as YAML."""
    for claim in claims.sentences:
        if claim.claim == number:
            content = claim.model_dump(mode="json", exclude_none=True)
            return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110))
    raise SpecError("claims", f"no claim {number}; they are 1 to {len(claims.sentences)}")

"""What a figure draws, read from its YAML."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from soccerbench.specs.base import Frozen, Seconds
from soccerbench.specs.shipped import shipped
from soccerbench.specs.yaml_file import checked, read_yaml, split


class Figure3(Frozen):
    """The replay analysis: games, the window whose share is reported, and the bars of the histogram."""

    figure: Literal["figure3"]
    title: str
    source: str
    splits: Annotated[tuple[Literal["train", "valid", "test"], ...], Field(min_length=1)]
    window_s: tuple[float, float]
    published_percent: float
    range_s: tuple[float, float]
    bin_s: Seconds
    assumed: dict[str, str]

    @model_validator(mode="after")
    def _ranges_run_upwards(self) -> Self:
        if self.window_s[0] >= self.window_s[1] or self.range_s[0] >= self.range_s[1]:
            raise ValueError("window_s and range_s run from low to high")
        if (self.range_s[1] - self.range_s[0]) % self.bin_s:
            raise ValueError("bin_s does not divide range_s")
        return self


def load_figure3() -> Figure3:
    """The shipped `figure3.yaml`."""
    file = shipped("reproduce") / "figure3.yaml"
    values, reasons = split(str(file), read_yaml(file))
    return checked(Figure3, {**values, "assumed": reasons}, file)

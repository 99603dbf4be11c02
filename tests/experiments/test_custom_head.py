"""Custom heads: an error in one is reported in one line, before any training."""

from __future__ import annotations

from pathlib import Path

import pytest
from custom_head import HEAD

from soccerbench.errors import InputError
from soccerbench.experiments.experiment import Planner
from soccerbench.experiments.table import try_head
from soccerbench.features.dataset import Dataset
from soccerbench.specs.load import load_table


def load(tmp_path: Path, root: Path, text: str, **architecture: int) -> None:
    (tmp_path / "my_heads.py").write_text(text)
    row = (
        load_table("table2", mini=True)
        .rows[7]
        .model_copy(update={"head": "my_heads:Last", "architecture": architecture})
    )
    try_head(Planner(Dataset(root), tmp_path, Path("my_heads.py")).experiment(row, 0), device="cpu")


def test_a_head_that_can_be_trained(shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    load(tmp_path, shared_tiny_root, HEAD, hidden=8)


@pytest.mark.parametrize(
    ("old", "new", "architecture", "said"),
    [
        ("", "", {"hiden": 8}, r"^my_heads\.py: my_heads:Last\(28, hiden=8\) fails .*argument 'hiden'\); fix .*`arch"),
        ("", "", {"hidden": -1}, r"^my_heads\.py:7: my_heads:Last\(28, hidden=-1\) fails "),
        ("features[:, -1]", "features.last", {"hidden": 8}, r"^my_heads\.py:9: .*on features \(2, 7, 28\) \(Attrib"),
        ("18)", "17)", {"hidden": 8}, r"^my_heads\.py: .* makes \(2, 17\) of .*; give logits \(B, 18\): the back"),
        ("return self", "self", {"hidden": 8}, r"^my_heads\.py: .* makes NoneType of "),
        ("[:, -1])", "[:, -1]).detach()", {"hidden": 8}, r"^my_heads\.py: .* makes torch.float32 that no weight of it"),
    ],
)
def test_a_head_that_cannot_be_trained(
    shared_tiny_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    architecture: dict[str, int],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said) as caught:
        load(tmp_path, shared_tiny_root, HEAD.replace(old, new), **architecture)
    assert "\n" not in str(caught.value)

"""Clips of snippets, the task that the training loop runs, and how accuracy is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from soccerbench.errors import InputError
from soccerbench.simulation.videos.write import write_videos
from soccerbench.specs.load import parse_setting
from soccerbench.specs.video_models import ExtractorRow, load_extractors
from soccerbench.video.decoding.clips import Clip
from soccerbench.video.decoding.frames import frames
from soccerbench.video.finetuning.annotated_games import games_of_splits, look_through
from soccerbench.video.finetuning.augmentation import to_clip
from soccerbench.video.finetuning.clip_cache import Room, SnippetClips
from soccerbench.video.finetuning.manifest import Manifest, manifest_of
from soccerbench.video.finetuning.task import FineTuning, confusion, top1, top1_per_class

CLIP, SIZE = Clip(4, 3), 16


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root = tmp_path_factory.mktemp("finetuning") / "videos"
    write_videos(root, games=4, minutes=0.5)
    return manifest_of(look_through(games_of_splits(root, ["train", "valid", "test"])), background_per_half=1, seed=0)


def row(*settings: str) -> ExtractorRow:
    small = ("backbone=resnet14", "size=16", "clip.frames=4", "clip.fps=3", "batch_size=3", *settings)
    return load_extractors(models=["ircsn"], settings=[parse_setting(text) for text in small]).of("ircsn")


def clips(
    manifest: Manifest, split: str = "train", *, spare: int = 0, crop: bool = True, room: int = 0
) -> SnippetClips:
    chosen = [snippet for snippet in manifest.snippets if snippet.split == split]
    return SnippetClips(chosen, clip=CLIP, spare=spare, size=SIZE, crop=crop, room=Room(room), threads=2)


def test_a_clip_holds_the_frames_around_its_centre(manifest: Manifest) -> None:
    training = [snippet for snippet in manifest.snippets if snippet.split == "train"]
    place, snippet = next((place, snippet) for place, snippet in enumerate(training) if snippet.centre_s > 5)
    video = list(frames(snippet.video.path, fps=3, size=SIZE, crop=True))
    centre = int(np.floor(3 * snippet.centre_s + 0.5))
    (plain,) = clips(manifest).take([place])
    (wide,) = clips(manifest, spare=2).take([place])
    assert plain.shape == (4, SIZE, SIZE, 3)
    assert np.array_equal(plain, np.stack(video[centre - 2 : centre + 2]))
    assert np.array_equal(wide, np.stack(video[centre - 4 : centre + 4]))


def test_training_sees_the_whole_picture_and_its_middle_is_what_validation_sees(manifest: Manifest) -> None:
    (square,), (whole,) = clips(manifest).take([1]), clips(manifest, crop=False).take([1])
    assert whole.shape == (4, SIZE, 28, 3)
    assert np.array_equal(whole[:, :, 6:22], square)


@pytest.mark.parametrize("centre_s", [0.1, 29.9])
def test_frames_beyond_a_video_are_its_first_or_last(manifest: Manifest, centre_s: float) -> None:
    known = manifest.snippets[0]
    at_edge = replace(known, centre_s=centre_s, label=0)
    only = SnippetClips([at_edge], clip=CLIP, size=SIZE, crop=True, room=Room(0))
    video = list(frames(known.video.path, fps=3, size=SIZE, crop=True))
    centre = int(np.floor(3 * centre_s + 0.5))
    (found,) = only.take([0])
    wanted = [video[min(max(place, 0), len(video) - 1)] for place in range(centre - 2, centre + 2)]
    assert np.array_equal(found, np.stack(wanted))


def test_a_snippet_after_the_end_of_its_video_is_an_error(manifest: Manifest) -> None:
    known = manifest.snippets[0]
    beyond = replace(known, centre_s=500.0, label=0)
    only = SnippetClips([beyond], clip=CLIP, size=SIZE, crop=True, room=Room(0))
    with pytest.raises(InputError, match="ends before the snippet at 500 s"):
        only.take([0])


def test_frames_are_kept_while_there_is_room_and_decoded_again_beyond(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[float] = []

    def counted(path: Path, **options: float) -> object:
        decoded.append(options["start_s"])
        return frames(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("soccerbench.video.finetuning.clip_cache.frames", counted)
    kept = clips(manifest, room=2 * 4 * SIZE * SIZE * 3)  # room for two
    first = kept.take([0, 1, 2, 1])
    assert len(decoded) == 3
    again = kept.take([2, 1, 0])
    assert len(decoded) == 4
    assert all(np.array_equal(one, other) for one, other in zip(again, [first[2], first[1], first[0]], strict=True))
    assert np.array_equal(first[1], first[3])


def test_an_epoch_takes_every_snippet_once_and_is_drawn_from_its_generator(manifest: Manifest) -> None:
    training = clips(manifest, spare=1, crop=False, room=2**24)
    targets = np.arange(len(training))  # a class of its own for each, to tell them apart
    task = FineTuning(row(), training, targets, None)
    epochs = [list(task.batches(np.random.default_rng([0, epoch]))) for epoch in (1, 1, 2)]
    for batches in epochs:
        assert len(batches) == task.steps == -(-len(training) // 3)
        assert {len(batch.clips) for batch in batches} <= {2, 3}  # no batch of one, which a batch norm could not take
        assert sorted(torch.cat([batch.targets for batch in batches]).tolist()) == targets.tolist()
        assert all(batch.clips.shape[1:] == (4, 3, SIZE, SIZE) for batch in batches)
        assert all(batch.clips.dtype == torch.uint8 for batch in batches)
    for one, other in zip(epochs[0], epochs[1], strict=True):
        assert torch.equal(one.clips, other.clips)
        assert torch.equal(one.targets, other.targets)
    assert not torch.equal(epochs[0][0].clips, epochs[2][0].clips)


def test_validation_is_one_plain_view_in_order(manifest: Manifest) -> None:
    valid = clips(manifest, "valid")
    task = FineTuning(row(), clips(manifest), np.zeros(1, np.int64), valid)
    batches = list(task.valid_batches())
    assert torch.cat([batch.targets for batch in batches]).tolist() == valid.labels.tolist()
    wanted = torch.stack([to_clip(found) for found in valid.take(range(len(valid)))])
    assert torch.equal(torch.cat([batch.clips for batch in batches]), wanted)
    assert list(FineTuning(row(), clips(manifest), np.zeros(1, np.int64), None).valid_batches()) == []


class Brightest(nn.Module):
    """Finds the class that the mean of the first picture names."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = nn.Parameter(torch.arange(classes).float())

    def forward(self, seen: Tensor) -> Tensor:
        return -(seen[:, 0].float().mean(dim=(1, 2, 3))[:, None] - self.classes).abs()


def test_accuracy_counts_what_is_found_for_what() -> None:
    class Known:
        labels = np.array([0, 0, 1, 2, 2, 2])
        found = (0, 1, 1, 2, 2, 0)

        def __len__(self) -> int:
            return 6

        def take(self, indices: range) -> list[np.ndarray]:
            return [np.full((2, 4, 4, 3), self.found[index], np.uint8) for index in indices]

    steps: list[int] = []
    counts = confusion(
        Brightest(4), Known(), classes=4, batch_size=4, precision="auto",  # type: ignore[arg-type]
        progress=lambda stage, done, total: steps.append(done), stage="test",
    )  # fmt: skip
    assert counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    assert steps == [4, 6]
    assert top1(counts) == pytest.approx(4 / 6)
    assert top1_per_class(counts) == [0.5, 1.0, pytest.approx(2 / 3), None]
    assert top1(np.zeros((3, 3), np.int64)) is None


def test_the_task_trains_with_the_loss_of_the_model(manifest: Manifest) -> None:
    task = FineTuning(row(), clips(manifest, spare=1, crop=False), clips(manifest).labels, None)
    torch.manual_seed(0)
    model = task.model()
    batch = next(task.batches(np.random.default_rng(0)))
    loss = task.loss(model, batch)
    torch.manual_seed(0)
    again = task.model()
    assert torch.equal(model.classify.weight, again.classify.weight)
    assert loss.item() == pytest.approx(np.log(18), abs=1.5)
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_model_begins_with_the_weights_of_a_checkpoint(manifest: Manifest, tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = FineTuning(row(), clips(manifest), np.zeros(1, np.int64), None).model()
    torch.save({"epoch": 1, "identity": {}, "model": first.state_dict()}, tmp_path / "checkpoint.pt")
    torch.manual_seed(2)
    begun = FineTuning(row(), clips(manifest), np.zeros(1, np.int64), None, init=tmp_path / "checkpoint.pt").model()
    assert first.source == "random weights"
    assert begun.source.startswith("checkpoint.pt: a fine-tuned ")
    for name, value in first.state_dict().items():
        assert torch.equal(value, begun.state_dict()[name]), name

"""What the simulated features must and must not show."""

from __future__ import annotations

import numpy as np
import pytest

from soccerbench.simulation.matches.broadcast import Shot
from soccerbench.simulation.matches.feature_blocks import FILES, RELEASED_FILES, Block, features, look, width
from soccerbench.simulation.matches.match import Event, Match
from soccerbench.simulation.matches.scene import LATENT, STATE_SLICE, scenes
from soccerbench.soccernet.classes import CLASS_INDEX

BLOCKS = {block.name: block for blocks in FILES.values() for block in blocks}
FIVE = RELEASED_FILES["baidu_soccer_embeddings.npy"]
KEY = (0, 0, 1)
STILL = np.zeros((2000, LATENT), np.float32)


def values(blocks: tuple[Block, ...], latent=STILL, *, split="test", scale="mini", key=KEY):
    return np.concatenate(list(features(blocks, latent, split=split, scale=scale, key=key)))


def latent_of(events: list[Event], shots: list[Shot], fps: int = 1):
    match = Match((2700, 2700), tuple(events))
    return look(scenes(match, shots, np.random.default_rng(5))[0], length_s=2700, fps=fps)


def test_blocks_are_those_of_the_paper_at_their_true_widths():
    assert [block.name for block in FIVE] == ["tpn-r101", "gta", "vtn", "ircsn", "i3d-slow"]
    assert [width(block, "release") for block in FIVE] == [2048, 2048, 384, 2048, 2048]
    assert values(FIVE, STILL[:3], scale="release").shape == (3, 8576)
    assert values((BLOCKS["resnet"],), STILL[:3], scale="release").shape == (3, 2048)
    assert values((BLOCKS["resnet-pca512"],), STILL[:3], scale="release").shape == (3, 512)


@pytest.mark.parametrize("name", BLOCKS)
def test_values_are_finite_float32_and_rectified_where_the_network_ends_in_a_relu(name):
    block = BLOCKS[name]
    found = values((block,))
    assert found.dtype == np.float32
    assert found.shape == (2000, block.width)
    assert np.isfinite(found).all()
    assert (found.min() >= 0) == block.rectified
    assert 0.01 < found.std(axis=0).mean() < 0.12


def test_values_deviate_as_the_public_hint_about_the_released_ones_says(season, shown):
    seen = look(scenes(season[0], shown[0], np.random.default_rng(5))[0], length_s=2700, fps=1)
    assert values(FIVE, seen).std() == pytest.approx(0.073, abs=0.007)


def test_same_key_same_bytes_and_another_key_other_noise():
    assert np.array_equal(values(FIVE), values(FIVE))
    assert not np.array_equal(values(FIVE), values(FIVE, key=(0, 0, 2)))


def test_a_block_does_not_depend_on_the_blocks_next_to_it():
    columns = slice(FIVE[0].width, FIVE[0].width + FIVE[1].width)
    assert np.array_equal(values(FIVE)[:, columns], values((FIVE[1],)))


def test_blocks_have_independent_noise():
    """What is left of a still scene is noise; no channel of one block goes with any of another."""
    noise = values(FIVE)
    first, second = noise[:, : FIVE[0].width], noise[:, FIVE[0].width : FIVE[0].width + FIVE[1].width]
    across = np.corrcoef(first.T, second.T)[: first.shape[1], first.shape[1] :]
    assert np.abs(across).max() < 0.2


def test_neighbouring_rows_share_noise_as_overlapping_clips_do():
    noise = values((BLOCKS["vtn"],))
    noise -= noise.mean(axis=0)
    lagged = [float((noise[lag:] * noise[: len(noise) - lag]).mean() / (noise**2).mean()) for lag in (1, 4, 8)]
    assert lagged[0] > 0.3  # half of the variance, four fifths of it shared with the next row
    assert lagged[0] > lagged[1] > lagged[2]
    assert abs(lagged[2]) < 0.1


def test_pca_block_is_a_projection_of_the_resnet_block():
    resnet, reduced = values((BLOCKS["resnet"],)), values((BLOCKS["resnet-pca512"],))
    design = np.column_stack([resnet, np.ones(len(resnet))])
    _, residual, *_ = np.linalg.lstsq(design, reduced, rcond=None)
    assert residual.max() < 1e-6


@pytest.mark.parametrize(
    ("name", "seen", "unseen"),
    [("gta", ["train"], ["valid", "test", "challenge"]), ("mega-gta", ["train", "valid", "test"], ["challenge"])],
)
def test_noise_is_lower_on_the_splits_that_an_extractor_was_tuned_on(name, seen, unseen):
    noise = BLOCKS[name].noise
    assert max(map(noise, seen)) < min(map(noise, unseen))
    assert BLOCKS["mega-gta"].noise("challenge") < BLOCKS["gta"].noise("challenge")


def test_a_hidden_event_leaves_a_fainter_trace_than_a_visible_one():
    corner = CLASS_INDEX["Corner"]
    seen = [Event(1, 100_000 * place, "Corner", "home", visible=True) for place in range(1, 25)]
    unseen = [Event(1, event.position_ms, "Corner", "home", visible=False) for event in seen]
    rows = np.arange(100, 2500, 100)
    clear, faint = (latent_of(events, [])[rows, corner].mean() for events in (seen, unseen))
    assert 0.1 * clear < faint < 0.4 * clear


def test_replay_hides_the_live_scene_and_shows_its_event_once_more():
    events = [
        Event(1, 500_000, "Goal", "home"),
        Event(1, 900_000, "Corner", "home"),
        Event(1, 1_200_000, "Offside", "home"),
    ]
    shots = [Shot(1, 894_000, 906_000, "replay", "", "", event=0)]
    latent = latent_of(events, shots)
    goal, corner = CLASS_INDEX["Goal"], CLASS_INDEX["Corner"]
    assert latent[900, corner] < 0.1 < latent_of(events, [])[900, corner]
    assert latent[900, goal] > 0.3
    assert latent[900, STATE_SLICE.start + 1] > 1.0 > latent[800, STATE_SLICE.start + 1] + 0.5


def test_replay_resembles_its_event_more_than_others_of_the_class():
    """In the features: the clip of the replay goes best with the clip of the event that it shows, far more often than
    by chance, even before anything is learned."""
    fouls = [Event(1, 1000 * (60 * place + 20), "Foul", "home") for place in range(1, 40)]
    shots = [
        Shot(1, event.position_ms + 20_000, event.position_ms + 28_000, "replay", "", "", event=index)
        for index, event in enumerate(fouls)
    ]
    found = values(FIVE, latent_of(fouls, shots))
    events = np.array([event.position_ms // 1000 for event in fouls])
    clips = np.stack([found[events + offset] for offset in (-1, 0, 1)]).mean(axis=0)
    replays = np.stack([found[events + 24 + offset] for offset in (-1, 0, 1)]).mean(axis=0)
    likeness = np.corrcoef(replays - replays.mean(axis=0), clips - clips.mean(axis=0))[len(fouls) :, : len(fouls)]
    nearest = likeness.argmax(axis=0)
    assert (nearest == np.arange(len(fouls))).mean() > 0.12  # one in thirty-nine by chance


def test_more_blocks_separate_events_from_the_rest_better():
    """The Fisher discriminant of events against other moments grows with every block joined."""
    events = [Event(1, 1000 * (20 * place + 15), "Corner", "home") for place in range(1, 130)]
    latent = latent_of(events, [])
    at = np.array([event.position_ms // 1000 for event in events])
    others = at + 8
    distances = []
    for count in range(1, len(FIVE) + 1):
        found = values(FIVE[:count], latent)
        gap = found[at].mean(axis=0) - found[others].mean(axis=0)
        spread = np.cov(np.concatenate([found[at] - found[at].mean(0), found[others] - found[others].mean(0)]).T)
        distances.append(float(gap @ np.linalg.solve(spread, gap)))
    assert distances == sorted(distances)
    assert distances[-1] > 2 * distances[0]

"""Memory of batches: used again once a batch is let go, never before."""

from __future__ import annotations

import numpy as np
import torch

from soccerbench.tasks.batch_memory import BatchMemory


def test_what_is_let_go_is_used_again() -> None:
    memory = BatchMemory()
    first = memory.empty((4, 3, 2))
    assert first.shape == (4, 3, 2)
    assert first.dtype == torch.float32
    place = first.data_ptr()
    del first
    assert memory.empty((2, 3, 2)).data_ptr() == place  # a smaller one goes into it
    assert memory.empty((4, 3, 2)).data_ptr() == place  # and leaves it whole


def test_what_is_held_is_left_alone() -> None:
    memory = BatchMemory()
    for hold in (lambda batch: batch[1:], lambda batch: batch.numpy()[2], lambda batch: batch.detach().view(-1)):
        batch = memory.empty((4, 3))
        batch.fill_(1)
        held = hold(batch)
        del batch
        for _ in range(3):
            memory.empty((4, 3)).fill_(2)
        assert np.asarray(held).min() == 1


def test_a_gradient_holds_what_it_needs() -> None:
    memory, weights = BatchMemory(), torch.ones(3, requires_grad=True)
    loss = (memory.empty((4, 3)).fill_(1) * weights).sum()
    memory.empty((4, 3)).fill_(2)
    loss.backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == [4, 4, 4]


def test_a_larger_batch_gets_memory_of_its_own() -> None:
    memory = BatchMemory()
    memory.empty((2, 2))
    larger = memory.empty((5, 5)).fill_(3)
    others = [memory.empty((5, 5)).fill_(4) for _ in range(2)]
    assert larger.eq(3).all()
    assert all(other.eq(4).all() for other in others)

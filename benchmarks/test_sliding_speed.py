"""Sliding over one half at the width of the release, beside scoring every window by itself.

Ratios, largest differences and peak memory (in a process of its own) stand under `extra_info`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from soccerbench.models.netvlad import NetVLADpp
from soccerbench.models.sliding import centred_windows
from soccerbench.models.transformer import SpottingTransformer

WIDTH, HALF_S = 8576, 2750
HEADS: dict[str, type[nn.Module]] = {"netvlad++": NetVLADpp, "transformer": SpottingTransformer}

PEAK = """
import re
from pathlib import Path
import torch
from soccerbench.models.netvlad import NetVLADpp
from soccerbench.models.sliding import centred_windows

def resident_bytes(kind):
    return 1024 * int(re.search(kind + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

model, features = NetVLADpp({width}).eval(), torch.rand({half_s}, {width})
with torch.no_grad():
    model.slide(features[:100], {window})  # what the libraries need once
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = resident_bytes("VmRSS")
    if {own}:
        model.slide(features, {window})
    else:
        model(features[centred_windows({half_s}, {window})])
print(resident_bytes("VmHWM") - before)
"""


@torch.no_grad()
def window_by_window(model: nn.Module, features: torch.Tensor, window: int) -> torch.Tensor:
    """The plain way: every window projected, pooled and scored anew."""
    rows = centred_windows(len(features), window)
    return torch.cat([model(features[batch]) for batch in rows.split(256)])


@pytest.mark.parametrize("window", [7, 15])
@pytest.mark.parametrize("head", HEADS)
def test_sliding(benchmark, head: str, window: int) -> None:
    torch.manual_seed(0)
    model = HEADS[head](WIDTH).eval()
    features = torch.rand(HALF_S, WIDTH)
    ours = benchmark.pedantic(model.slide, (features, window), rounds=3, warmup_rounds=1)
    started = time.perf_counter()
    plain = window_by_window(model, features, window)
    plain_s = time.perf_counter() - started
    few = features[:200].double()
    double = model.double()
    error = (double.slide(few, window) - window_by_window(double, few, window)).abs().max().item()
    benchmark.extra_info |= {
        "plain_s": plain_s,
        "times_faster": plain_s / benchmark.stats.stats.median,
        "largest_difference": (ours - plain).abs().max().item(),
        "largest_difference_float64": error,
    }
    assert error < 1e-10
    assert (ours - plain).abs().max() < 1e-5 * max(1.0, plain.abs().max().item())


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are read from Linux's /proc")
def test_memory_of_sliding(benchmark) -> None:
    def peak_bytes(*, own: bool) -> int:
        code = PEAK.format(width=WIDTH, half_s=HALF_S, window=15, own=own)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return int(done.stdout)

    half_bytes = HALF_S * WIDTH * 4
    ours = benchmark.pedantic(peak_bytes, kwargs={"own": True}, rounds=1)
    benchmark.extra_info |= {
        "half_bytes": half_bytes,
        "with_the_half": (half_bytes + ours) / half_bytes,
        "plain_with_the_half": (half_bytes + peak_bytes(own=False)) / half_bytes,
    }
    assert ours < half_bytes

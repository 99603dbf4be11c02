"""Networks for images inside networks for video, and the checkpoints that they come from."""

from __future__ import annotations

import struct
from functools import cache

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from soccerbench.errors import InputError
from soccerbench.specs.video_models import load_extractors
from soccerbench.video.models.build import build
from soccerbench.video.models.inflation import inflate, inflate_weight
from soccerbench.video.models.weights import load_weights

SMALL = [("size", 32), ("clip.frames", 3)]
SMALL_OF = {
    "vtn": [("backbone", "vit_tiny_patch16_224"), ("size", 32), ("heads", 3), ("layers", 1)],
    "ircsn": [("backbone", "resnet14")],
}


def small(name, backbone="resnet18"):
    settings = SMALL_OF.get(name, [*SMALL, ("backbone", backbone)])
    row = load_extractors(models=[name], settings=settings).rows[0]
    torch.manual_seed(3)
    return build(row).eval(), row


@cache
def image_network(name, classes=18, size=64, **options):
    """A timm network whose batch norms have statistics, scales and shifts that are not those of a fresh one."""
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=classes, **options)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.1, 0.3)
        nn.init.normal_(norm.bias, std=0.3)
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(4, 3, size, size))
    for norm in norms:
        norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn(norm.num_features)
    return network.eval()


def still(image, frames):
    """A video (1, T, 3, H, W) of one image (3, H, W)."""
    return image.expand(1, frames, -1, -1, -1)


def pixels(size):
    return torch.randint(0, 256, (3, size, size), dtype=torch.uint8)


def test_slowonly_of_101_layers_on_a_still_video_is_the_resnet_on_the_image(tmp_path):
    network = image_network("resnet101")
    save_file(network.state_dict(), tmp_path / "resnet101.safetensors")
    row = load_extractors().of("i3d-slow")
    model = build(row).eval()
    said = load_weights(model, tmp_path / "resnet101.safetensors", row)
    assert said.endswith("resnet101 for images as the backbone; its classifier of 18 classes is left out; "
                         "the rest of i3d-slow is fresh")  # fmt: skip
    model.classify.load_state_dict(network.fc.state_dict())
    image = pixels(64)
    for kind, tolerance in ((torch.float32, 1e-4), (torch.float64, 1e-12)):
        network.to(kind), model.to(kind)
        with torch.no_grad():
            clips, normal = still(image, row.clip.frames), model.normalise(image[None])
            expected = network.forward_features(normal).mean(dim=(2, 3))
            torch.testing.assert_close(model.per_clip(model.frames(clips)), expected, rtol=0, atol=tolerance)
            torch.testing.assert_close(model(clips), network(normal), rtol=0, atol=tolerance)
    assert expected.std() > 0.1
    moving = model(torch.stack([pixels(64) for _ in range(8)])[None])
    assert (moving - network(normal)).abs().max() > 1e-2


@pytest.mark.parametrize("backbone", ["resnet18", "resnet10t"])  # the second one averages where it halves
@pytest.mark.parametrize("name", ["tpn-r50", "gta", "i3d-slow"])
def test_stages_on_a_still_video_are_those_on_the_image(name, backbone, tmp_path):
    network = image_network(backbone)
    torch.save(network.state_dict(), tmp_path / "image.pth")
    model, row = small(name, backbone)
    load_weights(model, tmp_path / "image.pth", row)
    image = pixels(64)
    with torch.no_grad():
        stages = network.forward_intermediates(model.normalise(image[None]), intermediates_only=True)[-3:]
        frames = model.frames(still(image, 3))
        res4 = model.res4(frames)
        res5 = model.res5(res4)
        for ours, theirs in ((frames.transpose(1, 2), stages[0]), (res4, stages[1]), (res5, stages[2])):
            torch.testing.assert_close(ours, theirs[:, :, None].expand_as(ours), rtol=0, atol=1e-4)
        if name != "tpn-r50":  # the attention of a fresh GTA changes nothing
            expected = stages[2].mean(dim=(2, 3))
            torch.testing.assert_close(model.per_clip(frames), expected, rtol=0, atol=1e-4)


def test_vtn_sees_a_frame_as_the_vit_does(tmp_path):
    network = image_network("vit_tiny_patch16_224", classes=1000, size=32, img_size=32)
    save_file(network.state_dict(), tmp_path / "vit.safetensors")
    model, row = small("vtn")
    assert "classifier of 1000 classes is left out" in load_weights(model, tmp_path / "vit.safetensors", row)
    image = pixels(32)
    with torch.no_grad():
        expected = network.forward_head(network.forward_features(model.normalise(image[None])), pre_logits=True)
        torch.testing.assert_close(model.per_frame(image[None]), expected, rtol=0, atol=1e-5)


def test_weights_go_to_the_middle_tap():
    weight = torch.randn(4, 2, 3, 3)
    inflated = inflate_weight(weight, torch.Size((4, 2, 5, 3, 3)))
    assert torch.equal(inflated[:, :, 2], weight)
    assert not inflated[:, :, [0, 1, 3, 4]].any()
    with pytest.raises(ValueError, match=r"\(4, 2, 3, 3\) cannot be inflated to \(4, 2, 3, 1, 1\)"):
        inflate_weight(weight, torch.Size((4, 2, 3, 1, 1)))


def test_an_inflated_block_has_no_layer_for_images_left():
    block = timm.create_model("resnet26").layer2
    inflate(block, taps={"conv1": 3})
    kinds = {type(module).__name__ for module in block.modules() if not list(module.children())}
    assert kinds == {"Conv3d", "BatchNorm3d", "ReLU", "Identity"}
    assert [block.get_submodule(f"1.conv{n}").kernel_size for n in (1, 2, 3)] == [(3, 1, 1), (1, 3, 3), (1, 1, 1)]
    assert block(torch.randn(1, 256, 4, 8, 8)).shape == (1, 512, 4, 4, 4)


@pytest.mark.parametrize("name", ["tpn-r50", "gta", "vtn", "ircsn", "i3d-slow"])
def test_a_fine_tuned_checkpoint_is_loaded_whole(name, tmp_path):
    model, row = small(name)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    file, fresh = tmp_path / "c.pt", build(row)
    content = {"epoch": 3, "identity": {"spec": "x"}, "history": [], "model": model.state_dict()}
    torch.save({**content, "finished": False}, file)
    assert load_weights(build(row), file, row).startswith(f"{file}: a fine-tuned {name}, NOT FINISHED")
    torch.save({**content, "finished": True}, file)
    assert load_weights(fresh, file, row) == f"{file}: a fine-tuned {name}, whole"
    for key, value in model.state_dict().items():
        assert torch.equal(fresh.state_dict()[key], value), key


def test_half_precision_is_widened_and_counters_may_be_missing(tmp_path):
    network = image_network("resnet18")
    halves = {key: value.half() for key, value in network.state_dict().items() if not key.endswith("tracked")}
    torch.save({"state_dict": halves}, tmp_path / "half.pth")
    model, row = small("i3d-slow")
    load_weights(model, tmp_path / "half.pth", row)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert torch.equal(model.backbone.conv1.weight, network.conv1.weight.half().float())


@pytest.fixture(scope="module")
def loaded_by_both():
    """A model of ours, its row and timm's network: built once, cleared by each test."""
    return *small("i3d-slow", "resnet10t"), timm.create_model("resnet10t", num_classes=18)


@pytest.mark.parametrize(
    ("content", "wrapper"),
    [
        (lambda state: state, ""),
        (lambda state: state, "module."),
        (lambda state: {"state_dict": state, "epoch": 3}, "_orig_mod."),
        (lambda state: {"model": state, "args": {"lr": 0.1}}, "module._orig_mod."),
        (lambda state: {"model": {}, "state_dict_ema": state}, "module."),
        (lambda state: {"model": dict.fromkeys(state, torch.zeros(1)), "model_ema": state}, ""),
    ],
)
@pytest.mark.parametrize("is_zip", [True, False])
def test_checkpoints_that_timm_loads_itself(tmp_path, loaded_by_both, content, wrapper, is_zip):
    network = image_network("resnet10t")
    path = tmp_path / "checkpoint.pth"
    wrapped = {f"{wrapper}{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save(content(wrapped), path, _use_new_zipfile_serialization=is_zip)
    model, row, theirs = loaded_by_both
    with torch.no_grad():
        for tensor in (*model.parameters(), *theirs.state_dict().values()):
            tensor.zero_()
    load_weights(model, path, row)
    assert torch.equal(model.backbone.conv1[0].weight, network.conv1[0].weight)
    timm.models.load_checkpoint(theirs, str(path))
    assert all(torch.equal(tensor, theirs.state_dict()[name]) for name, tensor in network.state_dict().items())


class Code:
    """Runs when unpickled by anything that runs what it unpickles."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code ran')",))


def resnet18(**changes):
    return {**image_network("resnet18", classes=3).state_dict(), **changes}


def saved(content):
    return lambda path: torch.save(content, path)


def own(name):
    """A fine-tuned checkpoint of a small model."""
    return {"epoch": 1, "identity": {}, "model": small(name)[0].state_dict()}


def without(key):
    return {name: value for name, value in resnet18().items() if name != key}


def cut(path):
    torch.save(resnet18(), path)
    path.write_bytes(path.read_bytes()[:-1000])


def scratched(path):
    torch.save(resnet18(), path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut_safetensors(path):
    save_file(resnet18(), path)
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("i3d-slow", lambda path: None, "no such file"),
        ("i3d-slow", lambda path: path.write_bytes(b""), "damaged, or not a checkpoint"),
        ("i3d-slow", lambda path: path.write_bytes(b"not a checkpoint at all"), "damaged, or not a checkpoint"),
        ("i3d-slow", lambda path: path.write_bytes(struct.pack("<Q", 2**62) + b"{}"), "damaged, or not a checkpoint"),
        ("i3d-slow", cut, "damaged, or not a checkpoint"),
        ("i3d-slow", scratched, "damaged"),
        ("i3d-slow", cut_safetensors, "damaged, or not a checkpoint"),
        ("i3d-slow", saved({"state_dict": Code()}), "which could run code (UnpicklingError"),
        ("i3d-slow", saved([1, 2]), "no named tensors in it"),
        ("i3d-slow", saved({}), "no named tensors in it"),
        ("i3d-slow", saved({"state_dict": {"conv1.weight": 3}}), "'conv1.weight' is no tensor"),
        ("i3d-slow", saved({"identity": {}, "model": None}), "no named tensors in it"),
        ("i3d-slow", lambda path: torch.save(without("layer4.1.bn2.bias"), path), "layer4.1.bn2.bias is missing"),
        ("i3d-slow", lambda path: torch.save(resnet18(extra=torch.ones(1)), path), "'extra' is unknown"),
        ("i3d-slow", lambda path: torch.save(resnet18(**{"bn1.bias": torch.ones(3)}), path), "bn1.bias has shape (3,)"),
        ("i3d-slow", lambda path: torch.save(resnet18(**{"bn1.bias": torch.ones(64) / 0}), path), "not finite"),
        (
            "i3d-slow",
            lambda path: torch.save(resnet18(**{"bn1.bias": torch.ones(1).expand(64)}), path),
            "'bn1.bias' claims more numbers than the file holds",
        ),
        ("i3d-slow", lambda path: torch.save(image_network("resnet34").state_dict(), path), "more are unknown; give a"),
        ("vtn", lambda path: torch.save(resnet18(), path), "checkpoint of vit_tiny_patch16_224 at 32 pixels"),
        (
            "vtn",
            lambda path: torch.save(timm.create_model("vit_tiny_patch16_224").state_dict(), path),
            "pos_embed has shape (1, 197, 192), not (1, 5, 192)",
        ),
        ("ircsn", lambda path: torch.save(resnet18(), path), "no network for images fits into irCSN"),
        ("i3d-slow", lambda path: torch.save(own("gta"), path), "are unknown; give a checkpoint of i3d-slow"),
        ("tpn-r50", lambda path: torch.save(own("i3d-slow"), path), "neck.spatial.0.weight, neck.spatial.1.weight, "),
    ],
)
def test_files_that_do_not_fit(name, write, said, tmp_path):
    model, row = small(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    path = tmp_path / "weights.pt"
    write(path)
    with pytest.raises(InputError) as caught:
        load_weights(model, path, row)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())

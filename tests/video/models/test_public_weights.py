"""State dicts with the names and shapes of public video models, written down here layout by layout, load one to one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch

from soccerbench.errors import InputError
from soccerbench.specs.video_models import load_extractors
from soccerbench.video.models.build import build
from soccerbench.video.models.public_layouts import recognised, renamed
from soccerbench.video.models.weights import load_weights

SMALL = {"tpn-r50": "resnet18", "i3d-slow": "resnet18", "gta": "resnet18", "ircsn": "resnet14"}
NORM = ("weight", "bias", "running_mean", "running_var")
DEPTHS = {14: (1, 1, 1, 1), 18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def names_of(style, layer, number):
    """The convolution and the norm of convolution `number` of a block or of the stem."""
    if style == "mmaction2":
        return f"{layer}conv{number}.conv", f"{layer}conv{number}.bn"
    return f"{layer}conv{number}", f"{layer}bn{number}"


def conv_norm(names, out, channels, kernel):
    conv, norm = names
    return {f"{conv}.weight": (out, channels, *kernel), **{f"{norm}.{part}": (out,) for part in NORM},
            f"{norm}.num_batches_tracked": ()}  # fmt: skip


def downsample(style, block):
    name = {"mmaction2": ("conv", "bn"), "gluoncv-csn": ("0", "1")}.get(style, ("0", "1"))
    word = "down_sample" if style == "gluoncv-csn" else "downsample"
    return tuple(f"{block}{word}.{part}" for part in name)


def slow(style, depth, prefix):
    """Names and shapes of a SlowOnly: (3, 1, 1) convolutions in the last two stages; of basic blocks where shallow."""
    shapes = conv_norm(names_of(style, prefix, 1), 64, 3, (1, 7, 7))
    channels, expansion = 64, 1 if depth == 18 else 4
    for stage, blocks in enumerate(DEPTHS[depth]):
        width, taps = 64 * 2**stage, 3 if stage >= 2 else 1
        for block in range(blocks):
            at, out = f"{prefix}layer{stage + 1}.{block}.", width * expansion
            if depth == 18:
                kernels = (((taps, 3, 3), channels, width), ((1, 3, 3), width, width))
            else:
                kernels = (((taps, 1, 1), channels, width), ((1, 3, 3), width, width), ((1, 1, 1), width, out))
            for number, (kernel, given, made) in enumerate(kernels, 1):
                shapes |= conv_norm(names_of(style, at, number), made, given, kernel)
            if block == 0 and (stage or channels != out):
                shapes |= conv_norm(downsample(style, at), out, channels, (1, 1, 1))
            channels = out
    return shapes, channels


def csn(style, depth):
    """Names and shapes of an irCSN: depthwise 3 x 3 x 3 convolutions between 1 x 1 x 1 ones."""
    stem = {"vmz": ("stem.0", "stem.1"), "gluoncv-csn": ("conv1", "bn1")}.get(
        style, ("backbone.conv1.conv", "backbone.conv1.bn")
    )
    shapes, channels = conv_norm(stem, 64, 3, (3, 7, 7)), 64
    for stage, blocks in enumerate(DEPTHS[depth]):
        width = 64 * 2**stage
        for block in range(blocks):
            at = f"{'backbone.' if style == 'mmaction2' else ''}layer{stage + 1}.{block}."
            layers = {
                "vmz": [(f"{at}conv{n}.0", f"{at}conv{n}.1") for n in (1, 2, 3)],
                "gluoncv-csn": [(f"{at}conv{n}", f"{at}bn{n}") for n in (1, 3, 4)],
                "mmaction2": [(f"{at}{n}.conv", f"{at}{n}.bn") for n in ("conv1", "conv2.0", "conv3")],
            }[style]
            shapes |= conv_norm(layers[0], width, channels, (1, 1, 1))
            shapes |= conv_norm(layers[1], width, 1, (3, 3, 3))
            shapes |= conv_norm(layers[2], 4 * width, width, (1, 1, 1))
            if block == 0:
                shapes |= conv_norm(downsample(style, at), 4 * width, channels, (1, 1, 1))
            channels = 4 * width
    return shapes


def neck(style, prefix, res5):
    """Names and shapes of TPN's neck: `level_fusion_op2` and `level_fusion_1` are the ones of the top-down flow."""
    level, groups = res5 // 2, 32
    mm = style == "mmaction2"
    spatial = f"{prefix}spatial_modulation.spatial_modulation.0.0"
    shapes = conv_norm((f"{spatial}.conv", f"{spatial}.bn"), res5, level, (1, 3, 3))
    for place in range(2):
        conv = f"{prefix}temporal_modulation_ops.{place}.conv" + (".conv" if mm else "")
        shapes[f"{conv}.weight"] = (level, res5 // groups, 3, 1, 1)
    down = f"{prefix}downsample_ops.0.conv.conv" if mm else f"{prefix}downsampling_ops.0.conv"
    shapes[f"{down}.weight"] = (level, level, 3, 1, 1)
    for fusion in ("level_fusion_1", "level_fusion_2") if mm else ("level_fusion_op2", "level_fusion_op"):
        for place in range(2):
            at = f"{prefix}{fusion}.downsamples.{place}.conv." if mm else f"{prefix}{fusion}.ops.{place}."
            shapes |= conv_norm((f"{at}conv", f"{at}{'bn' if mm else 'norm'}"), level, level // groups, (1, 1, 1))
        join = f"{prefix}{fusion}.fusion_conv."
        shapes |= conv_norm((f"{join}{'conv' if mm else 0}", f"{join}{'bn' if mm else 1}"), res5, res5, (1, 1, 1))
    join = f"{prefix}pyramid_fusion." if mm else f"{prefix}pyramid_fusion_op."
    shapes |= conv_norm((f"{join}{'conv' if mm else 0}", f"{join}{'bn' if mm else 1}"), res5, 2 * res5, (1, 1, 1))
    auxiliary = f"{prefix}aux_head.{'conv' if mm else 'convs'}"
    shapes |= conv_norm((f"{auxiliary}.conv", f"{auxiliary}.bn"), res5, level, (1, 3, 3))
    return shapes | linear(f"{prefix}aux_head.fc", 400, res5)


def linear(name, classes, width):
    return {f"{name}.weight": (classes, width), f"{name}.bias": (classes,)}


def vtn(width, size, depth=12):
    """Names and shapes of bomri's VTN with a ViT of `width` columns on images of `size` pixels."""
    shapes = {"cls_token": (1, 1, width), "backbone.cls_token": (1, 1, width)}
    shapes["backbone.pos_embed"] = (1, (size // 16) ** 2 + 1, width)
    shapes |= {"backbone.patch_embed.proj.weight": (width, 3, 16, 16), "backbone.patch_embed.proj.bias": (width,)}
    for block in range(depth):
        at = f"backbone.blocks.{block}."
        for norm in ("norm1", "norm2"):
            shapes |= {f"{at}{norm}.weight": (width,), f"{at}{norm}.bias": (width,)}
        shapes |= linear(f"{at}attn.qkv", 3 * width, width) | linear(f"{at}attn.proj", width, width)
        shapes |= linear(f"{at}mlp.fc1", 4 * width, width) | linear(f"{at}mlp.fc2", width, 4 * width)
    shapes |= {"backbone.norm.weight": (width,), "backbone.norm.bias": (width,)}
    shapes["temporal_encoder.embeddings.position_embeddings.weight"] = (288, width)
    shapes["temporal_encoder.embeddings.token_type_embeddings.weight"] = (2, width)
    for layer in range(3):
        at = f"temporal_encoder.encoder.layer.{layer}.attention.self."
        for part in ("query", "key", "value", "query_global", "key_global", "value_global"):
            shapes |= linear(f"{at}{part}", width, width)
    return shapes | linear("mlp_head.1", width, width) | linear("mlp_head.4", 400, width)


def layouts(slow_depth=18, csn_depth=14):
    """(layout, models that it fits) -> names and shapes."""
    found = {}
    for source, style, prefix, head in (
        ("mmaction2", "mmaction2", "backbone.", "cls_head.fc_cls"),
        ("decisionforce/TPN", "torch", "backbone.", "cls_head.fc_cls"),
        ("GluonCV", "torch", "", "fc"),
    ):
        shapes, width = slow(style, slow_depth, prefix)
        found[f"SlowOnly in the layout of {source}"] = shapes | linear(head, 400, width)
        at = {"mmaction2": "neck.", "GluonCV": "TPN_neck."}.get(source, "necks.")
        found[f"TPN in the layout of {source}"] = shapes | neck(style, at, width) | linear(head, 400, width)
    for source, style, head in (("mmaction2", "mmaction2", "cls_head.fc_cls"), ("VMZ", "vmz", "fc"),
                                ("GluonCV", "gluoncv-csn", "out_fc")):  # fmt: skip
        found[f"irCSN in the layout of {source}"] = csn(style, csn_depth) | linear(head, 400, 2048)
    return found


NETWORKS = {"SlowOnly": "i3d-slow", "TPN": "tpn-r50", "irCSN": "ircsn"}
EACH = pytest.mark.parametrize("title", layouts())


@cache
def built(name):
    settings = [("backbone", SMALL[name]), ("size", 32), ("clip.frames", 3)]
    row = load_extractors(models=[name], settings=settings).rows[0]
    return build(row).eval(), row


def numbers(shapes):
    """Tensors of some shapes, each of another number."""
    return {name: torch.full(shape, 1.0 + place) for place, (name, shape) in enumerate(shapes.items())}


@pytest.fixture
def load(monkeypatch):
    """Loads the content of a file that was read: (name, content) to the model and what is said."""

    def loaded(name, content):
        monkeypatch.setattr("soccerbench.video.models.weights._read", lambda path: content)
        model, row = built(name)
        return model, load_weights(model, Path("w.pth"), row)

    return loaded


def first_number(tensor):
    return float(tensor.flatten()[0])


@EACH
def test_every_tensor_is_loaded_once_but_the_classifier_of_other_classes(title, load):
    tensors, name = numbers(layouts()[title]), NETWORKS[title.split()[0]]
    before = {key: value.clone() for key, value in built(name)[0].state_dict().items() if "classify." in key}
    model, said = load(name, {"state_dict": tensors, "meta": {"epoch": 1}})
    assert said == f"w.pth: {title}; its classifier of 400 classes is left out; the classifier of {name} is fresh"
    state = model.state_dict()
    body = [first_number(tensor) for tensor in tensors.values() if 400 not in tensor.shape]
    assert sorted(first_number(value) for key, value in state.items() if key not in before) == body
    assert all(torch.equal(state[key], value) for key, value in before.items())


@pytest.mark.parametrize(
    ("title", "theirs", "ours"),
    [
        (
            "TPN in the layout of mmaction2", "neck.level_fusion_1.fusion_conv.conv.weight",
            "neck.top_down.join.0.weight",
        ),
        ("TPN in the layout of mmaction2", "neck.downsample_ops.0.conv.conv.weight", "neck.down.weight"),
        (
            "TPN in the layout of decisionforce/TPN", "necks.level_fusion_op.ops.1.norm.bias",
            "neck.bottom_up.levels.1.1.bias",
        ),
        (
            "TPN in the layout of GluonCV", "TPN_neck.temporal_modulation_ops.1.conv.weight",
            "neck.temporal.1.convolve.weight",
        ),
        (
            "SlowOnly in the layout of mmaction2", "backbone.layer4.0.downsample.bn.running_var",
            "backbone.layer4.0.downsample.1.running_var",
        ),
        ("SlowOnly in the layout of GluonCV", "layer3.1.conv1.weight", "backbone.layer3.1.conv1.weight"),
        ("irCSN in the layout of VMZ", "layer3.0.conv2.0.weight", "blocks.2.branch.3.weight"),
        ("irCSN in the layout of GluonCV", "layer4.0.bn4.running_mean", "blocks.3.branch.7.running_mean"),
    ],
)  # fmt: skip
def test_tensors_that_were_looked_up_by_hand(title, theirs, ours):
    tensors = numbers(layouts()[title])
    known = built(NETWORKS[title.split()[0]])[0].state_dict()
    found, unknown = renamed(tensors, recognised(tensors).rules, known=known)
    assert found[ours] is tensors[theirs]
    assert unknown == []


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("SlowOnly in the layout of mmaction2", "i3d-slow"),
        ("TPN in the layout of decisionforce/TPN", "tpn-r101"),
        ("irCSN in the layout of VMZ", "ircsn"),
    ],
)
def test_full_sizes_have_our_names_and_shapes(title, name):
    with torch.device("meta"):
        model = build(load_extractors().of(name))
        tensors = {key: torch.empty(shape) for key, shape in layouts(101, 152)[title].items()}
    expected = {key: tensor.shape for key, tensor in model.state_dict().items()}
    found, _ = renamed(tensors, recognised(tensors).rules, known=expected)
    given = {key: tensor.shape for key, tensor in found.items()}
    assert given.keys() == expected.keys()
    of_time = {key for key in expected if len(expected[key]) == 4}  # stem and two stages stay two-dimensional
    assert all(given[key][2] == 1 and expected[key] == given[key][:2] + given[key][3:] for key in of_time)
    same = [key for key in expected if key not in of_time and "classify." not in key]
    assert all(given[key] == expected[key] for key in same)


def test_a_classifier_of_our_classes_is_loaded_too(load):
    shapes = {name: (18, *shape[1:]) if 400 in shape[:1] else shape
              for name, shape in layouts()["irCSN in the layout of VMZ"].items()}  # fmt: skip
    model, said = load("ircsn", tensors := numbers(shapes))
    assert said == "w.pth: irCSN in the layout of VMZ"
    assert torch.equal(model.classify.weight, tensors["fc.weight"])


def test_a_backbone_alone_and_a_slowonly_in_another_model(load):
    tensors = numbers(layouts()["SlowOnly in the layout of mmaction2"])
    alone = {name.removeprefix("backbone."): tensor for name, tensor in tensors.items() if "cls_head" not in name}
    assert load("i3d-slow", alone)[1].endswith("mmaction2; the classifier of i3d-slow is fresh")
    model, said = load("gta", tensors)
    assert said.endswith("its classifier of 400 classes is left out; the rest of gta is fresh")
    assert torch.equal(model.backbone.conv1.weight, tensors["backbone.conv1.conv.weight"][:, :, 0])


def test_of_vtn_the_vit_is_loaded_and_the_reason_is_given(tmp_path):
    settings = [("backbone", "vit_tiny_patch16_224"), ("size", 32), ("heads", 3), ("layers", 1)]
    row = load_extractors(models=["vtn"], settings=settings).rows[0]
    model, tensors = build(row), numbers(vtn(192, 32))
    torch.save({"epoch": 1, "model_state": tensors, "cfg": "x"}, tmp_path / "vtn.pyth")
    said = load_weights(model, tmp_path / "vtn.pyth", row)
    assert "VTN in the layout of bomri/SlowFast; its transformer over time has projections of the class token" in said
    assert said.endswith("the rest of vtn is fresh")
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(value, tensors[f"backbone.{name}"]), name


def with_an_affine(shapes):
    return {name: (*shape, 1, 1, 1) if len(shape) == 1 and "bn" in name else shape
            for name, shape in shapes.items() if "running" not in name and "tracked" not in name}  # fmt: skip


@pytest.mark.parametrize(
    ("title", "name", "change", "said"),
    [
        (
            "SlowOnly in the layout of mmaction2", "i3d-slow",
            lambda shapes: {f"{key}x" if "layer4" in key else key: shape for key, shape in shapes.items()},
            "backbone.layer4.0.bn1.running_var and 20 more are missing; 'backbone.layer4.0.conv1.conv.weightx', ",
        ),
        (
            "TPN in the layout of GluonCV", "tpn-r50", lambda shapes: shapes | {"TPN_neck.extra.weight": (3,)},
            "'TPN_neck.extra.weight' is unknown; give a checkpoint of tpn-r50",
        ),
        (
            "irCSN in the layout of VMZ", "ircsn", lambda shapes: shapes | {"layer1.0.conv1.1.bias": (63,)},
            "blocks.0.branch.1.bias has shape (63,), not (64,)",
        ),
        (
            "SlowOnly in the layout of mmaction2", "i3d-slow",
            lambda shapes: shapes | {"conv1.conv.weight": (64, 3, 1, 7, 7)}, "'conv1.conv.weight' is unknown",
        ),
        (
            "TPN in the layout of mmaction2", "i3d-slow", lambda shapes: shapes,
            "TPN in the layout of mmaction2 does not fit i3d-slow; give it to tpn-r50 or tpn-r101",
        ),
        (
            "irCSN in the layout of mmaction2", "ircsn",
            lambda shapes: shapes | {"backbone.layer1.0.conv2.1.conv.weight": (64, 1, 3, 3, 3)},
            "ipCSN in the layout of mmaction2: ipCSN has a convolution",
        ),
        ("irCSN in the layout of GluonCV", "ircsn", with_an_affine, "folded into fixed affine layers"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(title, name, change, said, load):
    before = [first_number(value) for value in built(name)[0].state_dict().values()]
    with pytest.raises(InputError) as caught:
        load(name, numbers(change(layouts()[title])))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert before == [first_number(value) for value in built(name)[0].state_dict().values()]


def test_a_network_for_images_is_none_of_them():
    assert recognised({"layer1.0.conv1.weight": torch.ones(1, 1, 1, 1), "fc.weight": torch.ones(1, 1)}) is None

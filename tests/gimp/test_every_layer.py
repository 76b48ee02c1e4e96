"""Selections, transparency, masks, groups, offsets, odd sizes: what is painted, and that nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gimp.expected import painting
from tests.gimp.real_gimp import Outcome, RealGimp
from tests.real_daemon import RealDaemon

BATCH = """
QUICK = dict(style="mosaic", size=64, quality="draft")

def photo(width=60, height=44, alpha=None, layer_alpha=None, at=(0, 0), canvas=None):
    image = new_image(*(canvas or (width, height)))
    layer = add_layer(image, "photo", width, height, alpha=alpha is not None, at=at)
    fill(layer, "R'G'B'A float", picture(width, height, alpha))
    return image, layer

# A feathered selection, replaced in place and as a new layer.
for output in ("replace", "new-layer"):
    image, layer = photo()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 12, 8, 30, 24)
    Gimp.Selection.feather(image, 6)
    dump_selection(f"feather-{output}-selection", image)
    dump(f"feather-{output}-before", layer)
    call(f"feather-{output}", image, [layer], output=output, **QUICK)
    dump(f"feather-{output}-source", layer)
    top = image.get_layers()[0]
    dump(f"feather-{output}-after", top)
    tell(f"feather-{output}-offset", list(top.get_offsets())[1:])
    if top.get_mask():
        dump(f"feather-{output}-mask", top.get_mask(), "Y float")
    image.delete()

# Alpha stays bit for bit, and what hides under it does not bleed: two cut-outs with other hidden colours.
edge = lambda x, y: 0.0 if x < 20 else 1.0
for name, hidden in (("black", 0.0), ("white", 1.0)):
    image, layer = photo(alpha=edge)
    from array import array
    values = array("f", picture(60, 44, edge))
    for pixel in range(60 * 44):
        if values[4 * pixel + 3] == 0.0:
            values[4 * pixel:4 * pixel + 3] = array("f", [hidden] * 3)
    fill(layer, "R'G'B'A float", values.tobytes())
    dump(f"cutout-{name}-before", layer)
    call(f"cutout-{name}", image, [layer], output="new-layer", **QUICK)
    dump(f"cutout-{name}-after", image.get_layers()[0])
    image.delete()

# Offsets: the new layer lies exactly over the old one, also where that leaves the canvas.
image, layer = photo(at=(-15, 9), canvas=(80, 70))
call("offset", image, [layer], output="new-layer", **QUICK)
tell("offset-place", [list(l.get_offsets())[1:] + [l.get_width(), l.get_height()] for l in image.get_layers()])
image.delete()

# A selection at the layer's offset: mask and pixels belong together.
image, layer = photo(at=(10, 6), canvas=(90, 70))
image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 16, 20, 18)
call("offset-selection", image, [layer], output="new-layer", **QUICK)
top = image.get_layers()[0]
tell("offset-selection-place", list(top.get_offsets())[1:] + [top.get_width(), top.get_height()])
dump("offset-selection-mask", top.get_mask(), "Y float")
image.delete()

# A layer with a mask of its own, half of it hidden; with and without a selection.
for name in ("masked", "masked-selection"):
    image, layer = photo()
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    mask.get_buffer().set(Gegl.Rectangle.new(0, 0, 30, 44), "Y u8", bytes([51]) * (30 * 44))
    mask.get_buffer().flush()
    if name == "masked-selection":
        image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 10, 20, 20)
    call(name, image, [layer], output="new-layer", **QUICK)
    dump(f"{name}-mask", image.get_layers()[0].get_mask(), "Y float")
    image.delete()

# A group: painted as it looks, and not replaced.
image = new_image(60, 44)
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
back = add_layer(image, "back", 60, 44, parent=group)
fill(back, "R'G'B'A float", picture(60, 44))
front = add_layer(image, "front", 20, 20, at=(30, 10), parent=group)
fill(front, "R'G'B'A float", picture(20, 20, seed=3))
dump("group-before", group, "R'G'B' u8")
call("group", image, [group], output="new-layer", **QUICK)
tell("group-layers", [l.get_name() for l in image.get_layers()])
dump("group-after", image.get_layers()[0])
call("group-replace", image, [group], output="replace", **QUICK)
call("inside-group", image, [front], output="new-layer", **QUICK)
tell("inside-group-children", len(group.get_children()))
image.delete()

# Refused with a sentence, and nothing has changed.
def refused(name, image, drawables, **arguments):
    image.clean_all()
    before = len(layers_of(image))
    call(name, image, drawables, **{**QUICK, **arguments})
    tell(f"{name}-dirty", image.is_dirty() or len(layers_of(image)) != before)

image, layer = photo()
layer.set_lock_content(True)
refused("locked", image, [layer], output="replace")
call("locked-new-layer", image, [layer], output="new-layer", **QUICK)
image.delete()
image, layer = photo(width=20, height=20, at=(0, 0), canvas=(80, 80))
image.select_rectangle(Gimp.ChannelOps.REPLACE, 50, 50, 20, 20)
refused("beside", image, [layer])
Gimp.Selection.none(image)
refused("two", image, [layer, add_layer(image, "other", 10, 10)])
mask = layer.create_mask(Gimp.AddMaskType.WHITE)
layer.add_mask(mask)
refused("mask", image, [mask])
refused("style", image, [layer], style="nobody")
refused("preset", image, [layer], preset="nobody")
refused("strength", image, [layer], strength=150.0)
refused("quality", image, [layer], quality="best")
refused("output", image, [layer], output="wall")
refused("size", image, [layer], size=9000)
refused("no-style-file", image, [layer], style_file=Gio.File.new_for_path("/nowhere/at-all.png"))
refused("no-picture", image, [layer], style_file=Gio.File.new_for_path("/mnt/out/test.py"))
image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
refused("indexed", image, [layer])
image.delete()

# Sizes that no network can look at.
for width, height in ((1, 1), (1, 300), (10000, 10), (17, 16)):
    image = new_image(width, height)
    layer = add_layer(image, "odd", width, height)
    layer.fill(Gimp.FillType.WHITE)
    call(f"size-{width}x{height}", image, [layer], output="new-layer", **QUICK)
    top = image.get_layers()[0]
    tell(f"size-{width}x{height}-made", [top.get_width(), top.get_height(), len(image.get_layers())])
    image.delete()

# Other places for the style, and for the painting.
image, layer = photo()
other, other_layer = photo(width=30, height=30)
call("style-layer", image, [layer], **QUICK, style_drawable=other_layer)
call("style-file", image, [layer], **QUICK, style_file=Gio.File.new_for_path("/mnt/pictures/style"))
before = {i.get_id() for i in Gimp.get_images()}
call("new-image", image, [layer], output="new-image", **QUICK)
made = [i for i in Gimp.get_images() if i.get_id() not in before]
tell("new-image-made", [[i.get_width(), i.get_height(), len(i.get_layers()), record(i)["style"]] for i in made])
tell("new-image-source-layers", [l.get_name() for l in image.get_layers()])
"""

REFUSED = {
    "locked": "locked",
    "group-replace": "group",
    "beside": "outside",
    "two": "one layer at a time",
    "mask": "instead of a mask",
    "style": "oil, woodblock",
    "preset": "draft",
    "strength": "0 to 100; 150",
    "quality": "draft, standard, fine",
    "output": "new-layer, replace, new-image",
    "size": "0 to 8192; 9000",
    "no-style-file": "style-file",  # GIMP's own sentence: it does not pass a file on that is not there
    "no-picture": "cannot be read",
    "indexed": "Image > Mode > RGB",
}


@pytest.fixture(scope="module")
def outcome(gimp: RealGimp, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All of it, in one GIMP."""
    folder = tmp_path_factory.mktemp("layers")
    style = folder / "style.png"
    from PIL import Image

    Image.radial_gradient("L").resize((48, 48)).convert("RGB").save(style)
    ran = gimp.batch(BATCH, folder, style=style)
    assert ran.code == 0, ran.output
    return ran


def test_a_selection_in_place_changes_nothing_outside_and_everything_within(
    outcome: Outcome, daemon: RealDaemon
) -> None:
    selection = outcome.pixels("feather-replace-selection", 1)[..., 0]
    before, after = outcome.pixels("feather-replace-before"), outcome.pixels("feather-replace-after")
    outside = selection == 0
    assert 0.2 < outside.mean() < 0.9
    np.testing.assert_array_equal(after[outside], before[outside])
    changed = np.abs(after - before).max(axis=-1)
    assert changed[selection > 0.99].mean() > 0.02
    assert changed[selection < 0.1].mean() < 0.3 * changed[selection > 0.9].mean()


def test_a_selection_becomes_the_mask_of_a_new_layer(outcome: Outcome) -> None:
    selection = outcome.pixels("feather-new-layer-selection", 1)[..., 0]
    mask = outcome.pixels("feather-new-layer-mask", 1)[..., 0]
    x, y = outcome.results["feather-new-layer-offset"]
    height, width = mask.shape
    np.testing.assert_allclose(mask, selection[y : y + height, x : x + width], atol=1e-6)
    assert selection.sum() == pytest.approx(mask.sum(), rel=1e-5)
    np.testing.assert_array_equal(
        outcome.pixels("feather-new-layer-source"), outcome.pixels("feather-new-layer-before")
    )


def test_the_selected_part_is_painted_with_what_lies_around_it(outcome: Outcome) -> None:
    record = outcome.results["feather-new-layer"]["record"]
    mask = outcome.pixels("feather-new-layer-mask", 1)
    assert record["parameters"]["size"] > 64, "the context is painted too, at the selection's own scale"
    assert mask.shape[1] < 60


def test_alpha_stays_and_hidden_colours_do_not_bleed(outcome: Outcome) -> None:
    paintings = {}
    for name in ("black", "white"):
        before, after = outcome.pixels(f"cutout-{name}-before"), outcome.pixels(f"cutout-{name}-after")
        np.testing.assert_array_equal(after[..., 3], before[..., 3])
        paintings[name] = after[:, 20:, :3]
    np.testing.assert_array_equal(paintings["black"], paintings["white"])


def test_a_new_layer_lies_over_the_old_one(outcome: Outcome) -> None:
    new, old = outcome.results["offset-place"]
    assert new == old == [-15, 9, 60, 44]
    assert outcome.results["offset-selection-place"] == [30, 16, 20, 18]
    np.testing.assert_array_equal(outcome.pixels("offset-selection-mask", 1), 1.0)


def test_what_the_layers_own_mask_hides_stays_hidden(outcome: Outcome) -> None:
    mask = outcome.pixels("masked-mask", 1)[..., 0]
    np.testing.assert_allclose(mask[:, :30], 0.2, atol=1e-3)
    np.testing.assert_array_equal(mask[:, 30:], 1.0)
    both = outcome.pixels("masked-selection-mask", 1)[..., 0]
    assert both.shape == (20, 20)
    np.testing.assert_allclose(both[:, :10], 0.2, atol=1e-3)
    np.testing.assert_array_equal(both[:, 10:], 1.0)


def test_a_group_is_painted_as_it_looks(outcome: Outcome, daemon: RealDaemon) -> None:
    assert outcome.results["group"]["status"] == "success"
    assert len(outcome.results["group-layers"]) == 2
    wanted = painting(daemon, outcome.pixels("group-before", 3, "uint8"), outcome.results["group"]["record"])
    after = outcome.pixels("group-after")[..., :3]
    assert np.abs(after - wanted).max() <= 0.5 / 255 + 1e-4


def test_a_layer_in_a_group_gets_its_painting_beside_it(outcome: Outcome) -> None:
    assert outcome.results["inside-group-children"] == 3


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_painted_is_refused_with_a_sentence_and_nothing_changes(outcome: Outcome, name: str) -> None:
    told = outcome.results[name]
    assert told["status"] in ("execution-error", "calling-error")
    assert REFUSED[name] in told["message"]
    assert not outcome.results.get(f"{name}-dirty")


def test_a_locked_layer_can_be_painted_into_a_new_one(outcome: Outcome) -> None:
    assert outcome.results["locked-new-layer"]["status"] == "success"


@pytest.mark.parametrize("size", ["1x1", "1x300", "10000x10", "17x16"])
def test_a_layer_of_any_size_is_painted(outcome: Outcome, size: str) -> None:
    width, height = map(int, size.split("x"))
    assert outcome.results[f"size-{size}"]["status"] == "success", outcome.results[f"size-{size}"]["message"]
    assert outcome.results[f"size-{size}-made"] == [width, height, 2]


@pytest.mark.parametrize("name", ["style-layer", "style-file"])
def test_a_style_may_be_another_layer_or_a_file(outcome: Outcome, name: str) -> None:
    assert outcome.results[name]["status"] == "success", outcome.results[name]["message"]


def test_a_new_image_holds_the_painting_alone(outcome: Outcome) -> None:
    assert outcome.results["new-image-made"] == [[60, 44, 1, "mosaic"]]
    assert outcome.results["new-image-source-layers"][-1] == "photo"
    assert len(outcome.results["new-image-source-layers"]) == 3

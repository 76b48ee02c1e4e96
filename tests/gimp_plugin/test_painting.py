"""Promise: a painting goes where the settings say, with the layer's own alpha and only where something is selected, as
one step of undo; and if GIMP refuses anything, the image is as it was."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from neural_style import orders
from neural_style.arguments import Output, Quality, Settings
from neural_style.events import Connected, Painted, Style
from neural_style.failures import Failure
from neural_style.geometry import Rect
from neural_style.orders import Preset
from neural_style.samples import Pixels, SampleType

from tests.gimp_plugin import gimp_stub as gimp
from tests.gimp_plugin.gimp_stub import GroupLayer, Image, ImageBaseType, Layer, Precision

pixels, painting = gimp.load("pixels", "painting")

DTYPES = {SampleType.UINT8: "u1", SampleType.UINT16: "<u2", SampleType.FLOAT32: "<f4"}
KINDS = {
    Precision.U8_NON_LINEAR: SampleType.UINT8,
    Precision.U16_NON_LINEAR: SampleType.UINT16,
    Precision.FLOAT_NON_LINEAR: SampleType.FLOAT32,
}
CONNECTED = Connected(
    version="9.8.7",
    device="cpu",
    features=frozenset({"watch-job"}),
    largest_size=8192,
    styles=(Style("oil", "Oil {on} canvas", "A. Painter", b""),),
    presets=MappingProxyType({"draft": Preset("draft", "", size=384, iterations=80, style_scale=1.0)}),
)
RECORD = {"preset": "draft", "seed": 7}


@pytest.fixture(autouse=True)
def world() -> gimp.World:
    return gimp.renew()


@pytest.fixture(autouse=True)
def no_network_while_an_undo_group_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """GIMP's image is locked for the user as long as one is."""

    def refuse(*_arguments: object, **_options: object) -> None:
        images = {item.image for item in gimp.world.items.values()}
        assert not any(image.undo_open for image in images)

    monkeypatch.setattr(socket, "socket", refuse)


def colors(kind: SampleType, width: int, height: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """[height, width, channels] of samples of a type."""
    generator = np.random.default_rng(seed)
    if kind is SampleType.FLOAT32:
        return generator.random((height, width, channels)).astype("<f4")
    return generator.integers(0, 256**kind.value, (height, width, channels)).astype(DTYPES[kind])


def samples(layer: Layer, form: str) -> np.ndarray:
    """A layer's samples as GIMP would give them."""
    data = layer.buffer.get(layer.buffer.extent, 1.0, form, gimp.AbyssPolicy.NONE)
    dtype = {"u8": "u1", "u16": "<u2", "float": "<f4"}[form.split()[1]]
    return np.frombuffer(data, dtype).reshape(layer.height, layer.width, -1)


def shares(layer: Layer) -> np.ndarray:
    """How much of a layer its mask shows, [height, width]."""
    assert layer.mask is not None
    return layer.mask.buffer.values[..., 0]


class Scene:
    """An image with a layer between two others, which lies askew in it."""

    def __init__(
        self,
        width: int = 40,
        height: int = 30,
        *,
        alpha: bool = False,
        precision: Precision = Precision.U8_NON_LINEAR,
        gray: bool = False,
    ) -> None:
        self.kind = KINDS[precision]
        self.image = Image(64, 48, ImageBaseType.GRAY if gray else ImageBaseType.RGB, precision)
        model = ("Y'" if gray else "R'G'B'") + ("A" if alpha else "")
        self.samples = colors(self.kind, width, height, (1 if gray else 3) + alpha)
        self.layer = Layer(self.image, "Photo", width, height, model)
        self.layer.x, self.layer.y = 5, -3
        whole = gimp.Rectangle(0, 0, width, height)
        sample = {SampleType.UINT8: "u8", SampleType.UINT16: "u16", SampleType.FLOAT32: "float"}[self.kind]
        self.form = f"{model} {sample}"
        self.layer.buffer.set(whole, self.form, self.samples.tobytes())
        for layer in (Layer(self.image, "Below", 9, 9, model), self.layer, Layer(self.image, "Above", 9, 9, model)):
            self.image.add(layer)

    def select(self, x: int, y: int, width: int, height: int, *, feather: bool = False) -> np.ndarray:
        """Selects a rectangle of the image; gives the selection, [height, width]."""
        share = np.zeros((self.image.height, self.image.width), np.float32)
        ramp = np.linspace(0.25, 1.0, width, dtype=np.float32) if feather else 1.0
        share[y : y + height, x : x + width] = ramp
        self.image.select(share)
        return share

    def mask(self) -> np.ndarray:
        """Gives the layer a mask; gives its shares."""
        share = np.linspace(0.5, 1.0, self.layer.width * self.layer.height, dtype=np.float32)
        mask = gimp.LayerMask(self.image, "mask", self.layer.width, self.layer.height, "Y float")
        mask.buffer.values = share.reshape(self.layer.height, self.layer.width, 1).astype(np.float64)
        self.layer.mask = mask
        return share.reshape(self.layer.height, self.layer.width)

    def plan(self, output: Output = Output.NEW_LAYER, **changes: object):
        subject = painting.Subject.of(self.image, [self.layer])
        return painting.plan(subject, Settings(output=output, **changes), CONNECTED)  # pyright: ignore[reportArgumentType]

    def paint(self, output: Output = Output.NEW_LAYER, **changes: object) -> tuple[np.ndarray, Image | None]:
        """Plans and places; gives the painting of the target, and the new image."""
        work = self.plan(output, **changes)
        painted, expected = painting_of(work)
        return expected, painting.place(work, painted)


def painting_of(work) -> tuple[Painted, np.ndarray]:
    """A painting of the plan's region, and its part over the target."""
    region, target = work.framing.region, work.framing.target
    kind = work.order.result
    picture = colors(kind, region.width, region.height, seed=9)
    inside = picture[target.y - region.y :, target.x - region.x :][: target.height, : target.width]
    return Painted(Pixels(region.width, region.height, kind, picture.tobytes()), RECORD, 1.23456, ()), inside


# ---- what is sent


@pytest.mark.parametrize("precision", KINDS)
def test_an_opaque_layer_is_sent_as_it_is(precision: Precision) -> None:
    scene = Scene(precision=precision)
    order = scene.plan().order
    assert order.content == Pixels(40, 30, scene.kind, scene.samples.tobytes())
    assert order.result is scene.kind


@pytest.mark.parametrize(
    ("precision", "kind"),
    [
        (Precision.U8_PERCEPTUAL, SampleType.UINT8),
        (Precision.U8_LINEAR, SampleType.UINT16),
        (Precision.HALF_NON_LINEAR, SampleType.FLOAT32),
        (Precision.U16_LINEAR, SampleType.FLOAT32),
        (Precision.U32_NON_LINEAR, SampleType.FLOAT32),
        (Precision.FLOAT_LINEAR, SampleType.FLOAT32),
    ],
)
def test_no_precision_is_carried_in_less_than_it_holds(precision: Precision, kind: SampleType) -> None:
    assert pixels.carrier(Image(1, 1, ImageBaseType.RGB, precision)) is kind


def test_what_is_transparent_is_sent_in_the_mean_colour_of_what_is_not() -> None:
    scene = Scene(alpha=True)
    layer = scene.samples.copy()
    layer[..., 3] = 255
    layer[:10, :, 3] = 0
    layer[:10, :, :3] = (255, 0, 255)  # what was erased must not come back
    scene.layer.buffer.set(scene.layer.buffer.extent, scene.form, layer.tobytes())
    content = scene.plan().order.content
    sent = np.frombuffer(content.data, "u1").reshape(30, 40, 3)
    assert np.array_equal(sent[10:], layer[10:, :, :3])
    assert np.ptp(sent[:10].reshape(-1, 3), axis=0).max() == 0
    assert sent[0, 0] == pytest.approx(layer[10:, :, :3].reshape(-1, 3).mean(axis=0), abs=1.0)


def test_an_opaque_layer_with_an_alpha_channel_is_sent_as_it_is() -> None:
    scene = Scene(alpha=True)
    layer = scene.samples.copy()
    layer[..., 3] = 255
    scene.layer.buffer.set(scene.layer.buffer.extent, scene.form, layer.tobytes())
    assert scene.plan().order.content.data == layer[..., :3].tobytes()


def test_a_gray_layer_is_sent_in_colour() -> None:
    scene = Scene(gray=True)
    sent = np.repeat(scene.samples, 3, axis=2) * np.uint16(257)
    assert scene.plan().order.content == Pixels(40, 30, SampleType.UINT16, sent.astype("<u2").tobytes())


def test_a_large_layer_is_halved_before_it_is_sent() -> None:
    scene = Scene(300, 200)
    work = scene.plan(size=64)
    assert (work.order.content.width, work.order.content.height) == (75, 50)
    quarter = scene.samples.reshape(50, 4, 75, 4, 3).mean(axis=(1, 3))
    sent = np.frombuffer(work.order.content.data, "u1").reshape(50, 75, 3)
    assert sent == pytest.approx(quarter, abs=0.5001)


def test_a_selection_is_sent_with_what_lies_around_it_and_ordered_at_the_scale_of_its_own_size() -> None:
    scene = Scene(300, 300)
    scene.layer.x = scene.layer.y = 0
    scene.image = scene.layer.image
    scene.select(8, 10, 32, 20)
    work = scene.plan(size=64)
    assert work.framing.target == Rect(8, 10, 32, 20)
    assert work.framing.region == Rect(0, 0, 56, 46)
    assert work.order.tunables["size"] == 112
    assert work.order.content.data == scene.samples[:46, :56].tobytes()


def test_eight_bits_that_will_be_enlarged_are_asked_for_in_sixteen() -> None:
    assert Scene(200, 100).plan(size=100).order.result is SampleType.UINT16
    assert Scene(200, 100).plan(size=200).order.result is SampleType.UINT8
    assert Scene(200, 100, precision=Precision.FLOAT_NON_LINEAR).plan(size=100).order.result is SampleType.FLOAT32


def test_the_order_says_what_the_settings_say() -> None:
    order = Scene().plan(seed=5, strength=20.0, quality=Quality.DRAFT, detach=True).order
    assert (order.seed, order.preset, order.style, order.detach) == (5, "draft", "oil", True)
    assert order.tunables == {**order.tunables, "strength": 0.2, "iterations": 54 - 14}


def test_a_daemon_that_cannot_watch_is_not_asked_to_go_on_alone() -> None:
    scene = Scene()
    subject = painting.Subject.of(scene.image, [scene.layer])
    old = replace(CONNECTED, features=frozenset())
    assert not painting.plan(subject, Settings(detach=True), old).order.detach


def test_a_preview_reads_the_layer_once() -> None:
    scene = Scene()
    subject = painting.Subject.of(scene.image, [scene.layer])
    first = painting.preview_plan(subject, Settings(), CONNECTED, "oil")
    second = painting.preview_plan(subject, Settings(strength=9.0), CONNECTED, "oil", first)
    assert second.order.content is first.order.content
    assert second.framing is first.framing
    assert first.order.content.sample_type is first.order.result is SampleType.UINT8


def test_the_preview_of_a_few_pixels_stays_within_what_the_daemon_takes() -> None:
    scene = Scene()
    scene.select(20, 20, 1, 1)
    subject = painting.Subject.of(scene.image, [scene.layer])
    order = painting.preview_plan(subject, Settings(), replace(CONNECTED, largest_size=4096), "oil").order
    assert order.tunables["size"] == 4096
    assert order.frame_side == orders.LARGEST_FRAME


# ---- what can be painted


def refusal(call, *arguments: object) -> str:
    with pytest.raises(Failure) as refused:
        call(*arguments)
    return refused.value.message


def test_one_layer_is_painted_at_a_time() -> None:
    scene = Scene()
    assert "one layer" in refusal(painting.Subject.of, scene.image, [scene.layer, scene.image.layers[0]])
    assert "one layer" in refusal(painting.Subject.of, scene.image, [])


def test_neither_masks_nor_palettes_are_painted() -> None:
    scene = Scene()
    scene.mask()
    assert "layer" in refusal(painting.Subject.of, scene.image, [scene.layer.mask])
    scene.layer.indexed = True
    assert "RGB" in refusal(painting.Subject.of, scene.image, [scene.layer])


def test_a_selection_beside_the_layer_is_refused() -> None:
    scene = Scene()
    scene.select(50, 40, 4, 4)
    assert "outside" in refusal(scene.plan)


def test_a_preset_that_the_daemon_does_not_have_is_refused_with_those_it_has() -> None:
    assert "draft" in refusal(lambda: Scene().plan(preset="gatys"))


def test_a_locked_layer_gets_a_painting_above_it_but_not_in_place() -> None:
    scene = Scene()
    scene.layer.locked = True
    assert "Photo" in refusal(scene.plan, Output.REPLACE)
    scene.paint(Output.NEW_LAYER)
    assert len(scene.image.layers) == 4


def test_a_layer_in_a_locked_group_is_not_replaced() -> None:
    scene = Scene()
    group = GroupLayer(scene.image, "Group", 64, 48)
    group.locked = True
    scene.layer.parent = group
    assert "Group" in refusal(scene.plan, Output.REPLACE)


def test_a_group_gets_a_painting_above_it_but_not_in_place() -> None:
    scene = Scene()
    group = GroupLayer(scene.image, "Group", 40, 30)
    group.buffer.values[:] = 1.0
    scene.image.add(group)
    scene.layer = group
    assert "group" in refusal(scene.plan, Output.REPLACE)
    expected, _ = scene.paint(Output.NEW_LAYER)
    assert np.array_equal(samples(scene.image.layers[0], "R'G'B' u8"), expected)


# ---- where it goes


@pytest.mark.parametrize("precision", KINDS)
@pytest.mark.parametrize("alpha", [False, True])
def test_a_new_layer_lies_above_with_the_painting_and_the_layers_alpha(precision: Precision, alpha: bool) -> None:
    scene = Scene(alpha=alpha, precision=precision)
    before = scene.image.snapshot()
    expected, made = scene.paint()
    assert made is None
    above, new, *rest = scene.image.layers
    assert tuple(layer.snapshot() for layer in (above, *rest)) == before
    assert (new.name, new.x, new.y) == ("Neural Style: Oil {on} canvas", 5, -3)
    own = scene.samples[..., 3:] if alpha else scene.samples[..., :0]
    assert samples(new, scene.form).tobytes() == np.concatenate([expected, own], axis=2).tobytes()
    assert new.mask is None


def test_the_layer_says_how_it_was_made() -> None:
    scene = Scene()
    scene.paint()
    parasite = scene.image.layers[1].parasites["stylized"]
    assert json.loads(parasite.data) == {**RECORD, "style": "oil", "seconds": 1.235}
    assert parasite.flags == gimp.PARASITE_PERSISTENT | gimp.PARASITE_UNDOABLE


def test_a_new_layer_enters_the_group_of_its_layer() -> None:
    scene = Scene()
    group = GroupLayer(scene.image, "Group", 64, 48)
    scene.image.add(group)
    scene.image.layers.remove(scene.layer)
    scene.image.add(scene.layer, group)
    scene.paint()
    assert [layer.name for layer in group.layers] == ["Neural Style: Oil {on} canvas", "Photo"]
    assert [layer.name for layer in scene.image.layers] == ["Group", "Above", "Below"]


def test_of_a_selection_only_what_is_selected_shows() -> None:
    scene = Scene()
    share = scene.select(10, 4, 20, 12, feather=True)
    expected, _ = scene.paint()
    new = scene.image.layers[1]
    assert (new.x, new.y, new.width, new.height) == (10, 4, 20, 12)
    assert np.array_equal(samples(new, "R'G'B' u8"), expected)
    assert np.array_equal(shares(new), share[4:16, 10:30])


def test_a_selection_that_reaches_beyond_the_layer_ends_with_it() -> None:
    scene = Scene()
    share = scene.select(0, 0, 20, 12, feather=True)
    scene.paint()
    new = scene.image.layers[1]
    assert (new.x, new.y, new.width, new.height) == (5, 0, 15, 12)
    assert np.array_equal(shares(new), share[:12, 5:20])


def test_the_layers_own_mask_holds_for_the_painting() -> None:
    scene = Scene()
    mask = scene.mask()
    scene.paint()
    assert np.array_equal(shares(scene.image.layers[1]), mask)


def test_a_mask_that_is_switched_off_does_not_count() -> None:
    scene = Scene()
    scene.mask()
    scene.layer.applies_mask = False
    scene.paint()
    assert scene.image.layers[1].mask is None


def test_selection_and_mask_hold_together() -> None:
    scene = Scene()
    mask, share = scene.mask(), scene.select(10, 4, 20, 12, feather=True)
    scene.paint()
    both = mask[7:19, 5:25] * share[4:16, 10:30]
    assert shares(scene.image.layers[1]) == pytest.approx(both, abs=1e-6)


def test_replaced_are_the_colours_and_not_the_alpha() -> None:
    scene = Scene(alpha=True)
    expected, _ = scene.paint(Output.REPLACE)
    assert len(scene.image.layers) == 3
    now = samples(scene.layer, scene.form)
    assert np.array_equal(now[..., :3], expected)
    assert np.array_equal(now[..., 3], scene.samples[..., 3])
    assert json.loads(scene.layer.parasites["stylized"].data)["seed"] == 7


def test_replaced_is_only_what_is_selected_and_by_how_much() -> None:
    scene = Scene(precision=Precision.FLOAT_NON_LINEAR)
    share = scene.select(10, 4, 20, 12, feather=True)[4:16, 10:30, None]
    expected, _ = scene.paint(Output.REPLACE)
    now = samples(scene.layer, scene.form)
    inside = (slice(7, 19), slice(5, 25))
    assert now[inside] == pytest.approx(expected * share + scene.samples[inside] * (1 - share), abs=1e-6)
    rest = np.ones((30, 40), bool)
    rest[inside] = False
    assert np.array_equal(now[rest], scene.samples[rest])


def test_a_gray_layer_stays_gray() -> None:
    scene = Scene(gray=True, alpha=True)
    scene.paint()
    new = scene.image.layers[1]
    assert new.buffer.form == "Y'A u8"
    assert np.array_equal(samples(new, "Y'A u8")[..., 1], scene.samples[..., 1])


def test_a_new_image_is_of_the_same_kind_and_leaves_the_old_one_alone() -> None:
    scene = Scene(alpha=True, precision=Precision.U16_NON_LINEAR)
    scene.image.profile, scene.image.resolution = "Display P3", (True, 300.0, 150.0)
    before = scene.image.snapshot()
    expected, made = scene.paint(Output.NEW_IMAGE)
    assert made is not None
    assert (made.width, made.height, made.precision) == (40, 30, Precision.U16_NON_LINEAR)
    assert (made.profile, made.resolution, made.undo_on) == ("Display P3", (True, 300.0, 150.0), True)
    [layer] = made.layers
    assert (layer.x, layer.y) == (0, 0)
    assert np.array_equal(samples(layer, scene.form)[..., :3], expected)
    assert json.loads(layer.parasites["stylized"].data)["style"] == "oil"
    assert scene.image.snapshot() == before
    assert (scene.image.undo_groups, scene.image.loose_steps, made.loose_steps) == ([], 0, 0)


def test_a_painting_that_is_smaller_is_fitted_to_the_layer() -> None:
    scene = Scene(200, 100)
    work = scene.plan(size=100)
    picture = np.zeros((50, 100, 3), "<u2")
    picture[:, 50:] = 65535
    painting.place(work, Painted(Pixels(100, 50, SampleType.UINT16, picture.tobytes()), RECORD, 1.0, ()))
    new = samples(scene.image.layers[1], "R'G'B' u8")
    assert new.shape == (100, 200, 3)
    assert not new[:, :100].any()
    assert new[:, 100:].min() == 255


@pytest.mark.parametrize("output", Output)
def test_a_layer_of_one_pixel_can_be_painted(output: Output) -> None:
    scene = Scene(1, 1, alpha=True)
    scene.layer.x = scene.layer.y = 7
    work = scene.plan(output)
    assert (work.order.content.width, work.order.content.height) == (16, 16)
    expected, made = scene.paint(output)
    place = {Output.REPLACE: scene.layer, Output.NEW_LAYER: scene.image.layers[1]}.get(output)
    layer = made.layers[0] if made else place
    assert layer is not None
    assert np.array_equal(samples(layer, scene.form)[..., :3], expected)
    assert np.array_equal(samples(layer, scene.form)[..., 3], scene.samples[..., 3])


@pytest.mark.parametrize("output", [Output.NEW_LAYER, Output.REPLACE])
def test_it_is_one_step_of_undo(output: Output) -> None:
    scene = Scene(alpha=True)
    scene.mask()
    scene.select(10, 4, 20, 12)
    scene.paint(output)
    assert len(scene.image.undo_groups) == 1
    assert scene.image.undo_groups[0] >= 1
    assert (scene.image.loose_steps, scene.image.undo_open) == (0, 0)


def test_a_layer_that_was_deleted_meanwhile_is_told() -> None:
    scene = Scene()
    work = scene.plan()
    scene.layer.deleted = True
    before = scene.image.snapshot()
    assert "not there" in refusal(painting.place, work, painting_of(work)[0])
    assert scene.image.snapshot() == before


# ---- when GIMP fails


def prepared(output: Output, *, painted_before: bool = False):
    gimp.renew()
    scene = Scene(alpha=True)
    scene.mask()
    scene.select(10, 4, 20, 12, feather=True)
    if painted_before:
        scene.layer.parasites["stylized"] = gimp.Parasite("stylized", 3, b"{}")
    work = scene.plan(output)
    gimp.world.calls.clear()
    return scene, work, painting_of(work)[0]


@pytest.mark.parametrize("painted_before", [False, True])
@pytest.mark.parametrize("refuse", [False, True], ids=["raises", "says no"])
@pytest.mark.parametrize("output", Output)
def test_whatever_gimp_refuses_the_image_is_as_it_was_and_undo_goes_on(
    output: Output, refuse: bool, painted_before: bool
) -> None:
    scene, work, painted = prepared(output, painted_before=painted_before)
    painting.place(work, painted)
    calls, complete = list(gimp.world.calls), scene.image.snapshot()
    assert len(calls) > 10
    failed = 0
    for index, name in enumerate(calls):
        scene, work, painted = prepared(output, painted_before=painted_before)
        before = scene.image.snapshot()
        gimp.world.fail_at, gimp.world.refuse = index, refuse
        try:
            painting.place(work, painted)
        except (Failure, gimp.CallFailedError, IndexError):
            failed += 1
            # Only telling the screen may fail after the painting is there.
            assert scene.image.snapshot() == (complete if name == "update" else before), name
        else:
            assert name == "attach_parasite" or scene.image.snapshot() == complete, name
        assert scene.image.undo_open == 0, name
        assert scene.image.loose_steps == 0, name
    assert failed >= (1 if refuse else len(calls))


@pytest.mark.parametrize(("output", "call"), [(Output.NEW_LAYER, "insert_layer"), (Output.REPLACE, "merge_shadow")])
def test_what_gimp_refuses_is_told_in_a_sentence(output: Output, call: str) -> None:
    scene, work, painted = prepared(output)
    scene.layer.locked = True
    group = GroupLayer(scene.image, "Group", 64, 48)
    group.locked = True
    scene.layer.parent = group
    group.layers.append(scene.layer)
    assert "locked" in refusal(painting.place, work, painted)
    assert call in gimp.world.calls


# ---- styles, and paintings that were left behind


def test_a_style_is_a_name_or_a_file_or_a_layer(tmp_path: Path) -> None:
    scene = Scene()
    file = tmp_path / "wave.png"
    file.write_bytes(b"a picture")
    assert painting.read_style(Settings()) == "oil"
    assert painting.read_style(Settings(style_file=str(file))) == b"a picture"
    assert painting.read_style(Settings(style_drawable=scene.layer.id)) == Pixels(
        40, 30, SampleType.UINT8, scene.samples.tobytes()
    )


def test_a_style_that_has_gone_is_told(tmp_path: Path) -> None:
    assert "wave.png" in refusal(painting.read_style, Settings(style_file=str(tmp_path / "wave.png")))
    assert "not open any more" in refusal(painting.read_style, Settings(style_drawable=99))
    scene = Scene()
    scene.layer.deleted = True
    assert "not open any more" in refusal(painting.read_style, Settings(style_drawable=scene.layer.id))


def test_a_large_style_layer_is_halved() -> None:
    image = Image(64, 48, ImageBaseType.RGB, Precision.U8_NON_LINEAR)
    layer = Layer(image, "Wall", 5000, 40, "R'G'B'")
    style = painting.read_style(Settings(style_drawable=layer.id))
    assert isinstance(style, Pixels)
    assert painting.STYLE_SIDE <= style.width < 2 * painting.STYLE_SIDE


@pytest.mark.parametrize(
    ("changes", "style"),
    [({}, "oil"), ({"style_file": "/p/wave.png"}, "/p/wave.png"), ({"style_drawable": 3}, "Photo")],
)
def test_the_record_names_the_style(changes: dict[str, object], style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    if "style_drawable" in changes:
        changes = {"style_drawable": scene.layer.id}
    monkeypatch.setattr(Path, "read_bytes", lambda _path: b"a picture")
    scene.paint(Output.NEW_LAYER, **changes)
    assert json.loads(scene.image.layers[1].parasites["stylized"].data)["style"] == style


@pytest.mark.parametrize(("precision", "kind"), KINDS.items())
def test_a_painting_that_was_left_behind_becomes_an_image(precision: Precision, kind: SampleType) -> None:
    picture = colors(kind, 6, 4)
    image = painting.fetched_image(Painted(Pixels(6, 4, kind, picture.tobytes()), RECORD, 1.0, ()))
    [layer] = image.layers
    assert (image.width, image.height, image.precision, image.undo_on) == (6, 4, precision, True)
    assert samples(layer, f"R'G'B' {layer.buffer.form.split()[1]}").tobytes() == picture.tobytes()
    assert json.loads(layer.parasites["stylized"].data) == RECORD


def test_a_thumbnail_is_small_and_shows_the_part_that_was_asked_for() -> None:
    scene = Scene(200, 100)
    scene.layer.buffer.values[:] = 0.0
    scene.layer.buffer.values[:, 100:] = 1.0
    small = pixels.thumbnail(scene.layer, Rect(100, 0, 100, 100), 50)
    assert (small.width, small.height) == (50, 50)
    assert set(small.data) == {255}
    assert pixels.thumbnail(scene.layer, Rect(0, 0, 20, 10), 50).width == 20

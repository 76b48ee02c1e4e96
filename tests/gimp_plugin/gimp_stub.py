"""A model of the part of GIMP and GEGL that `pixels` and `painting` use: layers as samples with offsets, alpha, masks,
locks and groups, a selection, undo groups, parasites. Enough to hold them to their promises, on any machine.

What it does not model: colour management, GEGL's kernels (halving is a mean, enlarging takes the nearest pixel) and its
tiles. Real GIMPs are asked in `tests/gimp`.

Every call of GIMP is counted, so that a test can let each one fail in turn: `world.fail_at`.
"""

from __future__ import annotations

import enum
import functools
import importlib
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.gimp_plugin import gdk_stub

_DTYPES = {"u8": ("u1", 255), "u16": ("<u2", 65535), "float": ("<f4", None)}
_CHANNELS = {"Y'": 1, "Y'A": 2, "Y": 1, "R'G'B'": 3, "RGB": 3, "R'G'B'A": 4, "R'aG'aB'aA": 4}


class CallFailedError(Exception):
    """What the injected failure raises."""


# ---- the world and its calls


@dataclass
class World:
    """All items, all calls, and which of them is to fail."""

    items: dict[int, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fail_at: int | None = None
    """Index of the call that fails; None for no failure."""
    refuse: bool = False
    """A call that can answer False does so instead of raising; others go on."""

    def take(self, item: Any) -> int:
        number = len(self.items) + 1
        self.items[number] = item
        return number


world = World()


def renew() -> World:
    """A GIMP that was just started."""
    world.__dict__.update(World().__dict__)
    return world


def _call(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method that is a call to GIMP."""

    @functools.wraps(function)
    def called(*arguments: Any) -> Any:
        world.calls.append(function.__name__)
        if world.fail_at == len(world.calls) - 1:
            if not world.refuse:
                raise CallFailedError(function.__name__)
            if function.__annotations__.get("return") == "bool":
                return False
        return function(*arguments)

    return called


def _reader(name: str) -> Callable[[Any], Any]:
    """A method that tells an attribute, and cannot fail."""
    return lambda item: getattr(item, name)


# ---- GEGL


class AbyssPolicy(enum.Enum):
    NONE = 0
    CLAMP = 1


class SamplerType(enum.Enum):
    CUBIC = 2


@dataclass
class Rectangle:
    x: int
    y: int
    width: int
    height: int

    @classmethod
    def new(cls, x: int, y: int, width: int, height: int) -> Rectangle:
        assert all(isinstance(number, int) for number in (x, y, width, height))
        return cls(x, y, width, height)


def _linear(values: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1."""
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4)


def _perceptual(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 0) ** (1 / 2.4) - 0.055)


def _to_rgba(values: np.ndarray, model: str) -> np.ndarray:
    """[..., c] of a colour model to [..., 4] R'G'B'A, straight alpha."""
    alpha = values[..., -1:] if _CHANNELS[model] in (2, 4) else np.ones_like(values[..., :1])
    if model == "Y":
        return np.concatenate([_perceptual(np.repeat(values, 3, axis=-1)), alpha], axis=-1)
    if model == "RGB":
        return np.concatenate([_perceptual(values), alpha], axis=-1)
    color = np.repeat(values[..., :1], 3, axis=-1) if model.startswith("Y'") else values[..., :3]
    if model == "R'aG'aB'aA":
        color = np.divide(color, alpha, out=np.zeros_like(color), where=alpha > 0)
    return np.concatenate([color, alpha], axis=-1)


def _from_rgba(rgba: np.ndarray, model: str) -> np.ndarray:
    color, alpha = rgba[..., :3], rgba[..., 3:]
    if model.startswith("Y"):
        light = _linear(color) @ np.array([0.2126, 0.7152, 0.0722])
        gray = light[..., None] if model == "Y" else _perceptual(light)[..., None]
        return np.concatenate([gray, alpha], axis=-1) if model == "Y'A" else gray
    if model == "RGB":
        return _linear(color)
    if model == "R'aG'aB'aA":
        return np.concatenate([color * alpha, alpha], axis=-1)
    return rgba if model == "R'G'B'A" else color


def _decoded(data: bytes, form: str, width: int, height: int) -> np.ndarray:
    model, sample = form.split()
    dtype, full = _DTYPES[sample]
    values = np.frombuffer(data, dtype).astype(np.float64).reshape(height, width, _CHANNELS[model])
    return values / full if full else values


def _encoded(values: np.ndarray, form: str) -> bytes:
    dtype, full = _DTYPES[form.split()[1]]
    if full:
        values = np.floor(np.clip(values, 0, 1) * full + 0.5)
    return values.astype(dtype).tobytes()


class Buffer:
    """Samples of one format over an extent."""

    def __init__(self, form: str, x: int, y: int, width: int, height: int) -> None:
        self.form = form
        self.extent = Rectangle(x, y, width, height)
        self.values = np.zeros((height, width, _CHANNELS[form.split()[0]]))

    @classmethod
    def new(cls, form: str, x: int, y: int, width: int, height: int) -> Buffer:
        return cls(form, x, y, width, height)

    def get_extent(self) -> Rectangle:
        return self.extent

    @_call
    def flush(self) -> None:
        pass

    @_call
    def get(self, rectangle: Rectangle, scale: float, form: str, abyss: AbyssPolicy) -> bytes:
        step = 1 / scale
        rows = self._lines(rectangle.y, rectangle.height, step)
        columns = self._lines(rectangle.x, rectangle.width, step)
        found = self._at(rows.ravel(), columns.ravel(), abyss)
        premultiplied = np.concatenate([found[..., :3] * found[..., 3:], found[..., 3:]], axis=-1)
        height, width, count = rows.shape[0], columns.shape[0], rows.shape[1]
        mean = premultiplied.reshape(height, count, width, count, 4).mean(axis=(1, 3)) if count > 1 else None
        rgba = found if mean is None else _to_rgba(mean, "R'aG'aB'aA")
        if self.form.split()[0] == form.split()[0]:  # as it is: no curve there and back
            own = self._own(rows.ravel(), columns.ravel(), abyss)
            return _encoded(own if mean is None else _from_rgba(rgba, form.split()[0]), form)
        return _encoded(_from_rgba(rgba, form.split()[0]), form)

    @_call
    def set(self, rectangle: Rectangle, form: str, data: bytes) -> None:
        model = self.form.split()[0]
        given = _decoded(data, form, rectangle.width, rectangle.height)
        if form.split()[0] != model:
            given = _from_rgba(_to_rgba(given, form.split()[0]), model)
        kept = _decoded(_encoded(given, self.form), self.form, rectangle.width, rectangle.height)
        y, x = rectangle.y - self.extent.y, rectangle.x - self.extent.x
        assert x >= 0
        assert y >= 0
        self.values[y : y + rectangle.height, x : x + rectangle.width] = kept

    def rgba(self, rectangle: Rectangle) -> np.ndarray:
        rows = np.arange(rectangle.y, rectangle.y + rectangle.height)
        columns = np.arange(rectangle.x, rectangle.x + rectangle.width)
        return self._at(rows, columns, AbyssPolicy.NONE)

    @staticmethod
    def _lines(start: int, count: int, step: float) -> np.ndarray:
        """[count, n] which lines of the buffer each line of a scaled copy is the mean of."""
        if step == int(step):
            return ((start + np.arange(count)) * int(step))[:, None] + np.arange(int(step))
        return np.floor((start + np.arange(count) + 0.5) * step).astype(int)[:, None]

    def _own(self, rows: np.ndarray, columns: np.ndarray, abyss: AbyssPolicy) -> np.ndarray:
        y, x = rows - self.extent.y, columns - self.extent.x
        height, width = self.values.shape[:2]
        found = self.values[np.clip(y, 0, height - 1)][:, np.clip(x, 0, width - 1)].copy()
        if abyss is AbyssPolicy.NONE:
            found[(y < 0) | (y >= height)] = 0
            found[:, (x < 0) | (x >= width)] = 0
        return found

    def _at(self, rows: np.ndarray, columns: np.ndarray, abyss: AbyssPolicy) -> np.ndarray:
        rgba = _to_rgba(self._own(rows, columns, abyss), self.form.split()[0])
        if abyss is AbyssPolicy.NONE:
            y, x = rows - self.extent.y, columns - self.extent.x
            rgba[(y < 0) | (y >= self.values.shape[0])] = 0
            rgba[:, (x < 0) | (x >= self.values.shape[1])] = 0
        return rgba


class Color:
    def set_rgba(self, *values: float) -> None:
        self.rgba = np.array(values)


class Node:
    """A graph, or an operation in one. Evaluated on R'G'B'A floats; the operations with masks on linear ones."""

    def __init__(self, operation: str = "") -> None:
        self._operation = operation
        self._properties: dict[str, Any] = {}
        self._sources: dict[str, Node] = {}

    @_call
    def create_child(self, operation: str) -> Node:
        return Node(operation)

    def set_property(self, name: str, value: Any) -> None:
        self._properties[name] = value

    def connect_to(self, _pad: str, sink: Node, pad: str) -> None:
        sink._sources[pad] = self

    @_call
    def blit_buffer(self, buffer: Buffer, rectangle: Rectangle, _level: int, _abyss: AbyssPolicy) -> None:
        model = buffer.form.split()[0]
        found = _from_rgba(self.rgba(rectangle), model)
        buffer.set(rectangle, f"{model} float", _encoded(found, f"{model} float"))

    def rgba(self, rectangle: Rectangle) -> np.ndarray:
        match self._operation:
            case "gegl:buffer-source":
                return self._properties["buffer"].rgba(rectangle)
            case "gegl:color":
                return np.broadcast_to(self._properties["value"].rgba, (rectangle.height, rectangle.width, 4)).copy()
            case "gegl:translate":
                x, y = round(self._properties["x"]), round(self._properties["y"])
                return self._sources["input"].rgba(
                    Rectangle(rectangle.x - x, rectangle.y - y, rectangle.width, rectangle.height)
                )
            case "gegl:multiply":
                one, other = (self._sources[pad].rgba(rectangle) for pad in ("input", "aux"))
                product = _perceptual(_linear(one[..., :3]) * _linear(other[..., :3]))
                return np.concatenate([product, one[..., 3:]], axis=-1)
            case "svg:src-over":
                below, above = (self._sources[pad].rgba(rectangle) for pad in ("input", "aux"))
                alpha = above[..., 3:]
                return np.concatenate(
                    [above[..., :3] * alpha + below[..., :3] * (1 - alpha), np.ones_like(alpha)], axis=-1
                )
            case "gegl:scale-size":
                buffer = self._sources["input"]._properties["buffer"]
                across = buffer.extent.width / self._properties["x"]
                down = buffer.extent.height / self._properties["y"]
                rows = ((np.arange(rectangle.height) + rectangle.y + 0.5) * down).astype(int)
                columns = ((np.arange(rectangle.width) + rectangle.x + 0.5) * across).astype(int)
                return buffer._at(rows, columns, AbyssPolicy.CLAMP)
            case "gegl:rgb-clip":
                return self._sources["input"].rgba(rectangle).clip(0, 1)
        raise AssertionError(self._operation)


# ---- GIMP


class Precision(enum.Enum):
    U8_LINEAR = 100
    U8_NON_LINEAR = 150
    U8_PERCEPTUAL = 175
    U16_LINEAR = 200
    U16_NON_LINEAR = 250
    U16_PERCEPTUAL = 275
    U32_NON_LINEAR = 350
    HALF_NON_LINEAR = 550
    HALF_PERCEPTUAL = 575
    FLOAT_LINEAR = 600
    FLOAT_NON_LINEAR = 650


_KEPT_AS = {Precision.U8_NON_LINEAR: "u8", Precision.U16_NON_LINEAR: "u16", Precision.FLOAT_NON_LINEAR: "float"}


class ImageBaseType(enum.Enum):
    RGB = 0
    GRAY = 1
    INDEXED = 2


class ImageType(enum.Enum):
    RGB_IMAGE = "R'G'B'"
    RGBA_IMAGE = "R'G'B'A"
    GRAY_IMAGE = "Y'"
    GRAYA_IMAGE = "Y'A"


class LayerMode(enum.Enum):
    NORMAL = 28


class AddMaskType(enum.Enum):
    WHITE = 0


PARASITE_PERSISTENT, PARASITE_UNDOABLE = 1, 2


@dataclass(frozen=True)
class Parasite:
    name: str
    flags: int
    data: bytes

    @classmethod
    def new(cls, name: str, flags: int, data: bytes) -> Parasite:
        return cls(name, flags, data)

    def get_name(self) -> str:
        return self.name


@dataclass
class Offset:
    success: bool
    offset_x: int
    offset_y: int


class Item:
    """Layers, masks and channels."""

    def __init__(self, image: Image, name: str, width: int, height: int, form: str) -> None:
        self.image, self.name, self.width, self.height = image, name, width, height
        self.buffer = Buffer(form, 0, 0, width, height)
        self.parent: GroupLayer | None = None
        self.attached = self.locked = self.indexed = self.deleted = False
        self.shadow: Buffer | None = None
        self.id = world.take(self)

    get_id = _reader("id")
    get_name = _reader("name")
    get_width = _reader("width")
    get_height = _reader("height")
    get_parent = _reader("parent")
    get_image = _reader("image")
    get_lock_content = _reader("locked")
    is_indexed = _reader("indexed")

    @staticmethod
    def get_by_id(number: int) -> Item | None:
        return world.items.get(number)

    def is_valid(self) -> bool:
        return not self.deleted

    def has_alpha(self) -> bool:
        return self.buffer.form.split()[0].endswith("A")

    @_call
    def get_buffer(self) -> Buffer:
        return self.buffer

    @_call
    def delete(self) -> bool:
        assert not self.attached
        self.deleted = True
        return True


class Drawable(Item):
    pass


class Channel(Drawable):
    pass


class LayerMask(Channel):
    pass


class Layer(Drawable):
    def __init__(self, image: Image, name: str, width: int, height: int, model: str) -> None:
        super().__init__(image, name, width, height, f"{model} {_KEPT_AS.get(image.precision, 'float')}")
        self.x = self.y = 0
        self.mask: LayerMask | None = None
        self.applies_mask = True
        self.parasites: dict[str, Parasite] = {}

    get_mask = _reader("mask")

    def get_apply_mask(self) -> bool:
        return self.mask is not None and self.applies_mask

    def is_group(self) -> bool:
        return isinstance(self, GroupLayer)

    @staticmethod
    @_call
    def new(
        image: Image, name: str, width: int, height: int, kind: ImageType, opacity: float, mode: LayerMode
    ) -> Layer:
        assert (opacity, mode) == (100.0, LayerMode.NORMAL)
        return Layer(image, name, width, height, kind.value)

    @staticmethod
    @_call
    def new_from_drawable(layer: Layer, image: Image) -> Layer:
        copy = Layer(image, layer.name, layer.width, layer.height, layer.buffer.form.split()[0])
        copy.buffer.values = layer.buffer.values.copy()
        copy.mask = layer.mask
        copy.x, copy.y = layer.x, layer.y
        return copy

    @_call
    def get_offsets(self) -> Offset:
        return Offset(True, self.x, self.y)

    @_call
    def set_offsets(self, x: int, y: int) -> bool:
        self._step()
        self.x, self.y = x, y
        return True

    @_call
    def mask_intersect(self) -> tuple[bool, int, int, int, int]:
        rows, columns = np.nonzero(self.image.selection.buffer.values[..., 0])
        if not len(rows):
            return True, 0, 0, self.width, self.height
        left, top = max(columns.min() - self.x, 0), max(rows.min() - self.y, 0)
        right = min(columns.max() + 1 - self.x, self.width)
        bottom = min(rows.max() + 1 - self.y, self.height)
        meets = right > left and bottom > top
        return bool(meets), int(left), int(top), int(right - left), int(bottom - top)

    @_call
    def get_shadow_buffer(self) -> Buffer:
        self.shadow = Buffer(self.buffer.form, 0, 0, self.width, self.height)
        self.shadow.values = self.buffer.values.copy()
        return self.shadow

    @_call
    def merge_shadow(self, undo: bool) -> bool:
        """Within the selection, by how much is selected."""
        assert undo
        if self.locked or self.shadow is None or self.is_group():
            return False
        self._step()
        selection = self.image.selection.buffer
        if selection.values.any():
            rows, columns = np.arange(self.height) + self.y, np.arange(self.width) + self.x
            share = selection._own(rows, columns, AbyssPolicy.NONE)
        else:
            share = np.ones((self.height, self.width, 1))
        mixed = self.shadow.values * share + self.buffer.values * (1 - share)
        self.buffer.values = _decoded(_encoded(mixed, self.buffer.form), self.buffer.form, self.width, self.height)
        self.shadow = None
        return True

    @_call
    def update(self, *_rectangle: int) -> bool:
        return True

    @_call
    def create_mask(self, _kind: AddMaskType) -> LayerMask:
        mask = LayerMask(self.image, "mask", self.width, self.height, "Y float")
        mask.buffer.values[:] = 1.0
        return mask

    @_call
    def add_mask(self, mask: LayerMask) -> bool:
        self._step()
        self.mask = mask
        return True

    @_call
    def attach_parasite(self, parasite: Parasite) -> bool:
        self._step()
        self.parasites[parasite.name] = parasite
        return True

    @_call
    def detach_parasite(self, name: str) -> bool:
        self._step()
        self.parasites.pop(name, None)
        return True

    @_call
    def get_parasite_list(self) -> list[str]:
        return list(self.parasites)

    @_call
    def get_parasite(self, name: str) -> Parasite:
        return self.parasites[name]

    def _step(self) -> None:
        if self.attached:
            self.image.step()

    def snapshot(self) -> tuple[Any, ...]:
        """All that a user sees of it, and what is saved of it."""
        mask = self.mask.buffer.values.tobytes() if self.mask else None
        below = tuple(layer.snapshot() for layer in self.layers) if isinstance(self, GroupLayer) else ()
        parasites = tuple(sorted((name, parasite.data) for name, parasite in self.parasites.items()))
        return (self.name, self.x, self.y, self.buffer.form, self.buffer.values.tobytes(), mask, parasites, below)


class GroupLayer(Layer):
    def __init__(self, image: Image, name: str, width: int, height: int, model: str = "R'G'B'A") -> None:
        super().__init__(image, name, width, height, model)
        self.layers: list[Layer] = []


class Image:
    def __init__(self, width: int, height: int, base: ImageBaseType, precision: Precision) -> None:
        self.width, self.height, self.base, self.precision = width, height, base, precision
        self.layers: list[Layer] = []
        self.selection = Channel(self, "selection", width, height, "Y float")
        self.profile: Any = None
        self.resolution: tuple[bool, float, float] = (True, 72.0, 72.0)
        self.undo_open = 0
        self.undo_groups: list[int] = []
        """Steps in each group that was closed."""
        self.loose_steps = 0
        """Steps outside of any group."""
        self.undo_on = True
        self._steps = 0

    get_precision = _reader("precision")
    get_base_type = _reader("base")
    get_selection = _reader("selection")
    get_color_profile = _reader("profile")
    get_resolution = _reader("resolution")

    def get_layers(self) -> list[Layer]:
        return list(self.layers)

    @staticmethod
    @_call
    def new_with_precision(width: int, height: int, base: ImageBaseType, precision: Precision) -> Image:
        return Image(width, height, base, precision)

    @_call
    def set_color_profile(self, profile: Any) -> bool:
        self.profile = profile
        return True

    @_call
    def set_resolution(self, across: float, down: float) -> bool:
        self.resolution = (True, across, down)
        return True

    @_call
    def get_item_position(self, layer: Layer) -> int:
        return self._siblings(layer.parent).index(layer)

    @_call
    def insert_layer(self, layer: Layer, parent: GroupLayer | None, position: int) -> bool:
        assert not layer.attached
        assert layer.image is self
        if parent is not None and parent.locked:
            return False
        self.step()
        layer.parent, layer.attached = parent, True
        self._siblings(parent).insert(position, layer)
        return True

    @_call
    def remove_layer(self, layer: Layer) -> bool:
        self.step()
        self._siblings(layer.parent).remove(layer)
        layer.parent, layer.attached = None, False
        return True

    @_call
    def undo_group_start(self) -> None:
        self.undo_open += 1
        self._steps = 0

    def undo_group_end(self) -> bool:
        """Not one that can fail: libgimp's only way out of a group."""
        assert self.undo_open
        self.undo_open -= 1
        self.undo_groups.append(self._steps)
        return True

    @_call
    def undo_disable(self) -> bool:
        self.undo_on = False
        return True

    @_call
    def undo_enable(self) -> bool:
        self.undo_on = True
        return True

    def step(self) -> None:
        if not self.undo_on:
            return
        if self.undo_open:
            self._steps += 1
        else:
            self.loose_steps += 1

    def snapshot(self) -> tuple[Any, ...]:
        return tuple(layer.snapshot() for layer in self.layers)

    # For tests: pictures without GIMP's calls.

    def add(self, layer: Layer, parent: GroupLayer | None = None) -> Layer:
        """Puts a layer on top."""
        layer.parent, layer.attached = parent, True
        self._siblings(parent).insert(0, layer)
        return layer

    def select(self, share: np.ndarray) -> None:
        """share: [height, width], 0 to 1."""
        self.selection.buffer.values = share[..., None].astype(np.float32).astype(np.float64)

    def _siblings(self, parent: GroupLayer | None) -> list[Layer]:
        return self.layers if parent is None else parent.layers


class Selection:
    @staticmethod
    def is_empty(image: Image) -> bool:
        return not image.selection.buffer.values.any()


def load(*names: str) -> list[Any]:
    """Modules of the plug-in that import GIMP, on this model instead. They stay as they are for later tests, but nobody
    else finds a `gi` that is none."""
    namespace = {name: value for name, value in globals().items() if not name.startswith("_")}
    gi = types.ModuleType("gi")
    gi.require_version = lambda _name, _version: None  # pyright: ignore[reportAttributeAccessIssue]
    repository = types.ModuleType("gi.repository")
    repository.Gimp = types.SimpleNamespace(**namespace)  # pyright: ignore[reportAttributeAccessIssue]
    repository.Gegl = types.SimpleNamespace(**namespace, init=lambda _arguments: None)  # pyright: ignore[reportAttributeAccessIssue]
    repository.GdkPixbuf, repository.GLib = gdk_stub.GdkPixbuf, gdk_stub.GLib  # pyright: ignore[reportAttributeAccessIssue]
    fakes = {"gi": gi, "gi.repository": repository}
    hidden = {name: sys.modules.pop(name) for name in fakes if name in sys.modules}
    sys.modules.update(fakes)
    try:
        return [importlib.import_module(f"neural_style.{name}") for name in names]
    finally:
        for name in fakes:
            del sys.modules[name]
        sys.modules.update(hidden)

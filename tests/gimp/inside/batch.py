"""What every batch begins with: short ways to make layers, to call the filter, and to hand results to the test.

Executed by GIMP's python-fu-eval. Results go to /mnt/out: `tell(name, value)` for what fits JSON, `dump(name, ...)` for
pixels as raw bytes.
"""

import json
import time
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio, GLib, GObject  # noqa: F401

Gegl.init(None)
OUT = Path("/mnt/out")
FILTER = "plug-in-neural-style"
RESULTS = {}


def tell(name, value):
    """Keeps a result; what was told before an error is not lost."""
    RESULTS[name] = value
    (OUT / "results.json").write_text(json.dumps(RESULTS))


def procedure(name=FILTER):
    found = Gimp.get_pdb().lookup_procedure(name)
    assert found is not None, f"{name} is not registered"
    return found


def call(name, image, drawables, **arguments):
    """Calls the filter; tells its status, its message and how long it took."""
    filter_ = procedure()
    config = filter_.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for argument, value in arguments.items():
        config.set_property(argument.replace("_", "-"), value)
    started = time.monotonic()
    values = filter_.run(config)
    seconds = time.monotonic() - started
    status = values.index(0).value_nick
    message = str(values.index(1)) if values.length() > 1 else ""
    tell(name, {"status": status, "message": message, "seconds": seconds, "record": record(drawables[0].get_image())})
    return status == "success"


def record(image):
    """The parasite of the topmost layer that has one."""
    for layer in layers_of(image):
        parasite = layer.get_parasite("stylized")
        if parasite is not None:
            return json.loads(bytes(parasite.get_data()).decode())
    return None


def layers_of(image):
    """All layers, those in groups too, the topmost first."""
    found = []

    def walk(layers):
        for layer in layers:
            found.append(layer)
            if layer.is_group():
                walk(layer.get_children())

    walk(image.get_layers())
    return found


def new_image(width, height, base="RGB", precision=None):
    kind = {"RGB": Gimp.ImageBaseType.RGB, "GRAY": Gimp.ImageBaseType.GRAY}[base]
    if precision is None:
        return Gimp.Image.new(width, height, kind)
    return Gimp.Image.new_with_precision(width, height, kind, precision)


def add_layer(image, name, width, height, alpha=False, at=(0, 0), parent=None):
    gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = {
        (False, False): Gimp.ImageType.RGB_IMAGE,
        (False, True): Gimp.ImageType.RGBA_IMAGE,
        (True, False): Gimp.ImageType.GRAY_IMAGE,
        (True, True): Gimp.ImageType.GRAYA_IMAGE,
    }[gray, alpha]
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, parent, 0)
    layer.set_offsets(*at)
    return layer


def fill(layer, form, data):
    """Writes pixels; GEGL itself says nothing about a wrong length."""
    rectangle = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    buffer = layer.get_buffer()
    buffer.set(rectangle, form, data)
    buffer.flush()
    layer.update(0, 0, layer.get_width(), layer.get_height())


def picture(width, height, alpha=None, seed=0):
    """RGBA floats of a small picture with some structure. alpha: a function of x and y, 0..1."""
    import math
    from array import array

    values = array("f")
    for y in range(height):
        for x in range(width):
            values.append(0.5 + 0.4 * math.sin(x / 5 + seed))
            values.append(0.5 + 0.4 * math.cos(y / 4 + seed))
            values.append(0.5 + 0.3 * math.sin((x + y) / 7))
            values.append(1.0 if alpha is None else alpha(x, y))
    return values.tobytes()


def dump(name, drawable, form="R'G'B'A float"):
    """All pixels of a drawable as raw bytes."""
    width, height = drawable.get_width(), drawable.get_height()
    rectangle = Gegl.Rectangle.new(0, 0, width, height)
    data = drawable.get_buffer().get(rectangle, 1.0, form, Gegl.AbyssPolicy.NONE)
    (OUT / f"{name}.raw").write_bytes(data)
    tell(f"{name}.size", [width, height])


def dump_selection(name, image):
    rectangle = Gegl.Rectangle.new(0, 0, image.get_width(), image.get_height())
    data = image.get_selection().get_buffer().get(rectangle, 1.0, "Y float", Gegl.AbyssPolicy.NONE)
    (OUT / f"{name}.raw").write_bytes(data)
    tell(f"{name}.size", [image.get_width(), image.get_height()])


def save(image, name):
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(OUT / name)), None)


def load(path):
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))

"""A request's pictures at one level, on the network's device."""

from __future__ import annotations

from torch import Tensor

from stylized.engine.job import Request, size_of
from stylized.engine.objective import Objective, StyleTarget
from stylized.engine.parameters import Parameters
from stylized.engine.resample import resample
from stylized.engine.schedule import Level, style_size
from stylized.engine.start import start_picture
from stylized.engine.vgg import VGG19


class Canvas:
    """The photo and the styles at the sizes that a level looks at them, and what is made from them.

    photo: sRGB 0..1, [1, 3, H, W]; None without one.
    """

    def __init__(self, network: VGG19, request: Request, level: Level, parameters: Parameters) -> None:
        self._network = network
        self._request = request
        self.level = level
        self.photo = photo_at(network, request, level)
        self._styles: list[StyleTarget] = []
        for style in request.styles:
            size = style_size(*size_of(style.pixels), level, parameters)
            pixels = resample(style.pixels.to(network.device), *size)
            self._styles.append(StyleTarget(255.0 * pixels, style.weight))

    def objective(self, parameters: Parameters) -> Objective:
        """Capture the targets."""
        return Objective(self._network, self._content, self._styles, parameters)

    def start(self, parameters: Parameters) -> Tensor:
        """Return where the painting starts at this level, float32 [1, 3, H, W], RGB 0..255."""
        device, level, init_image = self._network.device, self.level, self._request.init_image
        if init_image is not None:
            init_image = 255.0 * resample(init_image.to(device), level.width, level.height)
        shape = (level.height, level.width)
        return start_picture(shape, parameters, self._request.seed, self._content, self._styles, init_image).to(device)

    @property
    def _content(self) -> Tensor | None:
        """The photo, RGB 0..255."""
        return None if self.photo is None else 255.0 * self.photo


def photo_at(network: VGG19, request: Request, level: Level) -> Tensor | None:
    """Return the photo at a level's size on the network's device, sRGB 0..1; None without one."""
    if request.content is None:
        return None
    return resample(request.content.to(network.device), level.width, level.height)

"""A request's pictures at one level, on the network's device."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from stylized.engine.held import Held
from stylized.engine.job import Request, Shown
from stylized.engine.network import Network
from stylized.engine.objective import Objective
from stylized.engine.parameters import Parameters
from stylized.engine.regions import scale_mask
from stylized.engine.resample import resample
from stylized.engine.schedule import Level
from stylized.engine.start import start_picture
from stylized.engine.targets import style_targets
from stylized.engine.tiled_objective import TiledObjective


class Canvas:
    """The photo and the styles at the sizes that a level looks at them, and what is made from them.

    photo: sRGB 0..1, [1, 3, H, W]; None without one. held: what keeps the photo outside the mask, in RGB 0..255.
    """

    def __init__(
        self, network: Network, request: Request, level: Level, parameters: Parameters, in_use: Sequence[int]
    ) -> None:
        """Scale the pictures. in_use: of RegionPlan."""
        self._network = network
        self._request = request
        self._in_use = in_use
        self.level = level
        self.photo = photo_at(network, request, level)
        self.held = self._held()
        self.match_colors(parameters)

    def match_colors(self, parameters: Parameters) -> None:
        """Bring the styles to this level anew, in the colours that the parameters ask for."""
        device = self._network.device
        mask = None if self._request.mask is None else self._request.mask.to(device)
        styles = [style.to(device) for style in self._request.styles]
        self._styles = style_targets(styles, self._in_use, mask, self.photo, self.level, parameters)

    def objective(self, parameters: Parameters) -> Objective:
        """Capture the targets."""
        request, size = self._request, (self.level.width, self.level.height)
        name = None if request.content_name is None else (request.content_name, size)
        targets = self._network, self._content, self._styles, parameters, request.measurements
        tiling = request.tilings.get(size)
        return Objective(*targets, name) if tiling is None else TiledObjective(*targets, tiling, name)

    def start(self, parameters: Parameters) -> Tensor:
        """Return where the painting starts at this level, float32 [1, 3, H, W], RGB 0..255."""
        device, level, init_image = self._network.device, self.level, self._request.init_image
        if init_image is not None:
            init_image = 255.0 * resample(init_image.to(device), level.width, level.height)
        shape = (level.height, level.width)
        return start_picture(shape, parameters, self._request.seed, self._content, self._styles, init_image).to(device)

    def shown(self, parameters: Parameters) -> Shown:
        """Return how points of this level's size are shown."""
        return Shown(self.photo, self.held, parameters.color_method, parameters.color)

    def _held(self) -> Held | None:
        content, mask = self._content, self._request.mask
        if content is None or mask is None:
            return None
        return Held(scale_mask(mask.to(self._network.device), self.level.width, self.level.height), content)

    @property
    def _content(self) -> Tensor | None:
        """The photo, RGB 0..255."""
        return None if self.photo is None else 255.0 * self.photo


def photo_at(network: Network, request: Request, level: Level) -> Tensor | None:
    """Return the photo at a level's size on the network's device, sRGB 0..1; None without one."""
    if request.content is None:
        return None
    return resample(request.content.to(network.device), level.width, level.height)

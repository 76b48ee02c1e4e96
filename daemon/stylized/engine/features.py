"""Feature visualisation: what a filter of the network responds to (Zeiler and Fergus 2014, "Visualizing and
Understanding Convolutional Networks", section 2).

The strongest responses of the filter are looked for in the given pictures. Each is then projected back to pixels by a
deconvolutional network: all other units of its layer are set to zero, and layer by layer what was pooled is put back to
where it came from (the poolings' switches), rectified, and filtered with the transposed filters. CaffeNet's local
response normalisation is passed by, as in the paper.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.feature_sheet import FeatureQuery, Sheet
from stylized.engine.job import EndNow
from stylized.engine.layers import CONVOLUTIONS, Convolution, ReceptiveField, convolution_of, receptive_field
from stylized.engine.network import Weights
from stylized.engine.network_torch import normalize_responses

_PAPER = 0.5
# Share of a projection's pixels that are shown in full range; stronger ones are clipped.
_WITHIN_RANGE = 0.99


@dataclass(frozen=True)
class Response:
    """A unit of the filter: how strongly it responds, in which picture, and where in the layer's map."""

    value: float
    picture: int
    row: int
    column: int


@dataclass(frozen=True)
class Switches:
    """Where a pooling's maxima were: what torch.max_pool2d gives as indices, and the size [H, W] of what was pooled."""

    indices: Tensor
    size: tuple[int, int]


class DeconvNetwork:
    """A network that can be walked up, noting the switches, and down again."""

    def __init__(self, weights: Weights, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32):
        """Copy the weights to a device."""
        self.backbone = weights.backbone
        self._mean = torch.tensor(weights.mean_rgb, device=device, dtype=dtype).view(1, 3, 1, 1)
        first = CONVOLUTIONS[weights.backbone][0].conv
        self._layers = {
            name: ((weight.flip(1) if name == first else weight).to(device, dtype), bias.to(device, dtype))
            for name, (weight, bias) in weights.layers.items()
        }

    def up(self, image: Tensor, layer: str) -> tuple[Tensor, dict[str, Switches]]:
        """Return the map of a layer [1, C, H', W'], and the switches of the poolings, by the convolution after each.

        image: [1, 3, H, W], RGB 0..255.
        """
        last = convolution_of(layer, self.backbone)
        switches: dict[str, Switches] = {}
        x = image.to(self._mean) - self._mean
        for step in CONVOLUTIONS[self.backbone]:
            if step.pooling:
                size = (x.shape[2], x.shape[3])
                window = step.pooling
                x, indices = F.max_pool2d(
                    x, window.side, window.step, ceil_mode=window.covers_rest, return_indices=True
                )
                switches[step.conv] = Switches(indices, size)
            if step.normalized:
                x = normalize_responses(x)
            weight, bias = self._layers[step.conv]
            x = F.conv2d(x, weight, bias, stride=step.step, padding=step.padding, groups=step.groups)
            if step is last and layer == step.conv:
                break
            x = F.relu_(x)
            if step is last:
                break
        return x, switches

    def down(self, maps: Tensor, layer: str, switches: dict[str, Switches], size: tuple[int, int]) -> Tensor:
        """Project a layer's map [1, C, H', W'] back to pixels, [1, 3, H, W].

        switches: from `up` of the picture, whose size [H, W] is `size`.
        """
        table = CONVOLUTIONS[self.backbone]
        last = table.index(convolution_of(layer, self.backbone))
        x = F.relu(maps)
        for index in range(last, -1, -1):
            step = table[index]
            x = self._transposed(x, step, self._input_size(index, switches, size))
            if step.conv in switches:
                x = _unpooled(x, switches[step.conv])
            if index:
                x = F.relu_(x)
        return x

    def _transposed(self, x: Tensor, step: Convolution, below: tuple[int, int]) -> Tensor:
        """The transposed convolution. below: size [H, W] of what the convolution read."""
        weight, _ = self._layers[step.conv]
        reached = [(side - 1) * step.step - 2 * step.padding + step.kernel for side in x.shape[2:]]
        rest = (below[0] - reached[0], below[1] - reached[1])
        return F.conv_transpose2d(
            x, weight, stride=step.step, padding=step.padding, output_padding=rest, groups=step.groups
        )

    def _input_size(self, index: int, switches: dict[str, Switches], size: tuple[int, int]) -> tuple[int, int]:
        """Size [H, W] of what a convolution read: that of the picture, after the convolutions and poolings below."""
        for step in CONVOLUTIONS[self.backbone][: index + 1]:
            if step.pooling:
                height, width = switches[step.conv].indices.shape[2:]
                size = (height, width)
            if step is not CONVOLUTIONS[self.backbone][index]:
                size = (_convolved(size[0], step), _convolved(size[1], step))
        return size


@dataclass(frozen=True)
class FeatureStep:
    """A picture was looked through, or a response projected. done: such steps so far; total: how many there will be at
    most; it falls when fewer responses are found than were asked for."""

    done: int
    total: int


@dataclass(frozen=True)
class Visualized:
    """What came of it.

    sheet: float32 [1, 3, H, W] on the CPU, sRGB 0..1, in the size of `Sheet.of(query, ...)`; None if the filter
    responds to none of the pictures. found: how many responses there were to show, at most `count`. steps: done.
    stopped_early: EndNow came before the last.
    """

    sheet: Tensor | None
    found: int
    steps: int
    stopped_early: bool


def visualize(
    network: DeconvNetwork, pictures: Sequence[Tensor], query: FeatureQuery
) -> Generator[FeatureStep, EndNow | None, Visualized]:
    """Look through pictures and show the strongest responses.

    pictures: float32 [1, 3, H, W], sRGB 0..1, each at least as large as the network needs; one is held at a time, and
    those with a response are asked for twice. Whoever iterates may `send` EndNow: sent while pictures are looked
    through, it goes on to show what was found so far; sent later, it leaves blank what was not projected yet.
    """
    field = receptive_field(query.layer, network.backbone)
    responses: list[Response] = []
    done, cut_short = 0, False
    for number in range(len(pictures)):
        maps, _ = network.up(255.0 * pictures[number], query.layer)
        responses += strongest(maps[0, query.filter], number, query.count, field)
        del maps
        done += 1
        if (yield FeatureStep(done, len(pictures) + query.count)) and done < len(pictures):
            cut_short = True
            break
    responses = sorted(responses, key=lambda response: -response.value)[: query.count]
    if not responses:
        return Visualized(None, 0, done, cut_short)
    total = done + len(responses)
    sheet = Sheet.of(query, network.backbone)
    paper = torch.full((1, 3, sheet.height, sheet.width), _PAPER)
    for index, response, pixels, picture in _projected(network, pictures, query, responses):
        for right, shown in ((False, pixels), (True, picture)):
            _paste(paper, _cut(shown.cpu(), response, field), sheet, index, right=right)
        done += 1
        if (yield FeatureStep(done, total)) and done < total:
            cut_short = True
            break
    return Visualized(paper, len(responses), done, cut_short)


def _projected(
    network: DeconvNetwork, pictures: Sequence[Tensor], query: FeatureQuery, responses: Sequence[Response]
) -> Iterator[tuple[int, Response, Tensor, Tensor]]:
    """Each response with its place in the order, its projection [1, 3, H, W] in sRGB 0..1, and its picture: one picture
    after the other, so that the way up is gone once for each."""
    for number in sorted({response.picture for response in responses}):
        picture = pictures[number]
        size = (picture.shape[2], picture.shape[3])
        maps, switches = network.up(255.0 * picture, query.layer)
        alone = torch.zeros_like(maps)
        del maps
        for index, response in enumerate(responses):
            if response.picture != number:
                continue
            alone.zero_()
            alone[0, query.filter, response.row, response.column] = response.value
            pixels = network.down(alone, query.layer, switches, size)
            yield index, response, contrasted(pixels), picture


def contrasted(projection: Tensor) -> Tensor:
    """Return a projection [1, 3, H, W] as a picture, sRGB 0..1; middle gray is 0.

    A few pixels are far stronger than the others and would leave these gray, so the full range is what 99 % of the
    pixels that are not 0 keep within.
    """
    strengths = projection.abs().amax(1)
    strengths = strengths[strengths > 0].cpu()
    if not len(strengths):
        return torch.full_like(projection, _PAPER)
    full = strengths.sort().values[int(_WITHIN_RANGE * (len(strengths) - 1))]
    return _PAPER + _PAPER * (projection / full.to(projection)).clamp(-1.0, 1.0)


def strongest(responses: Tensor, picture: int, count: int, field: ReceptiveField) -> list[Response]:
    """The strongest units of a map [H', W'], strongest first, above 0, at most `count`.

    A unit whose field shares more than half its width and height with that of a stronger one is left out: it responds
    to the same thing.
    """
    reach = max(1, field.side // (2 * field.stride))
    left = responses.clone()
    found: list[Response] = []
    while len(found) < count:
        row, column = divmod(int(left.argmax()), left.shape[1])
        value = float(left[row, column])
        if not value > 0:
            break
        found.append(Response(value, picture, row, column))
        left[max(0, row - reach + 1) : row + reach, max(0, column - reach + 1) : column + reach] = 0
    return found


def _convolved(side: int, step: Convolution) -> int:
    return (side + 2 * step.padding - step.kernel) // step.step + 1


def _unpooled(x: Tensor, switches: Switches) -> Tensor:
    """What was pooled at the places where it was, zero elsewhere. Where windows overlap, shares add up."""
    batch, channels = x.shape[:2]
    height, width = switches.size
    flat = torch.zeros(batch, channels, height * width, device=x.device, dtype=x.dtype)
    flat.scatter_add_(2, switches.indices.flatten(2), x.flatten(2))
    return flat.view(batch, channels, height, width)


def _cut(picture: Tensor, response: Response, field: ReceptiveField) -> Tensor:
    """What a unit sees of a picture, [1, 3, side, side]; paper where it sees beyond."""
    cut = torch.full((1, 3, field.side, field.side), _PAPER)
    (top, bottom), (left, right) = field.span(response.row), field.span(response.column)
    inside = picture[..., max(0, top) : bottom, max(0, left) : right]
    row, column = max(0, -top), max(0, -left)
    cut[..., row : row + inside.shape[2], column : column + inside.shape[3]] = inside
    return cut


def _paste(paper: Tensor, cut: Tensor, sheet: Sheet, index: int, *, right: bool) -> None:
    left, top = sheet.place(index, right=right)
    enlarged = cut.repeat_interleave(sheet.enlargement, 2).repeat_interleave(sheet.enlargement, 3)
    paper[..., top : top + sheet.cell, left : left + sheet.cell] = enlarged

"""The painting itself: a generator of typed events.

`stylize` does no I/O and keeps no clock; whoever iterates decides what to look at. An event's tensors stay on the
device until its `losses` or `picture` is called, so a viewer who looks at few steps costs little. Closing the
generator between two steps stops the work and frees its memory; sending it a Steering steers the painting, and EndNow
ends it with what there is.
"""

from __future__ import annotations

from collections.abc import Generator

from stylized.engine.course import Course, NotFiniteError, ResumeError
from stylized.engine.fitting import tiling_warnings
from stylized.engine.job import EndNow, Event, Finished, Planned, Request, State, Step
from stylized.engine.needs import check_pictures
from stylized.engine.network import Network
from stylized.engine.parameters import Steering
from stylized.engine.schedule import plan, plan_warnings, style_size
from stylized.engine.targets import StyleSource, plan_regions

__all__ = [
    "EndNow",
    "Event",
    "Finished",
    "NotFiniteError",
    "Planned",
    "Request",
    "ResumeError",
    "State",
    "Step",
    "StyleSource",
    "stylize",
]


def stylize(network: Network, request: Request) -> Generator[Event, Steering | EndNow | None, None]:
    """Paint: yield Planned, then a Step after each step of the optimiser, from coarse to fine, then Finished.

    Whoever iterates may `send` a Steering: it holds from the next event on. The picture goes on from where it is.
    EndNow is answered by Finished.

    The same request gives the same bytes on the same machine with the same number of threads. Raises, before the
    first event, ParameterError (or UnknownLayerError), PictureTooSmallError, EmptyRegionError and ResumeError; later
    NotFiniteError, if the losses are not finite numbers from the start. Where they cease to be, the painting ends with
    the last good picture and a warning. A picture with NaN is never yielded by Finished.
    """
    parameters = request.parameters.validated()
    sizes, resumed = request.sizes, request.resume is not None
    check_pictures(sizes, parameters, resumed=resumed)
    levels = plan(sizes, parameters, resumed=resumed)
    for style in sizes.styles:
        style_size(*style, levels[0], parameters)  # refuses one that is too small for the network
    regions = plan_regions(request.styles, request.mask, levels[-1])
    warnings = (*plan_warnings(sizes, levels, parameters), *regions.warnings, *tiling_warnings(request.tilings))
    course = Course(network, request, levels, regions.in_use, warnings)
    yield Planned(levels, course.warnings)
    for level in levels:
        yield from course.paint(level)
        if course.ended:
            break
    yield course.finished()

"""Which pictures the parameters ask for: refused before anything is painted. Free of torch."""

from __future__ import annotations

from stylized.engine.choices import Init
from stylized.engine.parameters import ParameterError, Parameters
from stylized.engine.schedule import PictureSizes


class MissingPictureError(ParameterError):
    """A picture that is not there though a parameter needs it. `picture` is its name in a request."""

    def __init__(self, field: str, picture: str, message: str) -> None:
        super().__init__(field, message)
        self.picture = picture


def check_pictures(sizes: PictureSizes, parameters: Parameters, *, resumed: bool = False) -> None:
    """Raise MissingPictureError if a picture is missing from which the parameters take something.

    resumed: the painting goes on from an earlier one, so that `init` does not matter.
    """
    if sizes.content is None:
        if parameters.content_weight > 0:
            raise MissingPictureError(
                "content_weight", "content", "There is no photo to paint: send one, or set content_weight to 0."
            )
        if parameters.color < 1:
            raise MissingPictureError(
                "color", "content", "There is no photo whose colours could stay: send one, or set color to 1."
            )
    if not sizes.styles and parameters.style_weight > 0:
        raise MissingPictureError(
            "style_weight", "styles", "There is no style: add at least one, or set style_weight to 0."
        )
    if resumed:
        return
    if parameters.init is Init.CONTENT and sizes.content is None:
        raise MissingPictureError("init", "content", "There is no photo to start from: send one, or set init to noise.")
    if parameters.init is Init.STYLE_STATISTICS and not sizes.styles:
        raise MissingPictureError(
            "init", "styles", "There is no style whose colours could make the start: add one, or set init to noise."
        )
    if parameters.init is Init.IMAGE and sizes.init_image is None:
        raise MissingPictureError(
            "init", "init_image", "init is image, but there is none to start from: send init_image."
        )

"""Writing a painting where the photo came from: its profile, its EXIF data, and how it was made.

A file appears whole or not at all: it is encoded in memory, written beside its place under another name, flushed to
the disk and then renamed. What can be refused is refused by `check_output`, before hours of painting.

How it was made is kept in the file. PNG: text chunks `stylized:preset`, `stylized:parameters` (JSON), `stylized:seed`,
`stylized:precision`, `stylized:weights`, `stylized:weights_sha256`, `stylized:version`, `stylized:parameter_hash`.
JPEG, WebP and TIFF: the EXIF tag UserComment holds one JSON object with the same keys, as other image generators do;
a comment of the photo's own gives way to it.

The photo's EXIF data are kept except for what no longer holds: the orientation becomes 1, since the painting is
upright; the pixel sizes are the painting's; the embedded thumbnail and the tags that describe a TIFF's layout go. XMP
and IPTC blocks are not carried, because they repeat some of that in ways that cannot be corrected safely.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from stylize.errors import OutputExists, OutputUnwritable
from stylize.events import Started, Summary
from stylize.pictures import PhotoTraits
from stylize.tunables import TunableValue

TEXT_PREFIX = "stylized:"

_OPTIONS: dict[str, dict[str, Any]] = {
    # 4:4:4, because brush strokes live in the colour channels too.
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95, "method": 4},
    # Uncompressed: Pillow writes compressed ones through libtiff, which refuses EXIF directories.
    "TIFF": {},
    "PNG": {},
}
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
_WITHOUT_ALPHA = {"JPEG"}
_JPEG_EXIF_BYTES = 65533
"""What fits a JPEG marker segment after its length."""

# Tags of a TIFF's own layout (TIFF 6.0, sections 3 to 15) and blocks that would contradict the painting; 0x0100 and
# 0x0101 are the pixel sizes, 0x8773 the profile, 0x02BC XMP, 0x83BB IPTC, 0x8649 Photoshop's resources.
_LAYOUT_TAGS = {
    *(0x00FE, 0x00FF, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0107, 0x0108, 0x0109, 0x010A, 0x0111, 0x0115, 0x0116),
    *(0x0117, 0x0118, 0x0119, 0x011C, 0x0120, 0x0121, 0x0122, 0x0123, 0x013D, 0x0140, 0x0142, 0x0143, 0x0144, 0x0145),
    *(0x014A, 0x0152, 0x0153, 0x015B, 0x0200, 0x0201, 0x0202, 0x0211, 0x0212, 0x0213, 0x0214),
    *(0x02BC, 0x83BB, 0x8649, 0x8773),
}


@dataclass(frozen=True)
class Provenance:
    """How a painting was made; the names are the keys in the file."""

    preset: str
    parameters: dict[str, TunableValue]
    seed: int
    precision: str
    weights: str
    weights_sha256: str
    version: str
    parameter_hash: str

    @classmethod
    def of(cls, started: Started, summary: Summary) -> Provenance:
        """What the events of a job tell. Of a job that was stopped early, the iterations are those it did."""
        return cls(
            preset=started.preset,
            parameters={**summary.parameters, "iterations": summary.iterations},
            seed=summary.seed,
            precision=summary.precision,
            weights=summary.weights.name,
            weights_sha256=summary.weights.sha256,
            version=summary.server_version,
            parameter_hash=summary.parameter_hash,
        )


def check_output(path: Path, overwrite: bool) -> None:
    """Makes sure, as far as can be known, that a painting can be written to `path`.

    Raises OutputUnwritable for an unknown suffix or a folder that is missing or not writable, OutputExists if there is
    such a file and `overwrite` is false.
    """
    format_of(path)
    if path.is_dir():
        raise OutputUnwritable(f"{path} is a folder.", remedy="Name a file in it.")
    folder = path.parent
    if not folder.is_dir():
        raise OutputUnwritable(f"There is no folder {folder}.", remedy=f"Make it with `mkdir -p {folder}`.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputUnwritable(f"The folder {folder} is not writable for you.")
    if not overwrite and path.exists():
        raise _exists(path)


def format_of(path: Path) -> str:
    """Pillow's name of the format that the suffix asks for. Raises OutputUnwritable for another suffix."""
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        kind = f"the suffix {path.suffix}" if path.suffix else "no suffix"
        raise OutputUnwritable(
            f"{path} has {kind}, which names no format that a painting can be saved in.",
            remedy=f"Use one of {', '.join(_FORMATS)}.",
        ) from None


def keeps_alpha(path: Path) -> bool:
    """False if the format of this suffix has no transparency; the painting is then laid on white."""
    return format_of(path) not in _WITHOUT_ALPHA


def save_painting(
    painting: Image.Image, path: Path, traits: PhotoTraits, provenance: Provenance, *, overwrite: bool = False
) -> None:
    """Writes a painting (mode RGB or RGBA, sRGB, upright) with the traits of its photo.

    Raises OutputExists or OutputUnwritable; nothing is left half-written.
    """
    check_output(path, overwrite)
    write_whole(path, encode_painting(painting, path, traits, provenance), overwrite=overwrite)


def encode_painting(painting: Image.Image, path: Path, traits: PhotoTraits, provenance: Provenance) -> bytes:
    """The file that `save_painting` writes. Raises OutputUnwritable."""
    try:
        return _encode(painting, format_of(path), traits, provenance)
    except (OSError, ValueError) as error:
        raise OutputUnwritable(f"{path} could not be encoded: {error}.") from error


def write_whole(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Writes a file at once: it is never seen half-written, and an existing one survives a failure."""
    try:
        with _part_file(path, data) as part:
            if overwrite:
                part.replace(path)
            else:
                _move_unless_exists(part, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise OutputUnwritable(f"{path} could not be written: {error.strerror}.") from error


def rescue(data: bytes, name: str) -> Path | None:
    """Saves the daemon's PNG somewhere else when its place failed: the folder for temporary files, then the current
    one, then the user's home. None if that fails too."""
    for folder in (Path(tempfile.gettempdir()), Path.cwd(), Path.home()):
        try:
            handle, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".png", dir=folder)
        except OSError:
            continue
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError:
            Path(path).unlink(missing_ok=True)
            continue
        return Path(path)
    return None


def _encode(painting: Image.Image, kind: str, traits: PhotoTraits, provenance: Provenance) -> bytes:
    image = _to_profile(painting, traits.icc_profile)
    if kind in _WITHOUT_ALPHA and image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    options = dict(_OPTIONS[kind])
    exif = _carried_exif(traits.exif, image.size)
    if kind == "PNG":
        options["pnginfo"] = _png_text(provenance)
    else:
        exif.setdefault(ExifTags.IFD.Exif, {})[ExifTags.Base.UserComment] = _comment(provenance)
    if len(exif):
        options["exif"] = _fitting(exif) if kind == "JPEG" else exif.tobytes()
    if traits.icc_profile:
        options["icc_profile"] = traits.icc_profile
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _to_profile(painting: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """From sRGB to the photo's colours; the alpha stays."""
    if not icc_profile:
        return painting
    converted = ImageCms.profileToProfile(
        painting.convert("RGB"),
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(icc_profile)),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # only None when converting in place
    if painting.mode == "RGBA":
        converted.putalpha(painting.getchannel("A"))
    return converted


def _carried_exif(photo: Image.Exif, size: tuple[int, int]) -> Image.Exif:
    carried = Image.Exif()
    for tag, value in photo.items():
        if tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            carried[tag] = dict(photo.get_ifd(tag))
        elif tag not in _LAYOUT_TAGS:
            carried[tag] = value
    if not len(carried):
        return carried
    carried[ExifTags.Base.Orientation] = 1
    if ExifTags.IFD.Exif in carried:
        details = carried[ExifTags.IFD.Exif]
        details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight] = size
        # A pointer into the photo's file; what it points to (the name of an interoperability rule) is of no use here.
        details.pop(ExifTags.IFD.Interop, None)
    return carried


def _fitting(exif: Image.Exif) -> bytes:
    """As much of the EXIF data as a JPEG holds: without the maker's notes, else only how the painting was made."""
    data = exif.tobytes()
    details = exif[ExifTags.IFD.Exif]
    if len(data) > _JPEG_EXIF_BYTES and details.pop(ExifTags.Base.MakerNote, None):
        data = exif.tobytes()
    if len(data) > _JPEG_EXIF_BYTES:
        alone = Image.Exif()
        alone[ExifTags.IFD.Exif] = {ExifTags.Base.UserComment: details[ExifTags.Base.UserComment]}
        data = alone.tobytes()
    return data


def _comment(provenance: Provenance) -> bytes:
    return b"ASCII\0\0\0" + json.dumps(asdict(provenance)).encode("ascii")


def _png_text(provenance: Provenance) -> PngInfo:
    text = PngInfo()
    for key, value in asdict(provenance).items():
        text.add_text(TEXT_PREFIX + key, value if isinstance(value, str) else json.dumps(value))
    return text


@contextlib.contextmanager
def _part_file(path: Path, data: bytes) -> Iterator[Path]:
    """A file in the same folder with `data`, safely on the disk; removed unless it was moved away."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(0o666 & ~_umask())
        yield part
    finally:
        part.unlink(missing_ok=True)


def _move_unless_exists(part: Path, path: Path) -> None:
    try:
        path.hardlink_to(part)  # fails if there is such a file, unlike a rename
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        # A file system without hard links: the check is then not atomic.
        if path.exists():
            raise FileExistsError(path) from None
        part.replace(path)


def _exists(path: Path) -> OutputExists:
    return OutputExists(f"{path} is there already.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

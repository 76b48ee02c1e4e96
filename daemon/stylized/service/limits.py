"""What the daemon refuses beyond: the one home of every limit that is not a tunable's range."""

from __future__ import annotations

from dataclasses import dataclass

from stylized.engine.layers import MIN_SIDE

KIB = 1024
MIB = 1024 * KIB

MAX_MESSAGE_BYTES = 1 * MIB
"""Any message in either direction. Below gRPC's default of 4 MiB, so clients need no options."""

CHUNK_BYTES = 256 * KIB
"""Size of a result chunk: 1.35 GB/s was measured on loopback, larger chunks gain nothing."""

MAX_INLINE_IMAGE_BYTES = 512 * KIB
"""A picture inside a request: several fit a message of MAX_MESSAGE_BYTES together with the rest."""

MAX_FRAME_BYTES = MAX_MESSAGE_BYTES - 16 * KIB
"""A preview frame, so that it fits a message with its header."""

DEFAULT_FRAME_SIDE = 256
MIN_FRAME_SIDE = 16
MAX_FRAME_SIDE = 1024
MAX_RAW_FRAME_SIDE = 512
"""512 * 512 * 3 bytes fit a message, 1024 * 1024 * 3 do not."""

DEFAULT_FRAME_INTERVAL_S = 0.5

MIN_PROGRESS_INTERVAL_S = 0.05
"""Losses are read from the device no more often than this: each reading makes it wait."""

BATCH_PROGRESS_INTERVAL_S = 0.5
"""The same for jobs of batch priority, for which nobody waits: in small ones telling is what costs."""

WORKERS_PER_DEVICE = 1
"""Processes that paint, on each device, unless more are asked for: on a CPU the second halves the threads of the first,
so that who waits for one picture waits longer."""

MAX_AHEAD_BYTES = 16 * MIB
"""Pixels of a job that is made ready while others are painted. Larger ones are painted for so long that the time it
takes does not matter, but the memory would."""

MOST_STATES = 1000
"""States of finished jobs that can be painted on, in each worker, however small: their ids are told with each job."""

MAX_MEASUREMENTS_BYTES = 64 * MIB
"""What was measured of pictures of earlier jobs, in the workers of a device together: Gram matrices of block1 to block5
of VGG19 are 1.4 MiB at each size of a style, the relu4_2 of a photo is 6 MiB at 512 x 384."""

MAX_STYLES_BYTES = 64 * MIB
"""Styles of earlier jobs as the workers of a device paint with them: 32-bit floats, 6 MiB for 800 x 600."""

MASK_SHAPE_TOLERANCE = 0.01
"""By how much the width of a mask may differ from what its height and the picture's shape make it; a pixel is always
allowed, since a mask may be smaller, rounded."""


def progress_interval_s(*, batch: bool) -> float:
    """Least time between two reports of a job's progress."""
    return BATCH_PROGRESS_INTERVAL_S if batch else MIN_PROGRESS_INTERVAL_S


@dataclass(frozen=True)
class Limits:
    """Limits that a test or an administrator may change."""

    max_image_bytes: int = 512 * MIB
    max_image_pixels: int = 256_000_000
    max_image_side: int = 32_768
    min_image_side: int = MIN_SIDE
    max_styles: int = 8
    max_feature_pictures: int = 256
    """Pictures that one feature visualisation looks through: each is a block of shared memory, so an open file in the
    front end."""
    max_feature_pixels: int = 256_000_000
    """All of them together, in the size in which they are looked through."""
    max_queued_jobs: int = 16
    max_open_jobs: int = 64
    """Jobs that are waiting, running or being delivered: bounds what slow readers can make the daemon hold. Those whose
    outcome is kept for a reader who is not there are bounded by max_kept_bytes instead."""
    max_uploads_bytes: int = 1024 * MIB
    """All uploaded pictures together."""
    max_decoded_bytes: int = 128 * MIB
    """Samples of pictures that the next jobs may need, all together."""
    image_ttl_s: float = 3600.0
    """An unused upload is kept this long at least, while there is room."""
    detached_ttl_s: float = 3600.0
    """The outcome of a detached job that nobody fetches is kept this long, while there is room."""
    max_kept_bytes: int = 256 * MIB
    """All such outcomes together; the newest is kept whatever its size."""
    max_states_bytes: int = 512 * MIB
    """States of finished jobs that can be painted on, all together, in the workers' main memory. A pair of L-BFGS is
    two pictures of 32-bit floats: 20 pairs at 512 x 384 are 90 MiB."""
    drain_s: float = 30.0
    """Running jobs may go on this long after SIGTERM."""
    cancel_grace_s: float = 10.0
    """A worker that does not stop a cancelled job within this is killed and replaced."""
    worker_start_s: float = 120.0
    """A worker that is not ready after this is killed."""

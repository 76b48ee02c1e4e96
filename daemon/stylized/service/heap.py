"""The heap of the worker: what a step of a painting has freed is kept for the next step, and given back after the job.

glibc asks the system anew for each large block and returns it when it is freed. Every feature map then comes as fresh
pages, which the kernel has to clear: 50,000 page faults for one gradient at 512 px, a sixth of its time on the two
cores of a small server. Kept on the heap, the pages are faulted once; a painting's peak was the same in measurements.
What is accepted: while a job runs, the process stays as large as it was at its largest, and between jobs it may be
`SPARE_BYTES` larger than it need be. All threads share one heap: in one of its own each would leave holes of what it
allocates for a layer (`engine.crew`), about 25 MiB at 256 px. For large paintings it is left as it was
(`LARGEST_KEPT_BYTES`). Where the C library is another one, nothing is changed.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

SPARE_BYTES = 256 * 2**20
"""Below, giving back costs a small job more than it is worth: its pages would be faulted again by the next one."""

MOST_JOBS = 16
"""After so many jobs it is given back in any case: small holes between what is still in use add up. What that costs the
next small job, some milliseconds, is shared by all of them."""

LARGEST_KEPT_BYTES = 3 * 2**30
"""Of a painting for which it is done: 1024 px. Between the maps of larger ones holes are left: at 4096 px in blocks
they made 2.7 GiB of 13.4, and memory is what such paintings lack."""

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8
_NEVER, _DEFAULT_MMAP_MAX = 2**31 - 1, 65536
# The most that glibc comes to by itself (mallopt(3)), which it no longer does once one of them is set. What threads
# hold for a band of tiles is smaller, and would be fresh pages each time.
_MOST_ON_HEAP = 32 * 2**20


class Heap:
    """This process's heap; one instance, made before anything large is allocated."""

    def __init__(self) -> None:
        """Keep from now on what is freed."""
        self._libc = _glibc()
        if self._libc:
            self._libc.mallopt(_M_ARENA_MAX, 1)
        self.suit(0)
        self._least = _resident_bytes()
        self._jobs = 0

    def suit(self, job_bytes: int) -> None:
        """Keep what a job frees, or not, by how much memory it is going to take."""
        kept = job_bytes <= LARGEST_KEPT_BYTES
        if self._libc:
            self._libc.mallopt(_M_MMAP_MAX, 0 if kept else _DEFAULT_MMAP_MAX)
            self._libc.mallopt(_M_MMAP_THRESHOLD, _MOST_ON_HEAP)
            self._libc.mallopt(_M_TRIM_THRESHOLD, _NEVER if kept else 2 * _MOST_ON_HEAP)

    def give_back(self) -> None:
        """Return to the system what is free after a job, if it may be much."""
        self._jobs += 1
        if self._libc and (_resident_bytes() - self._least > SPARE_BYTES or self._jobs >= MOST_JOBS):
            self._libc.malloc_trim(0)
            self._least, self._jobs = _resident_bytes(), 0


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # TypeError: Windows
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None


def _resident_bytes() -> int:
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")

"""A daemon that dies, as of a signal, when it decodes a picture whose file has the word "deadly" in it.

Takes the arguments of `stylized`. Everything else is the real daemon.
"""

from __future__ import annotations

import os
import signal

from stylized.service import command, images
from stylized.service.images import Pixels
from stylized.service.limits import Limits

DEADLY = b"deadly"

_decode_file = images.decode_file


def decode_or_die(data: bytes, limits: Limits) -> Pixels:
    """Stands in for a decoder with a flaw."""
    if DEADLY in data:
        os.kill(os.getpid(), signal.SIGKILL)
    return _decode_file(data, limits)


if __name__ == "__main__":  # its worker imports this module too
    images.decode_file = decode_or_die
    command.main()

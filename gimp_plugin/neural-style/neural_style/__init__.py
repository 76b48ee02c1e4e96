"""The rooms of the GIMP plug-in.

Free of GIMP, and tested without it: words, failures, arguments, geometry, samples, orders, events, kept_list,
provenance, endpoints, client, session, doctor. GIMP and GEGL: profile, enlargement, pixels, painting, unattended.
GTK: preview, gallery, controls, live_preview, dialog. Arrows go from the last to the first.
"""

import sys
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "vendor"
"""Pure-Python copies of grpclib, protobuf and the contract, put there by `stylize gimp install`."""
if VENDOR.is_dir() and str(VENDOR) not in sys.path:
    sys.path.insert(0, str(VENDOR))

VERSION = "0.1.0"
"""Of the distribution it came with."""

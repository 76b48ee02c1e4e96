"""What a worker's process has before torch is loaded."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from stylized.service.worker_process import SPIN_COUNT

LOAD = "import os; from stylized.service.worker_process import wait_briefly; wait_briefly(os.environ); import torch"


@pytest.mark.skipif(sys.platform != "linux", reason="torch brings GNU's OpenMP on Linux alone")
@pytest.mark.parametrize(
    ("chosen", "count"), [({}, SPIN_COUNT), ({"GOMP_SPINCOUNT": "77"}, 77), ({"OMP_WAIT_POLICY": "passive"}, 0)]
)
def test_threads_that_wait_sleep_soon_unless_the_user_wants_it_otherwise(chosen: dict[str, str], count: int) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("GOMP_", "OMP_"))}
    environment = {**own, **chosen, "OMP_DISPLAY_ENV": "verbose"}
    loaded = subprocess.run([sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, check=True)
    told = re.search(r"GOMP_SPINCOUNT = '(\d+)'", loaded.stderr)
    assert told, loaded.stderr
    assert int(told[1]) == count

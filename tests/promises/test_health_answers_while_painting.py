"""Health and info answer within 50 ms while a job runs."""

from __future__ import annotations

import statistics
import time
from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc

from neuralstyle.v1 import stylize_pb2 as pb
from tests.real_daemon import RealDaemon, endless_request

CALLS = 100
LIMIT_S = 0.05


def test_health_and_info_answer_within_50_ms(daemon: RealDaemon) -> None:
    call = daemon.stylize().Stylize(endless_request(preview=pb.PreviewPolicy()))
    next(event for event in call if event.HasField("progress"))
    health: Any = health_pb2_grpc.HealthStub(daemon.channel())  # its methods are made at run time
    info = daemon.stylize()
    times = []
    try:
        for service in ("", "neuralstyle.v1.StylizeService"):
            assert health.Check(health_pb2.HealthCheckRequest(service=service)).status == 1
        for _ in range(CALLS):
            started = time.perf_counter()
            assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
            assert info.GetServerInfo(pb.GetServerInfoRequest()).worker_state == pb.WORKER_STATE_BUSY
            times.append((time.perf_counter() - started) / 2)
            time.sleep(0.01)
    finally:
        call.cancel()
    print(f"median {statistics.median(times) * 1e3:.1f} ms, worst {max(times) * 1e3:.1f} ms of {CALLS}")
    # The worst of a hundred may meet another process's turn on a shared machine; nine in ten must not.
    assert sorted(times)[int(0.9 * CALLS)] < LIMIT_S

"""AdminService: looking after the daemon."""

from __future__ import annotations

import os
from collections.abc import Callable

import grpc

from neuralstyle.v1 import admin_pb2 as pb
from neuralstyle.v1 import admin_pb2_grpc as rpc
from neuralstyle.v1.reasons import Reason
from stylized import __version__
from stylized.service.desk import JobDesk
from stylized.service.errors import ServiceError, abort
from stylized.service.jobs import Job, JobState
from stylized.service.queue import JobQueue
from stylized.service.supervisor import Supervisor

_STATES = {
    JobState.QUEUED: pb.JOB_STATE_QUEUED,
    JobState.RUNNING: pb.JOB_STATE_RUNNING,
    JobState.ENDED: pb.JOB_STATE_ENDED,
}


class AdminServicer(rpc.AdminServiceServicer):
    """Lists jobs and ends the daemon. `shut_down(grace)` starts the end; None is the daemon's own drain time."""

    def __init__(
        self,
        queue: JobQueue,
        desk: JobDesk,
        supervisor: Supervisor,
        shut_down: Callable[[float | None], None],
    ) -> None:
        self._queue = queue
        self._desk = desk
        self._supervisor = supervisor
        self._shut_down = shut_down

    async def ListJobs(  # noqa: N802 (gRPC's names)
        self, request: pb.ListJobsRequest, context: grpc.aio.ServicerContext
    ) -> pb.ListJobsResponse:
        """The running jobs, then the waiting ones in order, then those whose outcome is kept."""
        jobs = (*self._supervisor.at_work, *self._queue.waiting(), *self._desk.kept_jobs)
        return pb.ListJobsResponse(jobs=[_job_info(job) for job in jobs])

    async def SetResidency(  # noqa: N802
        self, request: pb.SetResidencyRequest, context: grpc.aio.ServicerContext
    ) -> pb.SetResidencyResponse:
        """Not offered yet."""
        await abort(context, _unavailable("load and free the network on request"))

    async def Drain(  # noqa: N802
        self, request: pb.DrainRequest, context: grpc.aio.ServicerContext
    ) -> pb.DrainResponse:
        """Not offered yet."""
        await abort(context, _unavailable("be drained without being stopped"))

    async def Shutdown(  # noqa: N802
        self, request: pb.ShutdownRequest, context: grpc.aio.ServicerContext
    ) -> pb.ShutdownResponse:
        """Starts the end and says which process it is."""
        grace = None
        if request.HasField("grace"):
            grace = max(0.0, request.grace.seconds + request.grace.nanos / 1e9)
        self._shut_down(grace)
        return pb.ShutdownResponse(pid=os.getpid())


def _unavailable(what: str) -> ServiceError:
    return ServiceError(
        Reason.FEATURE_UNAVAILABLE, f"This daemon (version {__version__}) cannot {what}; a newer one may."
    )


def _job_info(job: Job) -> pb.JobInfo:
    return pb.JobInfo(
        job_id=job.job_id,
        state=_STATES[job.state],
        client=job.spec.client,
        preset=job.spec.preset,
        iteration=job.iteration,
        iterations=job.iterations,
        detached=job.spec.detach,
    )

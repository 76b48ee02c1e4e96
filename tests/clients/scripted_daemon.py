"""A daemon that does what a test tells it: the contract over a real grpcio server, with a script in place of a painter.

By default every job succeeds: the painting is the uploaded photo, upright and in sRGB, with its colours inverted. A
test changes `ScriptedService.script`, `upload_error` and the like. It runs in the test's process, or, through `main`,
as a program that stands in for `stylized`.
"""

from __future__ import annotations

import hashlib
import io
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from PIL import Image, ImageOps

from neuralstyle.v1 import admin_pb2, admin_pb2_grpc, stylize_pb2_grpc
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import Endpoint, endpoint_file, home
from neuralstyle.v1.reasons import DOMAIN, Reason

Script = Callable[[pb.StylizeRequest, grpc.ServicerContext, bytes], Iterator[pb.StylizeResponse]]
RESULT_CHUNK = 64
"""Small, so that even small results come in several chunks."""


@dataclass
class Call:
    """What a call brought along."""

    method: str
    metadata: dict[str, str]


def abort(
    context: grpc.ServicerContext,
    reason: Reason | str,
    message: str,
    code: grpc.StatusCode | None = None,
    field: str = "",
) -> None:
    """Ends the call as the daemon does: code, sentence and ErrorInfo."""
    name = reason if isinstance(reason, str) else reason.name
    if code is None:
        assert isinstance(reason, Reason)
        code = reason.code
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN, metadata={"field": field} if field else {}))
    status = status_pb2.Status(code=code_pb2.Code.Value(code.name), message=message, details=[detail])
    context.abort_with_status(rpc_status.to_status(status))


def painting_of(photo: bytes) -> bytes:
    """The default painting: the upright photo with inverted colours, as PNG."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(photo)))
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    painting = ImageOps.invert(image.convert("RGB"))
    if alpha:
        painting.putalpha(alpha)
    return encode_png(painting)


def encode_png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def started() -> pb.StylizeResponse:
    parameters = pb.Tunables(size=64, iterations=4, pooling=pb.POOLING_AVERAGE)
    parameters.style_layers.layers.add(layer="relu1_1", weight=0.5)
    return pb.StylizeResponse(
        started=pb.Started(
            job_id="job-1",
            seed=7,
            device="cpu (scripted)",
            precision=pb.PRECISION_FP32,
            preset="draft",
            parameters=parameters,
            plan=[pb.Level(width=64, height=48, iterations=4)],
            memory_estimate_bytes=1000,
            backend="scripted",
        )
    )


def progress(iteration: int, iterations: int = 4) -> pb.StylizeResponse:
    message = pb.Progress(iteration=iteration, iterations=iterations, loss=1000.0 / iteration)
    message.terms.add(name="content", value=600.0 / iteration)
    message.terms.add(name="style", value=400.0 / iteration)
    message.elapsed.FromMilliseconds(10 * iteration)
    message.eta.FromMilliseconds(10 * (iterations - iteration))
    return pb.StylizeResponse(progress=message)


def frame(sequence: int) -> pb.StylizeResponse:
    stream = io.BytesIO()
    Image.new("RGB", (16, 12), (200, 10 * sequence, 0)).save(stream, "JPEG")
    return pb.StylizeResponse(
        frame=pb.Frame(
            sequence=sequence,
            iteration=sequence,
            width=16,
            height=12,
            format=pb.FRAME_FORMAT_JPEG,
            data=stream.getvalue(),
        )
    )


def result_chunks(painting: bytes) -> list[pb.StylizeResponse]:
    image = Image.open(io.BytesIO(painting))
    header = pb.ResultHeader(format=pb.RESULT_FORMAT_PNG, size_bytes=len(painting))
    header.pixels.width, header.pixels.height = image.size
    header.pixels.channels = len(image.getbands())
    chunks = [painting[start : start + RESULT_CHUNK] for start in range(0, len(painting), RESULT_CHUNK)]
    return [
        pb.StylizeResponse(result_chunk=pb.ResultChunk(header=header if index == 0 else None, data=data))
        for index, data in enumerate(chunks)
    ]


def summary(**changes: object) -> pb.StylizeResponse:
    message = pb.Summary(
        job_id="job-1",
        iterations=4,
        loss=250.0,
        seed=7,
        device="cpu (scripted)",
        precision=pb.PRECISION_FP32,
        server_version="9.8.7",
        weights=pb.WeightsInfo(name="vgg19-scripted", sha256="ab" * 32, backbone=pb.BACKBONE_VGG19),
        parameter_hash="cd" * 32,
        parameters=pb.Tunables(size=64, iterations=9, style_weight=500.0),
        **changes,  # pyright: ignore[reportArgumentType]
    )
    message.run_time.FromMilliseconds(1500)
    return pb.StylizeResponse(summary=message)


def paint(request: pb.StylizeRequest, context: grpc.ServicerContext, photo: bytes) -> Iterator[pb.StylizeResponse]:
    """The default script."""
    yield pb.StylizeResponse(queued=pb.Queued(job_id="job-1", jobs_ahead=0))
    yield started()
    for iteration in range(1, 5):
        yield progress(iteration)
        if request.HasField("preview"):
            yield frame(iteration)
    yield from result_chunks(painting_of(photo))
    yield summary()


@dataclass
class ScriptedService(stylize_pb2_grpc.StylizeServiceServicer, admin_pb2_grpc.AdminServiceServicer):
    """Both services of the contract."""

    script: Script = paint
    max_queued_jobs: int = 0
    max_inline_image_bytes: int = 0
    workers: list[pb.WorkerStatus] = field(default_factory=list)
    """Told as a limit; 0 is what a daemon says that does not know of it."""
    features: list[str] = field(default_factory=lambda: ["stylize", "upload-image", "masks"])
    token: str | None = None
    """What calls over TCP must carry."""
    jobs: list[admin_pb2.JobInfo] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    requests: list[pb.StylizeRequest] = field(default_factory=list)
    watched: list[pb.WatchJobRequest] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    """Ids that CancelJob was called with."""
    has_watch_job: bool = False
    """Else it is a daemon older than WatchJob, which knows no such method."""
    gone: set[str] = field(default_factory=set)
    """Ids that CancelJob does not know."""
    thumbnail: bytes = b""
    """Of every built-in style."""
    uploads: dict[str, bytes] = field(default_factory=dict)
    headers: list[pb.UploadHeader] = field(default_factory=list)
    chunk_sizes: list[int] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when a job's stream died before its end."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a WatchJob has ended, whatever way."""
    on_shutdown: Callable[[], None] = lambda: None

    def methods(self) -> list[str]:
        """Names of the calls so far."""
        return [call.method for call in self.calls]

    def _note(self, method: str, context: grpc.ServicerContext) -> None:
        metadata = {str(key): str(value) for key, value in context.invocation_metadata()}
        self.calls.append(Call(method, metadata))
        if (
            self.token
            and not context.peer().startswith("unix")
            and metadata.get("authorization") != f"Bearer {self.token}"
        ):
            abort(context, Reason.BAD_TOKEN, "The call carried no token, or a wrong one.")

    def Stylize(self, request, context):  # noqa: N802
        self._note("Stylize", context)
        self.requests.append(request)
        photo = request.content.encoded or self.uploads.get(request.content.image_id)
        if photo is None and request.HasField("content"):
            abort(context, Reason.IMAGE_NOT_FOUND, "The image id is unknown.", field="content")
        done = False

        def finished() -> None:
            if not done:
                self.cancelled.set()

        context.add_callback(finished)
        yield from self.script(request, context, photo or b"")
        done = True

    def UploadImage(self, request_iterator, context):  # noqa: N802
        self._note("UploadImage", context)
        data = b""
        for message in request_iterator:
            if message.WhichOneof("part") == "header":
                self.headers.append(message.header)
            else:
                self.chunk_sizes.append(len(message.chunk))
                data += message.chunk
        image_id = "sha256:" + hashlib.sha256(data).hexdigest()
        self.uploads[image_id] = data
        return pb.UploadImageResponse(image_id=image_id, width=64, height=48)

    def WatchJob(self, request, context):  # noqa: N802
        self._note("WatchJob", context)
        if not self.has_watch_job:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")  # as grpc says it, without details
        self.watched.append(request)
        if request.job_id != "job-1":
            abort(context, Reason.JOB_NOT_FOUND, "No job has this id.", field="job_id")
        context.add_callback(self.left.set)
        for response in self.script(pb.StylizeRequest(), context, b""):
            yield pb.WatchJobResponse(event=response)

    def CancelJob(self, request, context):  # noqa: N802
        self._note("CancelJob", context)
        self.stopped.append(request.job_id)
        if request.job_id in self.gone:
            abort(context, Reason.JOB_NOT_FOUND, "No job has this id.", field="job_id")
        return pb.CancelJobResponse(was_active=not request.keep)

    def UpdateJob(self, request, context):  # noqa: N802
        self._note("UpdateJob", context)
        return pb.UpdateJobResponse(parameters=request.tunables)

    def GetServerInfo(self, request, context):  # noqa: N802
        self._note("GetServerInfo", context)
        info = pb.GetServerInfoResponse(
            server_version="9.8.7",
            api_versions=["neuralstyle.v1"],
            features=self.features,
            worker_state=pb.WORKER_STATE_READY,
            device="cpu (scripted)",
            weights=pb.WeightsInfo(name="vgg19-scripted", sha256="ab" * 32, backbone=pb.BACKBONE_VGG19),
            running_jobs=sum(job.state == admin_pb2.JOB_STATE_RUNNING for job in self.jobs),
            queued_jobs=sum(job.state == admin_pb2.JOB_STATE_QUEUED for job in self.jobs),
            default_preset="gatys",
        )
        info.all_weights.add().CopyFrom(info.weights)
        info.workers.extend(self.workers)
        info.start_time.FromSeconds(int(time.time()) - 3700)
        info.limits.max_image_bytes = 50_000_000
        info.limits.max_size = 4096
        info.limits.max_inline_image_bytes = self.max_inline_image_bytes
        info.limits.max_queued_jobs = self.max_queued_jobs
        info.limits.max_feature_pictures = 3
        info.limits.image_ttl.FromSeconds(3600)
        return info

    def ListStyles(self, request, context):  # noqa: N802
        self._note("ListStyles", context)
        return pb.ListStylesResponse(
            styles=[
                pb.StyleInfo(
                    name=name,
                    title=name.title(),
                    artist="A. Painter",
                    rights="CC0",
                    width=400,
                    height=300,
                    thumbnail=self.thumbnail,
                )
                for name in ("woodblock", "mosaic")
            ]
        )

    def ListPresets(self, request, context):  # noqa: N802
        self._note("ListPresets", context)
        tunables = started().started.parameters
        return pb.ListPresetsResponse(
            presets=[
                pb.PresetInfo(
                    name=name,
                    description=f"The {name} preset.",
                    weights="vgg19-scripted",
                    tunables=tunables,
                    origins=[
                        pb.TunableOrigin(tunable="size", preset="gatys", source="--image-size"),
                        pb.TunableOrigin(tunable="iterations", preset=name, source="-n"),
                    ],
                )
                for name in ("gatys", "draft")
            ]
        )

    def ListJobs(self, request, context):  # noqa: N802
        self._note("ListJobs", context)
        return admin_pb2.ListJobsResponse(jobs=self.jobs)

    def Shutdown(self, request, context):  # noqa: N802
        self._note("Shutdown", context)
        threading.Timer(0.1, self.on_shutdown).start()
        return admin_pb2.ShutdownResponse(pid=os.getpid())


class RunningDaemon:
    """A served `ScriptedService` on a Unix socket and on loopback TCP, with its endpoint file."""

    def __init__(self, folder: Path, service: ScriptedService) -> None:
        self.folder = folder
        self.service = service
        self._sockets = tempfile.TemporaryDirectory(prefix="stylize-")  # short: socket paths end at 107 bytes
        self.unix_target = f"unix:{self._sockets.name}/daemon.sock"
        self._server = grpc.server(ThreadPoolExecutor(max_workers=8), options=[("grpc.so_reuseport", 0)])
        stylize_pb2_grpc.add_StylizeServiceServicer_to_server(service, self._server)
        admin_pb2_grpc.add_AdminServiceServicer_to_server(service, self._server)
        health_servicer = health.HealthServicer()
        health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(health_servicer, self._server)
        self._server.add_insecure_port(self.unix_target)
        self.tcp_target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def announce(
        self, targets: tuple[str, ...] | None = None, token: str = "", instance_id: str = "scripted"
    ) -> Endpoint:
        """Writes endpoint.json, with all targets unless told otherwise."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        token_path = self.folder / "token"
        token_path.write_text(token or self.service.token or "")
        endpoint = Endpoint(
            targets=(self.unix_target, self.tcp_target) if targets is None else targets,
            token_path=str(token_path),
            pid=os.getpid(),
            instance_id=instance_id,
            server_version="9.8.7",
            api_versions=("neuralstyle.v1",),
        )
        part = self.folder / "endpoint.part"
        part.write_text(endpoint.to_json())
        part.replace(endpoint_file(self.folder))
        return endpoint

    def stop(self) -> None:
        """Ends at once; open streams break."""
        self._server.stop(grace=None).wait()
        self._sockets.cleanup()


def main() -> None:
    """Stands in for the command `stylized`: notes its start in `starts`, takes a moment, serves until told to end."""
    folder = home()
    with (folder / "starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    print("scripted daemon", *sys.argv[1:], flush=True)
    if os.environ.get("SCRIPTED_FAILURE"):
        sys.exit("The weights are on fire.")
    time.sleep(0.5)
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    daemon = RunningDaemon(folder, ScriptedService(on_shutdown=end.set))
    daemon.announce(instance_id=f"run-{os.getpid()}")
    end.wait(60)
    endpoint_file(folder).unlink(missing_ok=True)
    daemon.stop()


if __name__ == "__main__":
    main()

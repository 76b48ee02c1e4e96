"""The worker process: holds the networks, paints one job at a time, and dies with its front end.

A process of its own, because killing it is the only complete way to free a device's memory or a poisoned CUDA context,
and because no computation here can keep the front end from answering. Signals that a terminal or a service manager
sends to the whole group are ignored: the front end decides when the worker ends, by closing the pipe.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection

import numpy as np
import torch

from neuralstyle.v1.reasons import Reason
from stylized.engine.backends import build_network, resolve_backend
from stylized.engine.choices import Backbone, Backend, Precision
from stylized.engine.features import DeconvNetwork
from stylized.engine.fitting import DoesNotFitError, Fit, Means, fit
from stylized.engine.lane import upload
from stylized.engine.measurements import Measurements
from stylized.engine.network import Network, Weights
from stylized.engine.parameters import ParameterError, Steering
from stylized.engine.precision import resolve_precision
from stylized.engine.recycled import forget
from stylized.engine.regions import EmptyRegionError
from stylized.engine.schedule import PictureTooSmallError
from stylized.engine.stylize import (
    EndNow,
    Event,
    Finished,
    NotFiniteError,
    Planned,
    Request,
    ResumeError,
    Step,
    StyleSource,
    stylize,
)
from stylized.service.convert import parameter_error
from stylized.service.decoded import DecodedImages
from stylized.service.device import Device, find_device, find_devices
from stylized.service.errors import ServiceError, no_weights
from stylized.service.feature_worker import FeatureJob
from stylized.service.heap import Heap
from stylized.service.limits import MAX_MEASUREMENTS_BYTES, MAX_STYLES_BYTES
from stylized.service.messages import (
    NO_STATE,
    FrameTaken,
    JobFailed,
    JobFinished,
    JobStarted,
    JobStopped,
    RunJob,
    ShowFeatures,
    SteerJob,
    StopJob,
    StyleBlock,
    WeightsFacts,
    WorkerReady,
    WorkerUnable,
)
from stylized.service.pixelblocks import BlockName, PixelBlock, close_all
from stylized.service.states import KeptStates
from stylized.service.viewer import Progress, Viewer
from stylized.service.warm_up import warm_up
from stylized.service.worker_pipe import Control, Pipe, PipeHandler
from stylized.service.worker_process import WorkerOptions
from stylized.weights import WeightsDamagedError, WeightsMissingError, load_all

NICENESS = 5
"""Painting takes all cores for minutes; the user's desktop, and the front end, go first."""

log = logging.getLogger(__name__)


def main(connection: Connection, options: WorkerOptions) -> None:
    """Runs the worker until the other end of `connection` is closed. Never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    pipe = Pipe(connection)
    logging.basicConfig(level=logging.INFO, handlers=[PipeHandler(pipe)], force=True)
    if options.threads or options.sharers > 1:
        torch.set_num_threads(max(1, (options.threads or torch.get_num_threads()) // options.sharers))
    device = find_device(options.device, options.memory_bytes)
    device.prepare()
    try:
        loaded = load_all(options.weights)
    except WeightsMissingError as error:
        pipe.send(WorkerUnable(Reason.WEIGHTS_MISSING.name, str(error)))
        return
    except WeightsDamagedError as error:
        pipe.send(WorkerUnable(Reason.WEIGHTS_DAMAGED.name, str(error)))
        return
    if options.precision is Precision.BF16 and resolve_precision(Precision.AUTO, device.device) is not Precision.BF16:
        log.warning(
            "%s has no arithmetic for bf16: it is emulated, and slower than fp32. Start the daemon with"
            " --precision fp32, or with auto, to paint faster.",
            device.name,
        )
    painter = _Painter(pipe, device, loaded, options)
    painter.warm_up()
    facts = tuple(WeightsFacts(one.backbone, one.name, one.sha256) for one in loaded.values())
    devices = tuple(str(one.device) for one in find_devices())
    memory_bytes = device.available_memory() if device.has_own_memory else None
    pipe.send(WorkerReady(device.name, facts, devices, memory_bytes))
    painter.run()


class _Painter:
    """Takes jobs from the pipe and paints them."""

    def __init__(self, pipe: Pipe, device: Device, weights: Mapping[Backbone, Weights], options: WorkerOptions) -> None:
        self._pipe = pipe
        self._device = device
        self._weights = weights
        self._backend = options.backend
        self._precision = options.precision
        self._networks: dict[tuple[Backbone, Precision, Backend], Network] = {}
        self._jobs: queue.SimpleQueue[RunJob | ShowFeatures] = queue.SimpleQueue()
        self._controls: dict[str, Control] = {}
        self._slot_free = threading.Event()
        self._heap = Heap()
        self._lost = False
        """This process cannot use its device any more."""
        self._states = KeptStates()
        self._styles = DecodedImages[torch.Tensor](MAX_STYLES_BYTES // options.sharers)
        self._measurements = Measurements(MAX_MEASUREMENTS_BYTES // options.sharers)

    def warm_up(self) -> None:
        """Has a GPU take its first steps, which are slow."""
        if self._device.device.type == "cuda" and Backbone.VGG19 in self._weights:
            precision = resolve_precision(Precision.AUTO, self._device.device)
            backend = resolve_backend(self._backend, self._device.device, precision)
            warm_up(lambda: self._network(Backbone.VGG19, precision, backend))

    def run(self) -> None:
        """Paints jobs for ever, or until the device is lost."""
        threading.Thread(target=self._listen, name="pipe", daemon=True).start()
        while True:
            job = self._jobs.get()
            self._pipe.send(self._outcome(job))
            del self._controls[job.job_id]
            forget()
            self._heap.give_back()
            if self._lost:
                log.error("a GPU that failed so fails at everything: this process ends, and another begins")
                os._exit(1)

    def _listen(self) -> None:
        while True:
            message = self._pipe.receive()
            if isinstance(message, (RunJob, ShowFeatures)):
                self._controls[message.job_id] = Control()
                self._jobs.put(message)
                continue
            control = self._controls.get(message.job_id)
            if control is None:  # it ended while the message was on its way
                continue
            if isinstance(message, StopJob):
                control.stop = message
            elif isinstance(message, SteerJob):
                control.steering.put(message.steering)
            elif isinstance(message, FrameTaken):
                self._slot_free.set()

    def _outcome(self, job: RunJob | ShowFeatures) -> JobFinished | JobStopped | JobFailed:
        """Does the job, whatever comes of it."""
        try:
            return self._show_features(job) if isinstance(job, ShowFeatures) else self._paint(job)
        except NotFiniteError as error:
            return JobFailed(job.job_id, Reason.NOT_FINITE.name, str(error))
        except ParameterError as error:
            refused = parameter_error(error)
            return JobFailed(job.job_id, refused.reason.name, refused.message, refused.field)
        except ResumeError as error:
            return JobFailed(job.job_id, Reason.INVALID_REQUEST.name, str(error), "resume_from")
        except PictureTooSmallError as error:
            return JobFailed(job.job_id, Reason.IMAGE_TOO_SMALL.name, error.message)
        except DoesNotFitError as error:
            return JobFailed(job.job_id, Reason.OUT_OF_MEMORY.name, error.message, "tunables.size")
        except EmptyRegionError as error:
            return JobFailed(job.job_id, Reason.INVALID_REQUEST.name, error.message, error.field)
        except ServiceError as error:
            return JobFailed(job.job_id, error.reason.name, error.message, error.field)
        except (MemoryError, torch.OutOfMemoryError):
            self._device.free_cache()
            return JobFailed(
                job.job_id,
                Reason.OUT_OF_MEMORY.name,
                f"The painting does not fit into the memory of {self._device.name}; use a smaller size.",
            )
        except Exception as error:
            if "can't allocate memory" in str(error):  # torch's CPU allocator raises a bare RuntimeError
                text = "The painting does not fit into memory; use a smaller size."
                return JobFailed(job.job_id, Reason.OUT_OF_MEMORY.name, text)
            log.exception("job %s: failed", job.job_id)
            self._lost = self._device.is_lost_after(error)
            text = "Something went wrong while painting; `stylize daemon logs` tells more."
            return JobFailed(job.job_id, Reason.INTERNAL.name, text)

    def _paint(self, job: RunJob) -> JobFinished | JobStopped | JobFailed:
        asked = self._precision if job.precision is Precision.AUTO else job.precision
        precision = resolve_precision(asked, self._device.device)
        backend = resolve_backend(self._backend, self._device.device, precision)
        self._device.reset_peak_memory()
        result = PixelBlock.open(job.result)
        slot = PixelBlock.open(job.frames.block) if job.frames else None
        try:
            state = self._states.get(job.resume_from)
            if job.resume_from and state is None:
                return JobFailed(job.job_id, Reason.JOB_NOT_FOUND.name, NO_STATE, "resume_from")
            request = Request(
                content=self._to_tensor(job.content) if job.content else None,
                styles=tuple(
                    StyleSource(
                        self._style(style),
                        style.weight,
                        self._to_mask(style.mask),
                        self._to_mask(style.source_mask),
                        style.name,
                    )
                    for style in job.styles
                ),
                parameters=job.parameters,
                seed=job.seed,
                init_image=self._to_tensor(job.init_image) if job.init_image else None,
                mask=self._to_mask(job.mask),
                resume=state,
                measurements=self._measurements,
                content_name=job.content_id,
            )
            fitted = self._fit(request, Means(precision, backend, torch.get_num_threads()))
            self._heap.suit(fitted.peak_bytes)
            network = self._network(job.parameters.backbone, precision, backend)
            events = stylize(network, replace(request, tilings=fitted.tilings))
            planned = next(events)
            assert isinstance(planned, Planned)
            estimate = fitted.peak_bytes
            self._pipe.send(JobStarted(job.job_id, planned.levels, precision, backend, estimate, planned.warnings))
            finished = self._follow(job, events, slot)
            if finished is None:
                return JobStopped(job.job_id, self._controls[job.job_id].steps)
            result.array[...] = finished.picture[0].permute(1, 2, 0).cpu().numpy()
            self._states.keep(job.job_id, finished.state, job.max_states_bytes)
            return JobFinished(
                job.job_id,
                finished.iterations,
                finished.losses,
                self._device.peak_memory(),
                finished.warnings,
                finished.stopped_early,
                self._states.job_ids,
                self._styles.image_ids,
            )
        finally:
            close_all([result, *([slot] if slot else [])])

    def _follow(
        self, job: RunJob, events: Generator[Event, Steering | EndNow | None, None], slot: PixelBlock | None
    ) -> Finished | None:
        """Runs the engine to its end, or to the step at which the job was to be kept; None if it was to be stopped."""
        control = self._controls[job.job_id]
        viewer = Viewer(job.job_id, job.frames, slot) if job.frames and slot else None
        progress = Progress(job.job_id, job.progress_interval_s, self._pipe.send)
        self._slot_free.set()
        while True:
            if control.stop and not control.stop.keep:
                return None
            event = events.send(control.next_order())
            if isinstance(event, Finished):
                return event
            assert isinstance(event, Step)
            control.steps = event.iteration
            now = time.monotonic()
            keep = control.stop is not None and control.stop.keep
            progress.follow(event, now, last=keep or event.iteration == event.iterations)
            if viewer and viewer.is_due(event.iteration, now) and self._slot_free.is_set():
                self._slot_free.clear()
                viewer.make(event, now)
            frame = viewer.finished() if viewer else None
            if frame:
                self._pipe.send(frame)

    def _show_features(self, order: ShowFeatures) -> JobFinished | JobStopped | JobFailed:
        if order.backbone not in self._weights:
            raise no_weights(order.backbone)
        self._device.reset_peak_memory()
        job, control = FeatureJob(order), self._controls[order.job_id]
        refusal = self._refuse_if_too_large(order.job_id, order.size, job.estimate_bytes)
        if refusal:
            return refusal
        self._pipe.send(job.started())
        network = DeconvNetwork(self._weights[order.backbone], device=self._device.device)
        shown = job.run(network, self._to_tensor, control, self._pipe.send)
        if shown is None:
            return JobStopped(order.job_id, control.steps)
        return job.finished(shown, self._device.peak_memory(), self._states.job_ids)

    def _fit(self, request: Request, means: Means) -> Fit:
        """How a painting fits into the free memory. Raises DoesNotFitError."""
        regions = sum(style.mask is not None for style in request.styles)
        order = partial(
            fit, request.sizes, request.parameters, means, regions=regions, resumed=request.resume is not None
        )
        try:
            found = order(self._device.available_memory())
            if not found.tilings:
                return found
        except DoesNotFitError:
            pass
        self._forget()
        return order(self._device.available_memory())

    def _forget(self) -> None:
        """Make room: a painting that is asked for goes before those that might be asked for again."""
        self._states.clear()
        self._styles.clear()
        self._measurements.clear()

    def _refuse_if_too_large(self, job_id: str, size: int, estimate: int) -> JobFailed | None:
        available = self._device.available_memory()
        if available is not None and estimate > available:
            self._forget()
            available = self._device.available_memory()
        if available is None or estimate <= available:
            return None
        return JobFailed(
            job_id,
            Reason.OUT_OF_MEMORY.name,
            f"The painting needs about {estimate / 2**30:.1f} GiB, but {available / 2**30:.1f} GiB are free on"
            f" {self._device.name}; a size of {int(size * (available / estimate) ** 0.5)} should fit.",
            "tunables.size",
        )

    def _network(self, backbone: Backbone, precision: Precision, backend: Backend) -> Network:
        """A network, kept for the next job. Raises ServiceError if there are no weights of it."""
        key = (backbone, precision, backend)
        if key not in self._networks:
            if backbone not in self._weights:
                raise no_weights(backbone)
            self._networks[key] = build_network(backend, self._weights[backbone], self._device.device, precision)
        return self._networks[key]

    def _to_tensor(self, name: BlockName) -> torch.Tensor:
        """The picture in a block: [1, C, H, W] float32 in 0..1 on the device."""
        block = PixelBlock.open(name)
        try:
            samples = upload(torch.from_numpy(np.array(block.array).reshape(*name.shape[:2], -1)), self._device.device)
        finally:
            block.close()
        top = 1.0 if samples.is_floating_point() else float(np.iinfo(name.dtype).max)
        return (samples.permute(2, 0, 1).unsqueeze(0).float() / top).contiguous()

    def _style(self, style: StyleBlock) -> torch.Tensor:
        """Its picture in the same way, kept for the next job."""
        pixels = self._styles.get(style.image_id)
        if pixels is None:
            assert style.block is not None
            pixels = self._to_tensor(style.block)
            self._styles.put(style.image_id, pixels)
        return pixels

    def _to_mask(self, name: BlockName | None) -> torch.Tensor | None:
        """[1, 1, H, W], in the same way."""
        return self._to_tensor(name) if name else None

"""What a worker is told of a job: the order, and the shared memory that it names. Small ones are made ready while other
jobs are painted, so that a worker need not wait for its next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from stylized.engine.schedule import plan
from stylized.service.errors import ServiceError
from stylized.service.feature_jobs import order_features
from stylized.service.jobs import Job, JobSpec
from stylized.service.limits import MAX_AHEAD_BYTES, Limits, progress_interval_s
from stylized.service.messages import FrameBlock, RunJob, ShowFeatures, StyleBlock
from stylized.service.pixelblocks import BlockName, PixelBlock, close_all
from stylized.service.uploads import ImageStore, StoredImage


@dataclass(frozen=True)
class Order:
    """What a worker is told. Close it when the job has ended."""

    message: RunJob | ShowFeatures
    result: PixelBlock
    """For the painting."""
    slot: PixelBlock | None
    """For preview frames."""
    blocks: list[PixelBlock]
    """All shared memory, the two included."""

    async def sharing_styles(self, job: Job, store: ImageStore, kept: Collection[str]) -> RunJob | ShowFeatures:
        """The message for a worker that keeps some pictures as styles from earlier jobs: those that it lacks are
        brought into shared memory. Raises as `make_order` does.

        kept: their image ids.
        """
        message = self.message
        if isinstance(message, ShowFeatures) or all(style.image_id in kept for style in message.styles):
            return message
        styles = []  # all of them: a new one may drive out what is kept
        for style, spec in zip(message.styles, job.spec.styles, strict=True):
            block = PixelBlock.holding((await store.decode(spec.image, last=False)).rgb)
            self.blocks.append(block)
            styles.append(replace(style, block=block.name))
        return replace(message, styles=tuple(styles))

    def close(self) -> None:
        """Frees the shared memory."""
        close_all(self.blocks)


async def make_order(job: Job, store: ImageStore, limits: Limits) -> Order:
    """Brings a job's pixels, but for those of styles, into shared memory.

    Raises ServiceError if there is no room, or a picture has gone bad.
    """
    blocks: list[PixelBlock] = []

    def keep(block: PixelBlock) -> PixelBlock:
        blocks.append(block)
        return block

    try:
        if job.spec.features:
            message, result = await order_features(job, job.spec.features, store, keep)
            slot = None
        else:
            message, result, slot = await _order_painting(job, store, limits, keep)
    except BaseException:
        close_all(blocks)
        raise
    return Order(message, result, slot, blocks)


async def _order_painting(
    job: Job, store: ImageStore, limits: Limits, keep: Callable[[PixelBlock], PixelBlock]
) -> tuple[RunJob, PixelBlock, PixelBlock | None]:
    spec = job.spec

    async def shared(stored: StoredImage, *, last: bool = False) -> BlockName:
        return keep(PixelBlock.holding((await store.decode(stored, last=last)).rgb)).name

    async def masked(stored: StoredImage | None) -> BlockName | None:
        return keep(PixelBlock.holding(await store.decode_mask(stored))).name if stored else None

    level = plan(spec.sizes, spec.parameters, resumed=bool(spec.resume_from))[-1]
    content = await shared(spec.content, last=True) if spec.content else None
    init_image = await shared(spec.init_image) if spec.init_image else None
    styles = []
    for style in spec.styles:
        styles.append(
            StyleBlock(
                block=None,
                image_id=style.image.image_id,
                source_mask_id=style.source_mask.image_id if style.source_mask else "",
                weight=style.weight,
                mask=await masked(style.mask),
                source_mask=await masked(style.source_mask),
            )
        )
    result = keep(PixelBlock.make((level.height, level.width, 3), "<f4"))
    slot = frames = None
    if spec.preview:
        wanted = spec.preview
        slot = keep(PixelBlock.make((wanted.max_side**2 * 3,), "u1"))
        frames = FrameBlock(slot.name, wanted.max_side, wanted.min_interval_s, wanted.every_iterations)
    message = RunJob(
        job_id=job.job_id,
        content=content,
        styles=tuple(styles),
        init_image=init_image,
        parameters=spec.parameters,
        precision=spec.precision,
        seed=spec.seed,
        result=result.name,
        frames=frames,
        progress_interval_s=progress_interval_s(batch=spec.batch),
        mask=await masked(spec.mask),
        resume_from=spec.resume_from,
        content_id=spec.content.image_id if spec.content else None,
        max_states_bytes=limits.max_states_bytes,
    )
    return message, result, slot


class OrdersAhead:
    """Orders of jobs that are next in line. Lives on the event loop's thread."""

    def __init__(self, store: ImageStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._making: dict[Job, asyncio.Task[Order]] = {}

    def want(self, jobs: Iterable[Job]) -> None:
        """Makes the orders of these jobs ready, if they are small, and drops all others."""
        wanted = [job for job in jobs if _is_small(job.spec)]
        for job in self._making.keys() - set(wanted):
            _drop(self._making.pop(job))
        for job in wanted:
            if job not in self._making:
                self._making[job] = asyncio.create_task(make_order(job, self._store, self._limits))

    async def take(self, job: Job) -> Order:
        """The order of a job that is begun, which now is its keeper's. Raises as `make_order` does."""
        making = self._making.pop(job, None)
        if making is not None:
            try:
                return await making
            except ServiceError:  # it had no room beside others, and may have now
                pass
            except asyncio.CancelledError:
                _drop(making)
                raise
        return await make_order(job, self._store, self._limits)

    def close(self) -> None:
        """Drops all of them."""
        self.want(())


def _is_small(spec: JobSpec) -> bool:
    pixels = sum(picture.width * picture.height for picture in spec.pictures())
    if not spec.features:
        level = plan(spec.sizes, spec.parameters, resumed=bool(spec.resume_from))[-1]
        pixels += 4 * level.width * level.height  # 32-bit floats
    return 3 * pixels <= MAX_AHEAD_BYTES


def _drop(making: asyncio.Task[Order]) -> None:
    def free(task: asyncio.Task[Order]) -> None:
        if not task.cancelled() and task.exception() is None:
            task.result().close()

    making.cancel()
    making.add_done_callback(free)

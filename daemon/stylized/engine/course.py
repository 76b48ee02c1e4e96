"""The course of one painting through its levels: what changes while it is painted lives here.

A level's targets are captured at its size, and all of it is freed before the next level's are. What passes from level
to level is the picture, and what the optimiser knows that holds at any size.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from random import Random

import torch
from torch import Tensor

from stylized.engine.backends import lane_of
from stylized.engine.canvas import Canvas, photo_at
from stylized.engine.choices import ColorMethod
from stylized.engine.iterates import Iterates, make_iterates
from stylized.engine.job import EndNow, Finished, Request, State, Step, fingerprint, numbers
from stylized.engine.looks import Looks
from stylized.engine.needs import check_pictures
from stylized.engine.network import Network
from stylized.engine.objective import Evaluation, Objective
from stylized.engine.optimizers import MAX_REJECTIONS, Descent, make_optimizer
from stylized.engine.parameters import LossWeights, Steering
from stylized.engine.resample import rescale
from stylized.engine.schedule import Level
from stylized.engine.stepping import Stepping

# How often it is looked whether the walk still gets anywhere. `plateau` is defined by it.
_CHECK_EVERY = 10


class NotFiniteError(ArithmeticError):
    """The objective is not finite anywhere near the picture, so it cannot be painted."""

    def __init__(self) -> None:
        super().__init__(
            "The losses are not finite numbers: use smaller weights, a smaller learning_rate or precision fp32."
        )


class ResumeError(ValueError):
    """The state to go on from is of a picture with other proportions."""


@dataclass
class Stage:
    """What there is of a painting at one level."""

    canvas: Canvas
    objective: Objective
    walk: Descent
    iterates: Iterates
    stepping: Stepping
    looks: Looks


class Course:
    """One painting on its way. `ended` tells that it shall not go on to another level."""

    def __init__(
        self,
        network: Network,
        request: Request,
        levels: tuple[Level, ...],
        in_use: Sequence[int],
        warnings: tuple[str, ...],
    ) -> None:
        """Begin. in_use: of RegionPlan. warnings: what the user should know from the start. Raises ResumeError."""
        self._network = network
        self._lane = lane_of(network)
        self._request = request
        self._in_use = in_use
        self._full = levels[-1]
        self._parameters = request.parameters
        # What the present objective was built from.
        self._minimised = request.parameters
        self._iteration = 0
        self._iterations = sum(level.iterations for level in levels)
        self._earlier_steps = 0
        self._stage: Stage | None = None
        # The losses of the last picture that was known to be good, for the case that no later one is.
        self._good: dict[str, float] | None = None
        self.warnings = warnings
        self.ended = False
        if request.resume:
            _check_proportions(request.resume, self._full)

    def paint(self, level: Level) -> Generator[Step, Steering | EndNow | None, None]:
        """Take the steps of a level, or fewer if they lead nowhere. Raises NotFiniteError."""
        self._enter(level)
        stage = self._at
        reference = float("inf")
        for number in range(1, level.iterations + 1):
            self._iteration += 1
            stage.stepping.step(self._evaluate, 1 + level.iterations - number)
            over = False
            look = stage.looks.look(stage.walk, last=number == level.iterations) if number % _CHECK_EVERY == 0 else None
            if look:
                over = look.rejections >= MAX_REJECTIONS and self._is_stuck(stage)
                if self._parameters.plateau > 0:
                    over |= reference - look.total < self._parameters.plateau * abs(reference)
                    reference = look.total
            if over:
                self._iterations -= level.iterations - number
            order = yield self._step(stage)
            if isinstance(order, EndNow):
                self._end_now(order)
                return
            if order:
                self._steer(order, stage, last=over or number == level.iterations)
                reference = float("inf")
            if over:
                return

    def finished(self) -> Finished:
        """Return the painting at the full size. Raises NotFiniteError if no picture was ever good."""
        stage = self._at
        stage.stepping.end()
        canvas, point, held = stage.canvas, stage.iterates.point, stage.canvas.held
        losses = _finite(stage.iterates.evaluation or stage.objective.evaluate(held.shown(point) if held else point))
        losses = losses or _finite(stage.walk.evaluation) or self._good
        if canvas.level != self._full:
            point = rescale(point, self._full.width, self._full.height)
            canvas = self._canvas(self._full)
        picture = canvas.shown(self._parameters).picture(point)
        if losses is None or not torch.isfinite(picture).all():
            raise NotFiniteError
        early = self.ended and self._iteration < self._iterations
        return Finished(picture, losses, self._iteration, self.warnings, early, self._state(stage))

    @property
    def _at(self) -> Stage:
        assert self._stage is not None, "no level was entered"
        return self._stage

    def _step(self, stage: Stage) -> Step:
        return Step(
            self._iteration,
            self._iterations,
            stage.canvas.level,
            stage.stepping.evaluation,
            stage.stepping.point,
            stage.canvas.shown(self._parameters),
            self._lane,
        )

    def _enter(self, level: Level) -> None:
        """Bring everything to a level's size."""
        iterates = make_iterates(self._parameters)
        if self._stage is None:
            canvas = self._canvas(level)
            state = self._request.resume
            walk = self._resumed(state, level, iterates) if state else self._first_walk(canvas)
        else:
            self._note_good(self._stage.walk.evaluation)
            start = self._grown(self._stage, level)
            walk = self._stage.walk
            self._stage = None  # before the next takes its memory
            walk.resample(start)
            canvas = self._canvas(level)
        objective = self._objective(canvas)
        self._stage = Stage(canvas, objective, walk, iterates, self._stepping(walk, iterates), Looks(self._lane))

    def _canvas(self, level: Level) -> Canvas:
        return Canvas(self._network, self._request, level, self._parameters, self._in_use)

    def _objective(self, canvas: Canvas) -> Objective:
        self._minimised = self._parameters
        return canvas.objective(self._parameters)

    def _stepping(self, walk: Descent, iterates: Iterates) -> Stepping:
        repeats = self._parameters.jitter == 0
        return Stepping(walk, iterates, self._lane, repeats=repeats)

    def _first_walk(self, canvas: Canvas) -> Descent:
        return make_optimizer(canvas.start(self._parameters), self._parameters)

    def _resumed(self, state: State, level: Level, iterates: Iterates) -> Descent:
        """Stand where an earlier painting stood, with what it knew as far as optimiser, size and objective agree."""
        parameters, device = self._parameters, self._network.device
        self._earlier_steps = state.steps
        point = state.point.to(device)
        same_size = state.size == (level.width, level.height)
        start = point if same_size else rescale(point, level.width, level.height)
        if not state.has_optimizer_of(parameters):
            return make_optimizer(start, parameters)
        walk = make_optimizer(point, parameters)
        walk.load_state(state.walk)
        if not same_size:
            walk.resample(start)
        elif not state.has_objective_of(parameters, fingerprint(self._request, self._network.dtype)):
            walk.objective_changed()
        elif state.parameters.iterate is parameters.iterate:
            iterates.load_state(state.iterates, device)
        return walk

    def _grown(self, stage: Stage, level: Level) -> Tensor:
        """The picture at the next level's size, with the photo's detail that the coarser size could not show."""
        start = rescale(stage.iterates.point, level.width, level.height)
        share, coarse = self._parameters.pyramid_detail, stage.canvas.photo
        fine = photo_at(self._network, self._request, level)
        if share > 0 and coarse is not None and fine is not None:
            start += share * 255.0 * (fine - rescale(coarse, level.width, level.height))
        return start

    def _evaluate(self, image: Tensor) -> Evaluation:
        held = self._at.canvas.held
        return held.around(self._jittered)(image) if held else self._jittered(image)

    def _jittered(self, image: Tensor) -> Evaluation:
        objective, reach = self._at.objective, self._parameters.jitter
        if reach == 0:
            return objective.evaluate(image)
        step = self._earlier_steps + self._iteration
        random = Random(f"{self._request.seed} {step}")  # noqa: S311
        down, right = random.randint(-reach, reach), random.randint(-reach, reach)
        found = objective.evaluate(image.roll((down, right), (2, 3)))
        return replace(found, gradient=found.gradient.roll((-down, -right), (2, 3)))

    def _steer(self, steering: Steering, stage: Stage, *, last: bool) -> None:
        """Paint on with other values. last: no step follows at this level."""
        before = self._parameters
        self._parameters = steering.applied_to(before)
        check_pictures(self._request.sizes, self._parameters, resumed=True)
        recolored = self._parameters.color != before.color and before.color_method is not ColorMethod.LUMINANCE
        if recolored:
            stage.canvas.match_colors(self._parameters)
        if last or not (recolored or LossWeights.of(self._parameters) != LossWeights.of(before)):
            return
        self._note_good(stage.walk.evaluation)
        stage.stepping.end()
        # Built anew, since a weight of 0 leaves its targets out; that costs less than a step.
        stage.objective = self._objective(stage.canvas)
        stage.walk.objective_changed()
        stage.iterates.objective_changed()
        # What was recorded or looked at is of the objective before.
        stage.stepping, stage.looks = self._stepping(stage.walk, stage.iterates), Looks(self._lane)

    def _end_now(self, order: EndNow) -> None:
        if order.color is not None:
            self._parameters = replace(self._parameters, color=order.color)
        self.ended = True

    def _is_stuck(self, stage: Stage) -> bool:
        """Whether the walk finds no more step; the user is told. Raises NotFiniteError if no picture was ever good."""
        if not stage.walk.is_stuck():
            return False
        level = stage.canvas.level
        self._note_good(stage.walk.evaluation)
        if self._good is None:
            raise NotFiniteError
        what = "the painting is the one before it" if level == self._full else "it went on from there at the next size"
        self.warnings += (
            f"No step after step {self._iteration - MAX_REJECTIONS} at {level.width} x {level.height} pixels led to "
            f"losses that are finite numbers, so {what}: smaller weights, a smaller learning_rate or precision fp32 "
            "may lead further.",
        )
        return True

    def _note_good(self, evaluation: Evaluation) -> None:
        self._good = _finite(evaluation) or self._good

    def _state(self, stage: Stage) -> State:
        return State(
            point=stage.iterates.point,
            walk=stage.walk.state(),
            iterates=stage.iterates.state(),
            parameters=self._minimised,
            steps=self._earlier_steps + self._iteration,
            pictures=fingerprint(self._request, self._network.dtype),
        )


def _finite(evaluation: Evaluation) -> dict[str, float] | None:
    return numbers(evaluation) if torch.isfinite(evaluation.total) else None


def _check_proportions(state: State, level: Level) -> None:
    """A state's sides are within half a pixel of the proportions, and so are the level's."""
    width, height = state.size
    if abs(width * level.height - height * level.width) > (width + height + level.width + level.height) / 2:
        raise ResumeError(
            f"The painting to go on from is {width} x {height} pixels, which are not the proportions of the "
            f"{level.width} x {level.height} asked for: use the same photo."
        )

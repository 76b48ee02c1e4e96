"""The steps of one walk under one objective: ordered one operation at a time, and once that pays, as a recording.

A recording holds all of a step: the network forward and backward, the losses, the optimiser, the average. It reads and
writes one set of tensors, which are the walk's from then on; what is shown of a step is a copy of them, so a picture
that was taken stays what it was.

It is a shortcut and nothing else. Where the device refuses to record, or the recording's first step is not what the
same step gives without it, the walk goes on as before, with a line in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import torch
from torch import Tensor

from stylized.engine.iterates import Iterates
from stylized.engine.lane import Lane, first_line
from stylized.engine.objective import Evaluation
from stylized.engine.optimizers import Descent, Evaluate
from stylized.engine.optimizers.memory import Memory
from stylized.engine.recorder import Recorder, Work

log = logging.getLogger(__name__)

# The first steps are quick to the first picture; the next tries out the ways of computing, which is worth it where as
# many steps follow, and only then is anything recorded.
_PLAIN_STEPS = 2
_PAYS_FOR = 20

# By what share a recording's step may differ from the same one without it: sums in another order, in bf16.
_ROUNDING = 0.02

# Names of the two memories that a step changes, in one.
_WALK, _ITERATES = "walk ", "iterates "


class Stepping:
    """Steps of a walk, and what stands for it after each."""

    def __init__(self, walk: Descent, iterates: Iterates, lane: Lane, *, repeats: bool) -> None:
        """repeats: whether the objective is evaluated alike at each step, so that a recording is worth anything."""
        self._walk = walk
        self._iterates = iterates
        self._lane = lane
        self._recorder: Recorder | None = lane.recorder if repeats else None
        self._plain_steps = 0
        self._pays = False
        self._again: Work | None = None

    def step(self, evaluate: Evaluate, left: int) -> None:
        """Take a step. evaluate: the same at each. left: how many there will be, this one included."""
        if self._plain_steps == _PLAIN_STEPS:
            self._pays = left > _PAYS_FOR
        if self._again:
            self._again()
        elif not self._pays:
            self._plain(evaluate)
        elif self._recorder and self._plain_steps > _PLAIN_STEPS:
            self._record(self._recorder, evaluate)
        else:
            with self._lane.tuned():
                self._plain(evaluate)
        self._lane.pace()

    def end(self) -> None:
        """No step follows: the recording's memory, which is that of a step, is free for others."""
        self._again = self._recorder = None

    @property
    def evaluation(self) -> Evaluation:
        """The objective at the walk's point; its losses stay when steps follow."""
        evaluation = self._walk.evaluation
        if not self._again:
            return evaluation
        *terms, total = torch.stack([*evaluation.terms.values(), evaluation.total]).unbind()
        return Evaluation(dict(zip(evaluation.terms, terms, strict=True)), total, evaluation.gradient)

    @property
    def point(self) -> Tensor:
        """The picture that the iterates stand for; it stays when steps follow."""
        return self._iterates.point.clone() if self._again else self._iterates.point

    def _plain(self, evaluate: Evaluate) -> None:
        self._take(evaluate)
        self._plain_steps += 1

    def _take(self, evaluate: Evaluate) -> None:
        self._walk.step(evaluate)
        self._iterates.take(self._walk)

    def _memory(self) -> dict[str, Tensor]:
        walk = {_WALK + name: value for name, value in self._walk.state().items()}
        return {**walk, **{_ITERATES + name: value for name, value in self._iterates.state().items()}}

    def _adopt(self, memory: Memory) -> None:
        self._walk.adopt(_part(memory, _WALK))
        self._iterates.adopt(_part(memory, _ITERATES))

    def _record(self, recorder: Recorder, evaluate: Evaluate) -> None:
        """Take a step, and have the next ones repeat a recording of it, if it can be had and is right."""
        self._recorder = None
        own = {
            name: value if name.removeprefix(_WALK) in self._walk.in_place else value.clone()
            for name, value in self._memory().items()
        }
        self._adopt(own)
        # Before it is recorded: afterwards there might not be the memory for a step of either kind.
        with self._lane.tuned():
            self._plain(evaluate)
        plain = self._memory()
        self._adopt(own)
        again = None
        try:
            with self._lane.tuned():
                again = recorder.record(lambda: self._into(own, evaluate))
            self._adopt(own)
            again()
            refusal = _difference(plain, own)
        except Exception as error:  # nothing that a recording runs into may end the painting
            refusal = first_line(error)
        if refusal is None:
            self._again = again
            return
        log.warning("steps are not recorded: %s", refusal)
        self._adopt(plain)
        if again:
            self._walk.forget()  # what it learnt may have been written into by a recording that is wrong

    def _into(self, own: Mapping[str, Tensor], evaluate: Evaluate) -> None:
        """Take a step from a walk that stands at `own`, and write where it led there."""
        self._take(evaluate)
        found = self._memory()
        if found.keys() != own.keys():
            raise RuntimeError("a step keeps more than the one before it")
        places = {value.untyped_storage().data_ptr() for value in own.values()}
        # What is still to be read from `own` is read before any of it is overwritten.
        fresh: list[tuple[Tensor, Tensor]] = []
        for name, value in found.items():
            if value is not own[name]:
                fresh.append((own[name], value.clone() if value.untyped_storage().data_ptr() in places else value))
        for place, value in fresh:
            place.copy_(value)


def _part(memory: Memory, prefix: str) -> Memory:
    return {name.removeprefix(prefix): value for name, value in memory.items() if name.startswith(prefix)}


def _difference(plain: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str | None:
    """What a recording's step has otherwise than the same step without it, or None. Waits for the device.

    What steps write in place both have written.
    """
    for name, found in own.items():
        expected = plain[name]
        if expected is not found and not _alike(expected, found):
            return f"the recording gives another {name}"
    point, candidate = _WALK + "point", _WALK + "candidate"
    moves = [memory[candidate] - memory[point] for memory in (plain, own)]
    return None if _alike(*moves) else "the recording moves elsewhere"


def _alike(expected: Tensor, found: Tensor) -> bool:
    """Compare values by length; not alike are those that are not finite."""
    if not expected.is_floating_point():
        return bool((expected == found).all())
    expected, found = expected.double(), found.double()
    return bool((found - expected).norm() <= _ROUNDING * expected.norm())

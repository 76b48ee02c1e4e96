"""The last few paintings as the engine left them, in the worker, so that one of them can be painted on."""

from __future__ import annotations

from collections import OrderedDict

from stylized.engine.job import State
from stylized.engine.pages import Pages
from stylized.service.limits import MOST_STATES


class KeptStates:
    """States by job id, in main memory, bounded in bytes; those that were used longest ago go first."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, State] = OrderedDict()

    @property
    def job_ids(self) -> tuple[str, ...]:
        """Whose state is kept."""
        return tuple(self._states)

    def keep(self, job_id: str, state: State, max_bytes: int) -> None:
        """Keeps a state, for which older ones give way. One that is too large is kept without what the optimiser knows,
        and not at all if that is still too large.
        """
        if state.size_bytes > max_bytes:
            state = state.without_memory()
        if state.size_bytes > max_bytes:
            return
        self._states[job_id] = state.copied(Pages(state.tensors).hold)
        while len(self._states) > MOST_STATES or self._size_bytes > max_bytes:
            self._states.popitem(last=False)

    def get(self, job_id: str) -> State | None:
        """A job's state, if it is kept."""
        if job_id in self._states:
            self._states.move_to_end(job_id)
        return self._states.get(job_id)

    def clear(self) -> None:
        """Drops all of them."""
        self._states.clear()

    @property
    def _size_bytes(self) -> int:
        return sum(kept.size_bytes for kept in self._states.values())

"""Promise: a file is taken when it has stood still for long enough, at once if it was renamed here, never before."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stylize.hotfolder.filesystem import Fingerprint
from stylize.hotfolder.stability import StabilityTracker

SETTLE = 2.0


def print_of(size: int) -> Fingerprint:
    return Fingerprint(1, 1, size, 0)


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(
        st.tuples(st.integers(1, 48).map(lambda sixteenths: sixteenths / 16), st.integers(0, 2)),
        min_size=1,
        max_size=20,
    )
)
def test_nothing_is_ready_before_it_has_stood_still(looks: list[tuple[float, int]]) -> None:
    tracker = StabilityTracker(SETTLE)
    now, last_change, size_before = 0.0, 0.0, None
    for pause, size in looks:
        now += pause
        if size != size_before:
            last_change, size_before = now, size
        tracker.observe({"a": print_of(size)}, now)
        assert (tracker.ready(now) == ["a"]) == (now - last_change >= SETTLE)
        due = tracker.next_due(now)
        assert due is None or due == last_change + SETTLE


def test_what_was_renamed_here_is_ready_at_once_and_also_if_the_event_is_late() -> None:
    tracker = StabilityTracker(SETTLE)
    tracker.observe({"a": print_of(1), "b": print_of(1)}, 0.0, {"a": 0.0})
    assert tracker.ready(0.0) == ["a"]
    tracker.observe({"a": print_of(1), "b": print_of(1)}, 0.1, {"b": 7.0})
    assert tracker.ready(0.1) == ["a", "b"]


def test_how_long_it_has_stood_still_counts_from_before_it_was_seen_if_that_is_known() -> None:
    tracker = StabilityTracker(SETTLE)
    tracker.observe({"a": print_of(1), "b": print_of(1)}, 100.0, {"a": 50.0})
    assert (tracker.still_for("a", 101.0), tracker.still_for("b", 101.0)) == (51.0, 1.0)


def test_a_taken_file_is_left_alone_until_it_is_put_back() -> None:
    tracker = StabilityTracker(SETTLE)
    tracker.observe({"a": print_of(1)}, 0.0)
    assert tracker.take("a") == print_of(1)
    tracker.observe({"a": print_of(2)}, 5.0)
    assert tracker.ready(9.0) == []
    tracker.put_back("a", 6.0)
    tracker.observe({"a": print_of(2)}, 6.0)  # it has changed meanwhile, and must stand still again
    assert tracker.ready(7.9) == []
    assert tracker.ready(8.0) == ["a"]


def test_a_file_that_has_gone_is_forgotten_and_one_that_comes_back_is_new() -> None:
    tracker = StabilityTracker(SETTLE)
    tracker.observe({"a": print_of(1)}, 0.0)
    tracker.observe({}, 1.0)
    assert len(tracker) == 0
    tracker.observe({"a": print_of(1)}, 2.0)
    assert tracker.ready(3.9) == []
    assert tracker.ready(4.0) == ["a"]


def test_those_that_have_waited_longest_come_first() -> None:
    tracker = StabilityTracker(SETTLE)
    tracker.observe({"z": print_of(1)}, 0.0)
    tracker.observe({"z": print_of(1), "a": print_of(1)}, 1.0)
    assert tracker.ready(9.0) == ["z", "a"]

"""Who stands in line, and whose rows go into the next batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.embed.lining_up import Line, Ticket, rows_of
from satseek.embed.patience import Patience
from satseek.errors import Abandoned, DeadlineExceeded, SatseekError


def _ticket(rows: int, *, first: int = 0, patience: Patience | None = None) -> Ticket:
    numbers = np.arange(first, first + rows, dtype=np.float32)[:, None]
    return Ticket(rows=numbers, patience=patience or Patience())


def _line(*tickets: Ticket, most: int = 100) -> Line:
    line = Line(most)
    for ticket in tickets:
        line.join(ticket)
    return line


def _shares(line: Line, most: int) -> list[tuple[int, int]]:
    """Length of each ticket in the next batch, and how many of its rows are in it."""
    return [(len(part.ticket.rows), part.count) for part in line.take(most)]


def test_who_fits_comes_whole_in_the_order_of_arrival() -> None:
    line = _line(_ticket(3), _ticket(4), _ticket(2))
    assert [(3, 3), (4, 4), (2, 1)] == _shares(line, 8)
    assert [(2, 1)] == _shares(line, 8)
    assert (0, 0) == (len(line), line.rows)


def test_who_comes_after_a_large_one_is_in_the_very_next_batch() -> None:
    line = _line(_ticket(90))
    assert [(90, 8)] == _shares(line, 8)
    line.join(_ticket(1))
    assert [(90, 7), (1, 1)] == _shares(line, 8)


def test_large_ones_share_a_batch_and_small_ones_need_not_wait_for_any() -> None:
    line = _line(_ticket(50), _ticket(60), _ticket(70), _ticket(2))
    assert [(50, 2), (60, 2), (70, 2), (2, 2)] == _shares(line, 8)


def test_more_large_ones_than_rows_take_turns() -> None:
    line = _line(*(_ticket(10 + number) for number in range(6)), _ticket(1))
    assert [(10, 1), (11, 1), (12, 1), (13, 1)] == _shares(line, 4)
    assert [(14, 1), (15, 1), (1, 1), (10, 1)] == _shares(line, 4)


def test_a_line_has_room_for_so_many_rows() -> None:
    line = _line(_ticket(6), most=10)
    assert (True, False) == (line.has_room(4), line.has_room(5))
    line.take(6)
    assert line.has_room(1000)  # alone: it could never be taken otherwise


def test_who_leaves_makes_room() -> None:
    leaving, staying = _ticket(6), _ticket(3)
    line = _line(leaving, staying, most=10)
    line.leave(leaving)
    line.leave(leaving)
    assert (1, 3) == (len(line), line.rows)
    assert [(3, 3)] == _shares(line, 8)


@pytest.mark.parametrize("error", [Abandoned, DeadlineExceeded])
def test_nobody_is_taken_for_whom_nobody_waits(error: type[SatseekError]) -> None:
    patience = Patience(0.0 if error is DeadlineExceeded else None)
    if error is Abandoned:
        patience.give_up()
    late, other = _ticket(3, patience=patience), _ticket(2)
    line = _line(late, other)
    assert [(2, 2)] == _shares(line, 8)
    assert line.rows == 0
    with pytest.raises(error):
        late.features()


def test_an_error_is_raised_as_a_copy_with_the_first_one_behind_it() -> None:
    ticket, error = _ticket(1), ValueError("broken")
    ticket.fail(error)
    with pytest.raises(ValueError, match="broken") as caught:
        ticket.features()
    assert caught.value is not error
    assert caught.value.__cause__ is error


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    most=st.integers(1, 16),
    seed=st.integers(0, 2**32),
)
def test_every_row_is_taken_once_and_given_back_to_its_ticket(
    lengths: list[int], most: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    tickets = [_ticket(length, first=1000 * at) for at, length in enumerate(lengths)]
    line, waiting = Line(10_000), list(tickets)
    batches = []
    while waiting or len(line):
        if waiting and (not len(line) or rng.random() < 0.4):
            line.join(waiting.pop(0))
        else:
            before = line.rows
            batches.append(line.take(most))
            taken = sum(part.count for part in batches[-1])
            assert taken == min(most, before)
            assert line.rows == before - taken
    for at in rng.permutation(len(batches)):  # calls at once may end in any order
        features, start = rows_of(batches[at]) * 2, 0
        for part in batches[at]:
            part.ticket.deliver(part.start, features[start : start + part.count])
            start += part.count
    for ticket in tickets:
        assert ticket.over.is_set()
        assert np.array_equal(ticket.rows * 2, ticket.features())

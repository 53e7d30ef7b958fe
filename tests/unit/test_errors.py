"""One tree of errors: drawn in the module, with an exit code on every leaf."""

from __future__ import annotations

import inspect

import pytest

from satseek import errors

LEAVES = [
    one
    for _, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, errors.SatseekError)
]


@pytest.mark.parametrize("error", LEAVES)
def test_error_is_drawn_in_the_tree(error: type[errors.SatseekError]) -> None:
    assert error.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("error", LEAVES)
def test_exit_code_is_the_one_drawn_for_its_branch(error: type[errors.SatseekError]) -> None:
    branch = error
    while branch.__bases__[0] not in (errors.SatseekError, Exception):
        branch = branch.__bases__[0]
    (line,) = [
        line
        for line in (errors.__doc__ or "").splitlines()
        if line.strip("│├└─ ").split(" ")[0] == branch.__name__
    ]
    assert error.exit_code == int(next(word for word in line.split() if word.isdigit()))

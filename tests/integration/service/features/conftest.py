"""One real server with a few collections, one of which not everybody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from standarddoors import Doors, standard_doors

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with standard_doors(tmp_path_factory.mktemp("doors")) as doors:
        yield doors

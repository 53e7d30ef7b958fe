from __future__ import annotations

import numpy as np

from satseek.monitor.damage.clouds import EACH, EDGE, KINDS, made_clouds


def test_made_clouds_are_the_same_every_time_and_none_like_another() -> None:
    clouds, again = made_clouds(), made_clouds()
    assert len(KINDS) * EACH == len(clouds)
    assert {((EDGE, EDGE, 3), np.dtype(np.uint8))} == {(one.shape, one.dtype) for one in clouds}
    assert all(np.array_equal(one, other) for one, other in zip(clouds, again, strict=True))
    in_relief = clouds[EACH:]  # those that saturate are all alike
    assert len(in_relief) == len({one.tobytes() for one in in_relief})


def test_made_clouds_are_bright_grey_and_soft() -> None:
    for cloud in made_clouds():
        assert 0 == np.ptp(cloud.astype(int), axis=2).max()
        assert cloud.mean() > 180
        assert np.abs(np.diff(cloud[..., 0].astype(int), axis=1)).mean() < 6

"""Each variable of a netCDF file is a scene of its own."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.errors import NotGeoreferencedWarning

from satseek.errors import UnreadableImage, UnsupportedRaster
from satseek.imagery._sources import open_source, split_variable
from satseek.imagery.candidates import find_candidates
from satseek.imagery.digests import current_digest
from satseek.imagery.reach import Reach
from satseek.imagery.recipes import recipe_named
from satseek.imagery.scenes import describe_scene, list_variables
from satseek.types import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

AUTO = recipe_named("auto")


@pytest.fixture(params=["NC", "NC4"])
def cube(request: pytest.FixtureRequest, make_raster: Any, noise: NDArray[Any]) -> Path:
    """Three variables, written by GDAL in the classic and in the HDF5 form."""
    source = make_raster("source/a.tif", noise.astype(np.int16))
    path = Path(source.parent.parent) / "cubes" / "cube.nc"
    path.parent.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        rasterio.shutil.copy(source, path, driver="netCDF", FORMAT=request.param)
    return path


def test_variables_are_scenes(cube: Path, noise: NDArray[Any]) -> None:
    found = find_candidates(str(cube.parent), reach=Reach())
    scenes = [candidate.describe(AUTO) for candidate in found]
    assert ["cube.nc#Band1", "cube.nc#Band2", "cube.nc#Band3"] == [scene.id for scene in scenes]
    assert 3 == found.total
    second = scenes[1]
    assert ("EPSG:32633", 700, 600, 1) == (second.crs, second.width, second.height, second.bands)
    assert second.digest == current_digest(second)
    with open_source(second) as source:
        window = Window(column=5, row=7, width=50, height=40)
        read = source.read(window, bands=(1,)).values[0]
    assert (noise[1, 7:47, 5:55] == read).all()


def test_a_file_with_several_variables_is_no_scene_itself(cube: Path) -> None:
    with pytest.raises(UnsupportedRaster, match=r"variables: Band1, Band2, Band3"):
        describe_scene(cube, root=cube.parent)
    with pytest.raises(UnreadableImage):
        describe_scene(Path(f"{cube}#none"), root=cube.parent)
    with pytest.raises(UnreadableImage, match="quotes"):
        describe_scene(Path(f'{cube}#a"b'), root=cube.parent)


def test_other_files_have_no_variables(make_raster: Any, noise: NDArray[Any]) -> None:
    assert () == list_variables(make_raster("a.tif", noise))


def test_a_broken_file_is_refused_once(tmp_path: Path) -> None:
    (tmp_path / "a.nc").write_bytes(b"CDF\x01 cut short")
    (candidate,) = find_candidates(str(tmp_path), reach=Reach())
    with pytest.raises(UnreadableImage, match=r"a\.nc"):
        candidate.describe(AUTO)


def test_hdf5_without_rasters_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    (candidate,) = find_candidates(str(tmp_path), reach=Reach())
    with pytest.raises(UnreadableImage, match=r"a\.h5"):
        candidate.describe(AUTO)


def test_a_sign_in_a_name_is_no_variable(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("plan #3.tif", noise)
    assert (path, "") == split_variable(path)
    assert "plan #3.tif" == describe_scene(path, root=path.parent).id

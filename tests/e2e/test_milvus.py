"""The real commands and the real server, over a collection that lives in a Milvus Lite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import milvusing
import pytest
from serving import index, make_scenes, running_server
from typer.testing import CliRunner

import satseek.cli.milvus  # noqa: F401 (it registers its commands)
from satseek.assemble import Assembly
from satseek.cli.application import app
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pymilvus", reason=milvusing.MISSING)
server_manager = pytest.importorskip("milvus_lite.server_manager", reason=milvusing.MISSING)


def ran(*words: str | Path, data: Path) -> Any:
    """Run a command in this process: another one would first load all that this one has."""
    done = CliRunner().invoke(app, ["--data-dir", str(data), *map(str, words)])
    assert done.exit_code == 0, done.output
    server_manager.server_manager_instance.release_server(str(lite(data)))  # one process at a time
    return done


def lite(data: Path) -> Path:
    return data.parent / "lite.db"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection ``here`` and the same one, in a Milvus Lite, as ``there``."""
    folder = tmp_path_factory.mktemp("milvus") / "data"
    index(folder, make_scenes(folder.parent / "scenes"), "here")
    words = ("collection", "push", "here", "--to", lite(folder), "--json")
    pushed = json.loads(ran(*words, data=folder).stdout)
    assert (12, 12, 3) == (pushed["chips"], pushed["carried"], pushed["scenes"])
    words = ("collection", "attach", "there", "--to", lite(folder), "--remote", "here")
    assert "there: 12 chips" in ran(*words, data=folder).stderr
    return folder


def test_every_door_answers_as_from_a_folder(data: Path) -> None:
    with running_server(data) as server, httpx.Client(base_url=server.url, timeout=30) as ask:

        def answers(name: str) -> list[Any]:
            search = ask.get("/v1/search", params={"text": "a forest", "collection": name, "k": 5})
            at = f"/v1/collections/{name}"
            shown, chips = ask.get(at).json(), ask.get(f"{at}/chips", params={"limit": 5}).json()
            items = ask.get(f"/ogc/collections/{name}/items", params={"limit": 3})
            for one in (search, items):
                assert one.status_code == 200, one.text
            wanted = ("model", "chips", "scenes", "refusals", "extent", "start", "end", "recipe")
            return [
                [(hit["chip"], hit["scores"]) for hit in search.json()["hits"]],
                {key: shown[key] for key in wanted},
                [one["chip"] for one in chips["chips"]],
                chips["matched"],
                sorted(one["id"] for one in items.json()["features"]),
            ]

        assert answers("here") == answers("there")
        stats = ask.get("/v1/collections/there/stats").json()
        assert (12, 12, 0) == (stats["chips"], stats["rows"], stats["dead"])
        labels = {"label": ["water", "forest"]}
        maps = ask.get("/v1/collections/there/classes", params=labels)
        assert (409, True) == (maps.status_code, "satseek collection pull" in maps.text), maps.text
        gone = ask.delete("/v1/collections/there")
        assert 204 == gone.status_code, gone.text
        assert 404 == ask.get("/v1/collections/there").status_code


def test_it_is_pulled_back_whole(data: Path) -> None:
    words = ("collection", "pull", "here", "--from", lite(data), "--as", "back", "--json")
    pulled = json.loads(ran(*words, data=data).stdout)
    parts = Assembly(Settings(data_dir=data))
    assert parts.reader("here").digest() == pulled["digest"] == parts.reader("back").digest()
    parts.close()

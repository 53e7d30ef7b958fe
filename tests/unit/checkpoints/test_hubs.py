"""Both hubs' own clients against a hub on 127.0.0.1, each in a process of its own.

The clients read their endpoint and their cache from the environment when they are imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hubserving import COMMIT, Hub, serving_hub

from satseek.checkpoints.hubs import Request, locate, plain_name
from satseek.errors import InvalidRequest, ModelNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = """
import json, sys
from satseek.checkpoints.hubs import Request, locate
from satseek.errors import SatseekError
source, request = sys.argv[1], json.loads(sys.argv[2])
try:
    found = locate(source, Request(**request), report=lambda _step: None)
    told = {"path": str(found.path), "source": found.source, "name": found.name}
except SatseekError as error:
    told = {"error": type(error).__name__, "message": str(error)}
print(json.dumps(told))
"""

WEIGHTS = "model.safetensors"


@pytest.fixture
def hub(directory: Path) -> Iterator[Hub]:
    (directory / "tf_model.h5").write_bytes(b"another framework's copy")
    with serving_hub(directory, "owner/tiny") as running:
        yield running


def _ask(hub: Hub, home: Path, source: str, **request: Any) -> dict[str, Any]:
    ours = ("HF_", "MODELSCOPE_", "HUGGINGFACE_")
    kept = {name: one for name, one in os.environ.items() if not name.startswith(ours)}
    environment = kept | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "MODELSCOPE_ENDPOINT": hub.url,
        "MODELSCOPE_CACHE": str(home / "ms"),
        "MODELSCOPE_HOME": str(home / "ms-home"),
        "HOME": str(home),
    }
    offline = request.pop("environment", {})
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, source, json.dumps(request)],
        capture_output=True,
        text=True,
        check=True,
        env=environment | offline,
        timeout=120,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


HUBS = {"hf:": "huggingface", "modelscope:": "modelscope"}


@pytest.fixture(params=HUBS)
def prefix(request: pytest.FixtureRequest) -> str:
    if request.param == "modelscope:":
        pytest.importorskip("modelscope_hub", reason="pip install 'satseek[modelscope]'")
    return str(request.param)


def test_an_id_is_fetched_once_and_found_offline(hub: Hub, tmp_path: Path, prefix: str) -> None:
    found = _ask(hub, tmp_path, f"{prefix}owner/tiny")
    assert found["name"] == "tiny"
    assert found["source"]["kind"] == HUBS[prefix]
    assert found["source"]["id"] == "owner/tiny"
    assert found["source"]["revision"] == (COMMIT if prefix == "hf:" else "master")
    folder = Path(found["path"])
    assert (folder / WEIGHTS).read_bytes() == (hub.folder / WEIGHTS).read_bytes()
    assert not (folder / "tf_model.h5").exists()
    hub.asked.clear()
    assert found == _ask(hub, tmp_path, f"{prefix}owner/tiny", offline=True)
    assert hub.asked == []


def test_the_clients_own_offline_switch_is_honoured(hub: Hub, tmp_path: Path) -> None:
    _ask(hub, tmp_path, "owner/tiny")
    hub.asked.clear()
    switch = {"HF_HUB_OFFLINE": "1"}
    assert _ask(hub, tmp_path, "owner/tiny", environment=switch)["name"] == "tiny"
    told = _ask(hub, tmp_path, "owner/other", environment=switch)
    assert told["error"] == "ModelNotFound"
    assert "offline" in told["message"]
    assert hub.asked == []


def test_an_unknown_id_is_not_found(hub: Hub, tmp_path: Path, prefix: str) -> None:
    told = _ask(hub, tmp_path, f"{prefix}owner/none")
    assert told["error"] == "ModelNotFound"
    assert "owner/none" in told["message"]


def test_an_unknown_revision_is_not_found(hub: Hub, tmp_path: Path) -> None:
    told = _ask(hub, tmp_path, "owner/tiny", revision="v9")
    assert told["error"] == "ModelNotFound"
    assert "at v9" in told["message"]


def test_what_was_never_fetched_is_not_found_offline(hub: Hub, tmp_path: Path, prefix: str) -> None:
    told = _ask(hub, tmp_path, f"{prefix}owner/tiny", offline=True)
    assert told["error"] == "ModelNotFound"
    assert "offline" in told["message"]
    assert hub.asked == []


def test_a_download_that_breaks_off_once_goes_on(hub: Hub, tmp_path: Path, prefix: str) -> None:
    hub.breaks, hub.times = WEIGHTS, 1
    found = _ask(hub, tmp_path, f"{prefix}owner/tiny")
    assert hub.times == 0
    assert (Path(found["path"]) / WEIGHTS).read_bytes() == (hub.folder / WEIGHTS).read_bytes()


def test_a_download_that_keeps_breaking_off_is_named_and_can_go_on(
    hub: Hub, tmp_path: Path
) -> None:
    hub.breaks, hub.times = WEIGHTS, 1_000
    told = _ask(hub, tmp_path, "owner/tiny")
    assert told["error"] == "HubUnreachable"
    assert "run it again to go on" in told["message"]
    assert _ask(hub, tmp_path, "owner/tiny", offline=True)["error"] == "ModelNotFound"
    hub.times = 0
    found = _ask(hub, tmp_path, "owner/tiny")
    assert (Path(found["path"]) / WEIGHTS).read_bytes() == (hub.folder / WEIGHTS).read_bytes()


def test_modelscopes_client_refuses_other_bytes_than_the_hub_lists(
    hub: Hub, tmp_path: Path
) -> None:
    pytest.importorskip("modelscope_hub", reason="pip install 'satseek[modelscope]'")
    hub.lies = WEIGHTS
    assert _ask(hub, tmp_path, "modelscope:owner/tiny")["error"] == "HubUnreachable"


def test_other_bytes_than_hugging_face_lists_are_refused_when_read(
    hub: Hub, tmp_path: Path
) -> None:
    from satseek.checkpoints import siglip  # noqa: PLC0415 (needs torch)
    from satseek.errors import UnreadableCheckpoint  # noqa: PLC0415

    hub.lies = WEIGHTS
    found = _ask(hub, tmp_path, "owner/tiny")
    with pytest.raises(UnreadableCheckpoint, match="altered since it was published"):
        siglip.read(Path(found["path"]), report=lambda _step: None)


def test_a_hub_that_is_not_there_is_unreachable(hub: Hub, tmp_path: Path) -> None:
    hub.url = "http://127.0.0.1:9"  # the discard port: nobody listens
    assert _ask(hub, tmp_path, "owner/tiny")["error"] == "HubUnreachable"


def test_a_bare_id_of_a_known_owner_is_modelscopes(tmp_path: Path, directory: Path) -> None:
    pytest.importorskip("modelscope_hub", reason="pip install 'satseek[modelscope]'")
    with serving_hub(directory, "lcybuaa1111/tiny") as hub:
        found = _ask(hub, tmp_path, "lcybuaa1111/tiny")
    assert found["source"]["kind"] == "modelscope"


def _local(source: str | Path, **request: Any) -> Any:
    return locate(source, Request(**request), report=lambda _step: None)


def test_a_folder_comes_before_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "Tiny RS").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    found = _local("owner/Tiny RS")
    assert (found.source, found.name) == ({"kind": "folder", "id": "Tiny RS"}, "tiny-rs")


def test_a_file_is_named_by_its_stem(tmp_path: Path) -> None:
    (tmp_path / "RemoteCLIP-ViT-B-32.pt").write_bytes(b"")
    assert _local(tmp_path / "RemoteCLIP-ViT-B-32.pt").name == "remoteclip-vit-b-32"


@pytest.mark.parametrize("source", ["nowhere", "a/b c", "", "https://example.org/a/b", "/no/such"])
def test_what_is_neither_file_nor_id_is_not_found(source: str) -> None:
    if source == "":
        source = "./no such folder"
    with pytest.raises(ModelNotFound, match="expected a folder, a file, OWNER/NAME"):
        _local(source)


def test_a_folder_has_no_revision(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="leave out --revision"):
        _local(tmp_path, revision="main")


@pytest.mark.parametrize(
    ("text", "name"), [("Git-RSCLIP", "git-rsclip"), ("a b", "a-b"), ("…", "model"), ("-x.", "x")]
)
def test_names_are_plain(text: str, name: str) -> None:
    assert plain_name(text) == name

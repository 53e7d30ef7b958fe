"""A mistake in any template of the chart is caught by what the other tests look at.

The chart is copied, and every template of the copy broken at once: a field misspelt, a value of
another type. What is rendered is told apart by its template, and each must be refused.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import helming
import pytest
from helming import CHART, example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


TEMPLATES = sorted(
    str(path.relative_to(CHART / "templates"))
    for path in CHART.glob("templates/**/*")
    if path.is_file()
)
DOCUMENTS = [name for name in TEMPLATES if name.endswith(".yaml")]
PARTS = [name for name in TEMPLATES if not name.endswith(".yaml")]

FIELD = re.compile(r"^(?P<before> *(?:- )?)(?P<key>[a-z][A-Za-z]*):(?P<value>.*)$")
"""A line of YAML with a field whose name is fixed; labels and settings have dots, slashes or _."""

HELMS_OWN = ("apiVersion", "kind", "name", "labels", "annotations")
"""What Helm reads itself: of another type, it would render nothing at all."""

KEDA = (
    "worker.autoscaling.by=keda",
    "worker.autoscaling.prometheus=http://prometheus:9090",
    "worker.autoscaling.triggerAuthentication=prometheus",
)
FIXED = ("worker.autoscaling.enabled=false", "server.autoscaling.enabled=false")
RESTORING = (
    CHART / "values" / "restore.yaml",
    *FIXED,
    "modelLoad.enabled=false",
    "rayJob.enabled=false",
)
TLS = ("gateway.enabled=false", "server.tls.existingSecret=tls")
BRANCHES = ((), KEDA, RESTORING, ("worker.autoscaling.by=cpu",), FIXED, TLS)
"""Every line of every template is rendered with one of these on top of everything."""


def test_every_template_is_here() -> None:
    assert {"NOTES.txt", "_checks.tpl", "_pods.tpl"} <= set(PARTS)
    assert len(DOCUMENTS) > 20


def _misspelt(text: str, share: float) -> str:
    """Misspell one field; ``share`` of the way down."""
    return _changed(text, share, lambda found: f"{found['before']}{found['key']}x:{found['value']}")


def _mistyped(text: str, share: float) -> str:
    """Give one field a list of lists, which is nowhere right."""
    return _changed(text, share, lambda found: f"{found['before']}{found['key']}: [[1]]", "value")


def _changed(
    text: str, share: float, change: Callable[[re.Match[str]], str], wanted: str = "key"
) -> str:
    lines = text.splitlines()
    there = [
        number
        for number, line in enumerate(lines)
        if (found := FIELD.match(line))
        and (wanted == "key" or found["value"].strip() not in ("", "|", "|-"))
        and (wanted == "key" or found["key"] not in HELMS_OWN)
    ]
    if not there:  # a ConfigMap: nothing but text
        return text.replace("kind: ", "kind: Unknown", 1)
    number = there[min(int(share * len(there)), len(there) - 1)]
    found = FIELD.match(lines[number])
    assert found
    lines[number] = change(found)
    return "\n".join(lines) + "\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A chart to be broken."""
    return Path(shutil.copytree(CHART, tmp_path / "satseek"))


def _refused(chart: Path, wanted: int = len(DOCUMENTS)) -> set[str]:
    """Templates of which something is refused; once so many are, it is not looked for more."""
    found: set[str] = set()
    for values in BRANCHES:
        if len(found) >= wanted:
            break
        for one in helming.render(chart / "values" / "everything.yaml", *values, chart=chart):
            if one.template not in found and helming.problems(one.document):
                found.add(one.template)
    return found


def test_the_copy_is_sound_as_long_as_nobody_breaks_it(copy: Path) -> None:
    assert set() == _refused(copy)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("change", [_misspelt, _mistyped])
def test_a_mistake_in_any_document_is_caught(
    copy: Path, change: Callable[[str, float], str], share: float
) -> None:
    for name in DOCUMENTS:
        path = copy / "templates" / name
        path.write_text(change(path.read_text(encoding="utf-8"), share), encoding="utf-8")
    assert set(DOCUMENTS) == _refused(copy)


@pytest.mark.parametrize("name", PARTS)
def test_a_mistake_in_any_part_is_caught(copy: Path, name: str) -> None:
    path = copy / "templates" / name
    text = path.read_text(encoding="utf-8")
    broken = _misspelt(text, 0.5) if name in {"_pods.tpl", "_redis.tpl"} else _nameless(text)
    assert broken != text
    path.write_text(broken, encoding="utf-8")
    try:
        found = _refused(copy, wanted=1)
    except helming.Refused:
        return
    assert found


def _nameless(text: str) -> str:
    """Misspell the first part that is asked for, or that is there to be asked for."""
    return re.sub(r"((?:include|define) \"satseek\.)", r"\1misspelt", text, count=1)


def _places(told: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every field of a document."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield (*at, key)
            yield from _places(value, (*at, key))
    elif isinstance(told, list):
        for key, value in enumerate(told):
            yield from _places(value, (*at, key))


FREE = {
    "annotations",
    "data",
    "labels",
    "matchLabels",
    "nodeSelector",
    "rayStartParams",
    "requests",
    "limits",
}
"""What is in these has the names that people give."""


def test_no_field_of_what_is_rendered_may_be_misspelt() -> None:
    """Each kind's fields, wherever they come first: the schemas know all of them, and no others."""
    seen: set[tuple[str, ...]] = set()
    for one in (*example("everything"), *example("gpus")):
        kind = one.document["kind"]
        for place in list(_places(one.document)):
            path = (kind, *(str(key) for key in place if not isinstance(key, int)))
            if "template" in path:  # a pod is a pod, whoever makes it
                path = path[path.index("template") :]
            if path in seen or "/" in path[-1] or any(key in FREE for key in path[1:-1]):
                continue
            seen.add(path)
            assert _misspelt_at(one.document, place), path
    assert len(seen) > 250


def _misspelt_at(document: dict[str, Any], place: tuple[str | int, ...]) -> bool:
    """Whether a document is refused once the field there is misspelt; it is whole afterwards."""
    holder: Any = document
    for key in place[:-1]:
        holder = holder[key]
    value = holder.pop(place[-1])
    holder[f"{place[-1]}x"] = value
    try:
        return bool(helming.refused(document))
    finally:
        del holder[f"{place[-1]}x"]
        holder[place[-1]] = value

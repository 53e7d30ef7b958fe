from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from satseek.errors import EmptyText, FolderNotFound, InvalidConfig, InvalidRequest
from satseek.search.evaluating_formats import label_words
from satseek.search.evaluating_sets import EvaluationSet, read_set

if TYPE_CHECKING:
    from pathlib import Path


def _image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (10, 60, 90)).save(path)
    return path


def _csv(folder: Path, *lines: str) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _rows(found: EvaluationSet) -> list[tuple[str, str | None, tuple[str, ...]]]:
    return [(row.name, row.label, row.captions) for row in found.images]


COCO = {
    "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png", "split": "test"}],
    "annotations": [
        {"image_id": 8, "caption": "a bridge"},
        {"image_id": 7, "caption": "a river"},
        {"image_id": 8, "caption": "a long bridge"},
    ],
}
KARPATHY = {
    "dataset": "rsicd",
    "images": [
        {"filename": "a.png", "split": "train", "sentences": [{"raw": "a river .", "imgid": 0}]},
        {
            "filename": "b.png",
            "filepath": "more",
            "split": "test",
            "sentences": [{"raw": "a bridge"}, {"raw": "a long bridge"}],
        },
    ],
}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DenseResidential", "dense residential"),
        ("dense_residential", "dense residential"),
        ("golf-course", "golf course"),
        ("Airport", "airport"),
        ("USAirport", "us airport"),
        ("airport", "airport"),
        ("storage  tanks", "storage tanks"),
        ("New York", "New York"),
        ("Pond2", "pond2"),
        ("__", ""),
    ],
)
def test_class_name_becomes_words(name: str, words: str) -> None:
    assert words == label_words(name)


def test_folders_are_classes(tmp_path: Path) -> None:
    for name in ("SeaLake/2.png", "SeaLake/1.png", "annual_crop/deep/3.png"):
        _image(tmp_path / name)
    (tmp_path / "label_map.json").write_text('{"SeaLake": 1}', encoding="utf-8")
    (tmp_path / "SeaLake" / "readme.txt").write_text("no image", encoding="utf-8")
    found = read_set(tmp_path)
    assert (found.form, found.labels) == ("folders", ("annual crop", "sea lake"))
    assert _rows(found) == [
        ("SeaLake/1.png", "sea lake", ()),
        ("SeaLake/2.png", "sea lake", ()),
        ("annual_crop/deep/3.png", "annual crop", ()),
    ]


def test_folders_of_splits_hold_folders_of_classes(tmp_path: Path) -> None:
    for name in ("train/A/1.png", "test/A/2.png", "test/B/3.png"):
        _image(tmp_path / name)
    assert len(read_set(tmp_path).images) == 3
    assert _rows(read_set(tmp_path, split="test")) == [
        ("test/A/2.png", "a", ()),
        ("test/B/3.png", "b", ()),
    ]


def test_columns_of_the_owners_own_are_passed_over_and_named(tmp_path: Path) -> None:
    _csv(tmp_path, "id, path,label ,lon,", "1,a.png,port,3.5,", "2,b.png,sea,7.1,")
    told: list[str] = []
    found = read_set(tmp_path, note=told.append)
    assert _rows(found) == [("a.png", "port", ()), ("b.png", "sea", ())]
    (line,) = told
    assert line.endswith(
        "labels.csv: of its columns these are not read: id, lon, one without a name"
    )
    told.clear()
    _csv(tmp_path, "path,label", "a.png,port", "b.png,sea")
    read_set(tmp_path, note=told.append)
    assert told == []


def test_csv_is_read_with_captions_of_both_kinds_and_splits(tmp_path: Path) -> None:
    path = _csv(
        tmp_path,
        "\ufeffpath,label,captions,split",
        'a.png,bare_land,"[""a field"", ""a dry field""]",train',
        '"b,c.png",port,"two ships, both white",test',
        "d.png,sea,,test",
    )
    for found in (read_set(tmp_path), read_set(path)):
        assert _rows(found) == [
            ("a.png", "bare land", ("a field", "a dry field")),
            ("b,c.png", "port", ("two ships, both white",)),
            ("d.png", "sea", ()),
        ]
        assert found.images[0].path == tmp_path / "a.png"
    assert [row.name for row in read_set(path, split="test").images] == ["b,c.png", "d.png"]
    assert read_set(path, split="test").labels == ("port", "sea")


def test_coco_captions_go_to_their_images(tmp_path: Path) -> None:
    _image(tmp_path / "images" / "b.png")
    found = read_set(_json(tmp_path / "captions.json", COCO))
    assert found.form == "coco"
    assert found.labels == ()
    assert _rows(found) == [
        ("a.png", None, ("a river",)),
        ("b.png", None, ("a bridge", "a long bridge")),
    ]
    assert found.images[0].path == tmp_path / "a.png"
    assert found.images[1].path == tmp_path / "images" / "b.png"


def test_karpathy_captions_and_splits(tmp_path: Path) -> None:
    path = _json(tmp_path / "dataset_rsicd.json", KARPATHY)
    elsewhere = tmp_path / "RSICD_images"
    found = read_set(tmp_path, split="test", images=elsewhere)
    assert (found.form, found.source) == ("karpathy", str(tmp_path))
    assert _rows(found) == [("more/b.png", None, ("a bridge", "a long bridge"))]
    assert found.images[0].path == elsewhere / "more" / "b.png"
    assert len(read_set(path).images) == 2


def test_json_may_have_labels(tmp_path: Path) -> None:
    content = {
        "images": [
            {"filename": f"{label}.png", "label": label, "sentences": []}
            for label in ("BareLand", "port")
        ]
    }
    assert read_set(_json(tmp_path / "a.json", content)).labels == ("bare land", "port")


def test_a_single_label_cannot_be_missed_and_is_not_measured(tmp_path: Path) -> None:
    path = _csv(tmp_path, "path,label", "a.png,x", "b.png,X_")
    with pytest.raises(InvalidConfig, match="two labels to tell apart"):
        read_set(path)
    _csv(tmp_path, "path,label,captions", "a.png,x,a field", "b.png,x,")
    assert read_set(path).labels == ()
    assert _rows(read_set(path)) == [("a.png", None, ("a field",)), ("b.png", None, ())]


def test_caption_without_words_is_left_out_and_listed(tmp_path: Path) -> None:
    _csv(tmp_path, "path,captions", 'a.png,"[""a field"", ""?!"", """"]"')
    found = read_set(tmp_path)
    assert found.images[0].captions == ("a field",)
    assert [refusal.kind for refusal in found.refusals] == ["EmptyText", "EmptyText"]
    assert "line 2" in found.refusals[0].reason


def test_limit_draws_the_same_images_and_keeps_all_labels(tmp_path: Path) -> None:
    _csv(tmp_path, "path,label", *(f"{at}.png,class {at // 10}" for at in range(100)))
    whole = read_set(tmp_path)
    some = whole.limited(20)
    assert some == read_set(tmp_path).limited(20)
    assert len(some.images) == 20
    assert some.labels == whole.labels
    assert len({row.label for row in some.images}) > 5  # not the first two classes
    assert [whole.images.index(row) for row in some.images] == sorted(
        whole.images.index(row) for row in some.images
    )
    assert whole.limited(None) == whole.limited(100) == whole.limited(1000) == whole
    with pytest.raises(InvalidRequest, match="at least 1"):
        whole.limited(0)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["path,lable", "a.png,x"], r"path and label \(or captions\), got path, lable"),
        (["path,label,label", "a.png,x,y"], "expected one column label, found several"),
        (["label", "x"], "expected the columns path and label"),
        (["path,split", "a.png,test"], "expected the columns path and label"),
        ([""], "expected the columns path and label"),
        (["path,label"], "at least one image"),
        (["path,label", "a.png,x", "b.png"], "line 3: expected as many fields"),
        (["path,label", "a.png,x,y"], "line 2: expected as many fields"),
        (["path,label", ",x"], "line 2: expected a path"),
        (["path,label", "a.png,x", "./a.png,y"], r"line 3: ./a.png is listed already, .*line 2"),
        (["path,captions", 'a.png,"[""x"""'], "line 2: expected captions as a JSON list"),
        (["path,captions", 'a.png,"[1, 2]"'], "line 2: expected captions as a JSON list"),
        (["path,captions", "a.png,"], "expected labels or captions"),
        (["path,label", 'a.png,"x'], "expected CSV"),
    ],
)
def test_malformed_csv_is_refused_by_row(tmp_path: Path, lines: list[str], said: str) -> None:
    path = _csv(tmp_path, *lines)
    with pytest.raises(InvalidConfig, match=said) as caught:
        read_set(path)
    assert "labels.csv" in str(caught.value)


def test_label_without_words_is_refused_by_row(tmp_path: Path) -> None:
    _csv(tmp_path, "path,label", "a.png,x", "b.png,?!")
    with pytest.raises(EmptyText, match=r"labels.csv line 3: expected a label with a word"):
        read_set(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "expected a JSON object"),
        ({}, "expected a list 'images'"),
        ({"images": {}}, "expected a list 'images'"),
        ({"images": [3]}, r"images\[0\]: expected an object"),
        ({"images": []}, "at least one image"),
        ({"images": [{"filename": "a.png"}]}, r"images\[0\]: expected a list 'sentences'"),
        ({"images": [{"filename": 3, "sentences": []}]}, r"images\[0\]: expected 'filename'"),
        (
            {"images": [{"filename": "a.png", "sentences": [{"tokens": []}]}]},
            r"images\[0\] sentences\[0\]: expected 'raw'",
        ),
        ({"images": [{"filename": " ", "sentences": []}]}, "expected a file name"),
        ({**COCO, "annotations": [{"image_id": 9, "caption": "x"}]}, r"annotations\[0\].*id 9"),
        ({**COCO, "annotations": [{"image_id": 7, "bbox": []}]}, r"\[0\]: expected 'caption'"),
        ({**COCO, "annotations": 5}, "expected a list 'annotations'"),
        ({**COCO, "images": [COCO["images"][0]] * 2}, r"images\[1\]: the id 7 is another"),
        (
            {"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "a"}]}
            | {"annotations": []},
            r"images\[1\]: a is listed already",
        ),
        (
            {
                "images": [
                    {"filename": "a", "label": "x", "sentences": []},
                    {"filename": "b", "sentences": []},
                ]
            },
            r"images\[1\]: expected a label, as other images",
        ),
    ],
)
def test_malformed_json_is_refused_by_place(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(InvalidConfig, match=said) as caught:
        read_set(_json(tmp_path / "set.json", content))
    assert "set.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{", b"[" * 100_000, b""])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.json").write_bytes(content)
    with pytest.raises(InvalidConfig, match="expected JSON"):
        read_set(tmp_path / "set.json")


@pytest.mark.parametrize("content", [b"path,label\n\xff,x\n", b"path,label\na\0b,x\nc,y\n"])
def test_csv_of_odd_bytes_is_refused_or_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    try:
        found = read_set(tmp_path)
    except InvalidConfig as error:
        assert "labels.csv" in str(error)  # noqa: PT017 - either is an answer, a crash is none
    else:
        assert found.images[0].name == "a\0b"


def test_nothing_there_is_not_found(tmp_path: Path) -> None:
    for path in (tmp_path / "no", tmp_path):
        with pytest.raises(FolderNotFound, match=r"labels\.csv"):
            read_set(path)


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="expected a folder with"):
        read_set(_image(tmp_path / "a.png"))


def test_two_sets_in_a_folder_have_to_be_named(tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        _json(tmp_path / name, COCO)
    with pytest.raises(InvalidConfig, match=r"which of these.*one\.json, two\.json"):
        read_set(tmp_path)
    assert read_set(tmp_path / "two.json").form == "coco"


def test_unknown_split_names_those_there_are(tmp_path: Path) -> None:
    _csv(tmp_path, "path,label,split", "a.png,x,test", "b.png,x,train")
    with pytest.raises(InvalidConfig, match=r"split 'val'; there is: test, train"):
        read_set(tmp_path, split="val")


def test_format_can_be_forced(tmp_path: Path) -> None:
    _image(tmp_path / "A" / "1.png")
    _csv(tmp_path, "path,label", "A/1.png,quarry", "B/2.png,pond")
    _image(tmp_path / "B" / "2.png")
    assert read_set(tmp_path).labels == ("pond", "quarry")
    assert read_set(tmp_path, form="folders").labels == ("a", "b")
    with pytest.raises(InvalidRequest, match="folders, csv, coco, karpathy"):
        read_set(tmp_path, form="voc")

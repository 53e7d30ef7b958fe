"""One suite for every engine, over models of random weights and over the one that is shipped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from towers import ColourEngine

from satseek.embed.batching import BatchingEngine
from satseek.embed.embedder import unit_rows
from satseek.engines.choice import EngineChoice
from satseek.engines.choosing import install_line, installed, open_engine
from satseek.engines.machine import this_machine
from satseek.engines.onnxruntime import OnnxEngine
from satseek.errors import ModelNotFound
from satseek.model.bundle import open_bundle, starter_bundle
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.engines import Engine
    from satseek.model.bundle import Bundle
    from satseek.types import Tensor, TokenIds

EXACT = 0.999999
"""Least cosine of a row with itself in other company, in float32."""

BFLOAT16 = 0.9995
"""Likewise in bfloat16, whose numbers have 8 bits: other kernels round otherwise."""

ALONE = 1e-6
"""Most that a number of a unit vector may change where a row is alone in a call: matrix-vector
products sum in another order. Measured: 1.6e-7 in INT8, 0 in float32."""

TO_TRANSFORMERS = 0.9999
"""Least cosine with transformers' eager float32 that a float32 engine must reach."""

ONE_STEP = 0.99
"""Likewise of INT8 with itself through another runtime: a number on the border between two steps
falls to either side, and the steps of the test's model are coarse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to run one model."""

    choice: EngineChoice | None
    """How; None: the small engine of the tests themselves."""
    model: str
    """``tiny`` (SigLIP), ``clip``, ``int8`` or ``starter``."""
    replicas: int = 1
    """Copies of the model that share the rows of a call."""
    batched: bool = False
    """Whether concurrent callers share its calls, of at most four images."""
    alike: float = EXACT
    """Least cosine of a row with itself in other company."""

    @property
    def name(self) -> str:
        batched = "-batched" if self.batched else ""
        if self.choice is None:
            return f"colours{batched}"
        layout = f"-{self.choice.streams}streams" if self.choice.streams > 1 else ""
        copies = f"-{self.replicas}replicas" if self.replicas > 1 else ""
        return f"{self.choice.name.replace(' ', '-')}{layout}{copies}-{self.model}{batched}"


def _choice(**fields: Any) -> EngineChoice:
    return EngineChoice(threads=1, **fields)


CASES = [
    Case(choice=None, model="colours"),
    Case(choice=None, model="colours", batched=True),
    *(Case(choice=_choice(), model=model, batched=True) for model in ("tiny", "int8", "starter")),
    *(
        Case(choice=choice, model=model)
        for model in ("tiny", "clip", "starter")
        for choice in (
            EngineChoice(threads=2),
            _choice(runtime="openvino"),
            _choice(runtime="torch"),
            _choice(runtime="torch", mode="eager"),
        )
    ),
    Case(choice=EngineChoice(runtime="openvino", threads=1, streams=2), model="tiny"),
    Case(choice=_choice(runtime="torch"), model="tiny", replicas=2),
    Case(choice=_choice(runtime="torch", precision="bfloat16"), model="tiny", alike=BFLOAT16),
    Case(choice=_choice(), model="int8"),
    Case(choice=_choice(runtime="openvino"), model="int8"),
    *(
        Case(choice=EngineChoice(runtime="torch", device="cuda", precision=precision), model="tiny")
        for precision in ("float32", "bfloat16", "float16")
    ),
    Case(choice=EngineChoice(device="cuda"), model="tiny"),
    Case(choice=EngineChoice(device="tensorrt"), model="tiny"),
]

INT8S = [case for case in CASES if case.model == "int8"]
FLOATS = [case for case in CASES if case.choice is not None and case.model != "int8"]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """Made when first asked for."""
    return _Bundles(tmp_path_factory)


class _Bundles(dict[str, Any]):
    def __init__(self, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self._folders = folders

    def __missing__(self, model: str) -> Bundle:
        self[model] = getattr(self, f"_{model}")()
        return self[model]

    def _starter(self) -> Bundle:
        try:
            bundle = starter_bundle()
        except ModelNotFound as error:
            pytest.skip(str(error))
        if not (bundle.folder / "model.safetensors").is_file():
            pytest.skip("the starter's float weights: model.safetensors is absent")
        return bundle

    def _tiny(self) -> Bundle:
        modelmaker = pytest.importorskip(
            "modelmaker", reason="pip install 'satseek[torch]'", exc_type=ImportError
        )
        return modelmaker.make_bundle(self._folders.mktemp("engine"), modelmaker.TINY)

    def _clip(self) -> Bundle:
        clipmaker = pytest.importorskip(
            "clipmaker", reason="pip install 'satseek[torch]'", exc_type=ImportError
        )
        from satseek.checkpoints.importing import import_checkpoint  # noqa: PLC0415 - an extra

        folder = self._folders.mktemp("clip")
        made = clipmaker.make_clip_directory(folder / "made")
        (folder / "bundle").mkdir()
        import_checkpoint(made, folder / "bundle", offline=True)
        return open_bundle(folder / "bundle")

    def _int8(self) -> Bundle:
        pytest.importorskip("onnx", reason="pip install 'satseek[quantize]'")
        from int8maker import make_int8  # noqa: PLC0415 - needs onnx

        return make_int8(self["tiny"], self._folders.mktemp("int8"))


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    choice = request.param.choice
    if choice is not None and not installed(choice.runtime):
        pytest.skip(install_line(choice.runtime))
    if choice is not None and choice.device != "cpu" and not this_machine().gpus:
        pytest.skip("an NVIDIA GPU is not on this machine")
    return request.param


@pytest.fixture(scope="module")
def engine(case: Case, bundles: dict[str, Bundle]) -> Iterator[Engine]:
    engine = _engine(case, bundles)
    if not case.batched:
        yield engine
        return
    batching = BatchingEngine(engine, max_rows=4, max_delay_s=0.002, queue_rows=1000, streams=2)
    yield batching
    batching.close()


def _engine(case: Case, bundles: dict[str, Bundle]) -> Engine:
    if case.choice is None:
        return ColourEngine()
    bundle = bundles[case.model]
    if case.replicas == 1:
        return open_engine(bundle, case.choice)
    from satseek.engines.torch import TorchEngine  # noqa: PLC0415 - an extra

    return TorchEngine(bundle, threads=1, devices=["cpu"] * case.replicas)


@pytest.fixture(scope="module")
def tensor(engine: Engine) -> Tensor:
    size = engine.card.image_size
    return np.random.default_rng(0).uniform(-1, 1, (9, 3, size, size)).astype(np.float32)


@pytest.fixture(scope="module")
def ids(case: Case, engine: Engine, bundles: dict[str, Bundle]) -> TokenIds:
    if case.model == "clip":  # its text tower looks for the end token
        words = [f"{'a ' * number}river" for number in range(9)]
        return Tokenizer.from_bundle(bundles["clip"]).encode(words)
    return np.random.default_rng(1).integers(2, 60, (9, engine.card.context_length))


def _least(left: np.ndarray, right: np.ndarray) -> float:
    return float((unit_rows(left).astype(np.float64) * unit_rows(right)).sum(axis=1).min())


def test_features_have_the_shape_of_the_card(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    for features in (engine.image_features(tensor), engine.text_features(ids)):
        assert ((9, engine.card.dim), np.float32) == (features.shape, features.dtype)
        assert np.isfinite(features).all()


def test_rows_differ(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    assert len(np.unique(engine.image_features(tensor), axis=0)) == 9
    assert len(np.unique(engine.text_features(ids), axis=0)) == 9


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_a_row_does_not_depend_on_its_batch(
    case: Case, engine: Engine, tensor: Tensor, ids: TokenIds, size: int
) -> None:
    starts = range(0, 9, size)
    images = [engine.image_features(tensor[i : i + size]) for i in starts]
    assert _least(engine.image_features(tensor), np.concatenate(images)) >= case.alike
    texts = [engine.text_features(ids[i : i + size]) for i in starts]
    assert _least(engine.text_features(ids), np.concatenate(texts)) >= case.alike


def test_a_row_does_not_depend_on_what_is_beside_it(
    case: Case, engine: Engine, tensor: Tensor, ids: TokenIds
) -> None:
    """One scale for a whole batch, as dynamic quantization takes it, is caught by a loud row."""
    loud = tensor.copy()
    loud[1:] *= 20
    together = engine.image_features(loud)[:1]
    assert _least(engine.image_features(tensor)[:1], together) >= case.alike
    others = ids.copy()
    others[1:] = others[1:, ::-1]
    assert _least(engine.text_features(ids)[:1], engine.text_features(others)[:1]) >= case.alike


def test_a_row_does_not_depend_on_its_place(
    case: Case, engine: Engine, tensor: Tensor, ids: TokenIds
) -> None:
    turned = engine.image_features(np.ascontiguousarray(tensor[::-1]))
    assert _least(engine.image_features(tensor)[::-1], turned) >= case.alike
    turned = engine.text_features(np.ascontiguousarray(ids[::-1]))
    assert _least(engine.text_features(ids)[::-1], turned) >= case.alike


def _same(case: Case, left: np.ndarray, right: np.ndarray) -> bool:
    """Whether the same rows came, to the bit unless a row may have been alone."""
    if not case.batched:
        return np.array_equal(left, right)
    return np.allclose(unit_rows(left), unit_rows(right), rtol=0, atol=ALONE)


def test_the_same_again_is_the_same(
    case: Case, engine: Engine, tensor: Tensor, ids: TokenIds
) -> None:
    assert _same(case, engine.image_features(tensor), engine.image_features(tensor))
    assert _same(case, engine.text_features(ids), engine.text_features(ids))


def test_no_rows_give_no_rows(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    assert engine.image_features(tensor[:0]).shape == (0, engine.card.dim)
    assert engine.text_features(ids[:0]).shape == (0, engine.card.dim)


def test_threads_share_an_engine(case: Case, engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    images, texts = engine.image_features(tensor), engine.text_features(ids)

    def both(_: int) -> tuple[np.ndarray, np.ndarray]:
        return engine.image_features(tensor), engine.text_features(ids)

    with ThreadPoolExecutor(4) as pool:
        for found_images, found_texts in pool.map(both, range(8)):
            assert _same(case, images, found_images)
            assert _same(case, texts, found_texts)


def test_what_was_given_out_is_not_written_over(engine: Engine, tensor: Tensor) -> None:
    first = engine.image_features(tensor)
    kept = first.copy()
    engine.image_features(tensor[::-1].copy())
    assert np.array_equal(kept, first)


def test_what_is_given_is_left_alone(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    tensor_before, ids_before = tensor.copy(), ids.copy()
    engine.image_features(tensor)
    engine.text_features(ids)
    assert np.array_equal(tensor_before, tensor)
    assert np.array_equal(ids_before, ids)


def test_rows_that_cannot_be_written_to_are_taken(engine: Engine, tensor: Tensor) -> None:
    tensor = tensor.copy()
    tensor.flags.writeable = False
    assert engine.image_features(tensor).shape == (9, engine.card.dim)


@pytest.mark.parametrize("case", FLOATS, ids=lambda case: case.name, indirect=True)
def test_float_engines_agree_with_transformers(
    case: Case, engine: Engine, bundles: dict[str, Bundle], tensor: Tensor, ids: TokenIds
) -> None:
    assert case.choice is not None
    modelmaker = pytest.importorskip(
        "modelmaker", reason="pip install 'satseek[torch]'", exc_type=ImportError
    )
    import torch  # noqa: PLC0415 - an extra

    folder = bundles[case.model].folder
    if case.model == "clip":
        from clipmaker import load_clip_oracle  # noqa: PLC0415 - likewise

        oracle = load_clip_oracle(folder)
    else:
        oracle = modelmaker.load_oracle(folder)
    with torch.no_grad():
        images = oracle.get_image_features(pixel_values=torch.from_numpy(tensor)).pooler_output
        texts = oracle.get_text_features(input_ids=torch.from_numpy(ids)).pooler_output
    least = TO_TRANSFORMERS if case.choice.precision == "float32" else 0.998
    assert _least(images.numpy(), engine.image_features(tensor)) >= least
    assert _least(texts.numpy(), engine.text_features(ids)) >= least


@pytest.mark.parametrize("case", INT8S, ids=lambda case: case.name, indirect=True)
def test_int8_engines_agree_with_onnx_runtime(
    engine: Engine, bundles: dict[str, Bundle], tensor: Tensor, ids: TokenIds
) -> None:
    expected = OnnxEngine(bundles["int8"], threads=1)
    assert _least(expected.image_features(tensor), engine.image_features(tensor)) >= ONE_STEP
    assert _least(expected.text_features(ids), engine.text_features(ids)) >= ONE_STEP


def test_every_installed_runtime_is_under_this_suite() -> None:
    tested = {case.choice.runtime for case in CASES if case.choice is not None}
    there = {name for name in ("onnxruntime", "openvino", "torch") if find_spec(name)}
    assert there <= tested

"""How much memory does a process hold that ran both towers, and nothing else?

Run: ``python bench/resident.py transformers|onnxruntime FOLDER``; prints megabytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

BATCH = 8


def resident(kind: str, folder: str) -> int:
    """Megabytes resident after both towers ran: transformers in float32, or a bundle."""
    rng = np.random.default_rng(0)
    if kind == "transformers":
        import torch  # noqa: PLC0415
        from transformers import SiglipModel  # noqa: PLC0415

        model = SiglipModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        size, text = model.config.vision_config.image_size, model.config.text_config
        with torch.inference_mode():
            model.get_image_features(pixel_values=torch.rand(BATCH, 3, size, size))
            model.get_text_features(
                input_ids=torch.ones(BATCH, text.max_position_embeddings, dtype=torch.int64)
            )
    else:
        from satseek.engines.onnxruntime import OnnxEngine  # noqa: PLC0415
        from satseek.model.bundle import open_bundle  # noqa: PLC0415

        bundle = open_bundle(Path(folder))
        size, length = bundle.card.image_size, bundle.card.context_length
        engine = OnnxEngine(bundle, threads=2)
        engine.image_features(rng.random((BATCH, 3, size, size), np.float32))
        engine.text_features(np.ones((BATCH, length), np.int64))
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    print(resident(sys.argv[1], sys.argv[2]))

"""What tutorials show: FastAPI around transformers, one forward pass for each request.

Texts are padded to the model's own length, so that its vectors are right; nothing else is done.
Run: ``MODEL=DIR uvicorn tutorial:app``.
"""

from __future__ import annotations

import base64
import io
import os

import torch
from fastapi import FastAPI
from PIL import Image
from pydantic import BaseModel
from transformers import AutoModel, AutoProcessor

FOLDER = os.environ["MODEL"]
torch.set_num_threads(int(os.environ.get("THREADS", "2")))
model = AutoModel.from_pretrained(FOLDER, dtype=torch.float32).eval()
processor = AutoProcessor.from_pretrained(FOLDER)
app = FastAPI()


class Asked(BaseModel):
    """A text or an image."""

    text: str | None = None
    image: str | None = None


@app.post("/embed")
def embed(asked: Asked) -> dict[str, list[float]]:
    """Give one vector."""
    with torch.inference_mode():
        if asked.text is not None:
            ids = processor(
                text=[asked.text], padding="max_length", truncation=True, return_tensors="pt"
            )
            features = model.get_text_features(input_ids=ids["input_ids"])
        else:
            image = Image.open(io.BytesIO(base64.b64decode(asked.image or ""))).convert("RGB")
            pixels = processor(images=image, return_tensors="pt")
            features = model.get_image_features(pixel_values=pixels["pixel_values"])
    rows = getattr(features, "pooler_output", features)
    return {"vector": torch.nn.functional.normalize(rows, dim=-1)[0].tolist()}

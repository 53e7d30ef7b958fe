"""Generates the messages of the Open Inference Protocol from its proto file.

Run it after every change, with ``make proto``, which says with which generator. The messages get a
descriptor pool of their own: clients bring the same names along, and a process that holds both, a
notebook or a test, must be able to import both.
"""

from __future__ import annotations

import re
import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "src" / "satseek" / "service" / "inference" / "generated"


def generate(target: Path) -> None:
    """Write ``open_inference_pb2.py`` and its types into a folder."""
    include = resources.files("grpc_tools") / "_proto"
    options = [f"-I{HERE}", f"-I{include}", f"--python_out={target}", f"--pyi_out={target}"]
    if protoc.main(["protoc", *options, "open_inference.proto"]):
        raise SystemExit("protoc failed")
    written = target / "open_inference_pb2.py"
    text = written.read_text(encoding="utf-8")
    shared, own = r"_descriptor_pool\.Default\(\)", "_descriptor_pool.DescriptorPool()"
    text, pools = re.subn(shared, own, text)
    if pools != 1:
        raise SystemExit("protoc writes otherwise than expected: found no default pool")
    written.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if sys.argv[1:] else TARGET)

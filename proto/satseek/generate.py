"""Generates the messages of satseek.v1 from their proto file.

Run it after every change, with ``make proto``. That takes the oldest generator whose messages load
without complaint, as they load with its release of protobuf and every later one. The messages get a
descriptor pool of their own: a client that generated its own from the same file, in a notebook or a
test, must be able to import both.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "src" / "satseek" / "service" / "rpc" / "generated"
SOURCE = "satseek/v1/satseek.proto"


def generate(target: Path) -> None:
    """Write ``satseek_pb2.py`` and its types into a folder."""
    options = [f"--python_out={target}", f"--pyi_out={target}"]
    if protoc.main(["protoc", f"-I{HERE.parent}", *options, SOURCE]):
        raise SystemExit("protoc failed")
    for path in (target / SOURCE).parent.glob("satseek_pb2.py*"):
        path.rename(target / path.name)
    (target / "satseek" / "v1").rmdir()
    (target / "satseek").rmdir()
    written = target / "satseek_pb2.py"
    text = written.read_text(encoding="utf-8")
    shared, own = r"_descriptor_pool\.Default\(\)", "_descriptor_pool.DescriptorPool()"
    text, pools = re.subn(shared, own, text)
    if pools != 1:
        raise SystemExit("protoc writes otherwise than expected: found no default pool")
    written.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if sys.argv[1:] else TARGET)

#!/usr/bin/env bash
# An environment → the same one without what satseek never loads. Knows nothing of the network.
# What goes is named here, and why; `smoke.sh` shows that nothing is missed.
set -euo pipefail

environment=${1:?usage: prune.sh ENVIRONMENT}
cd "$environment"/lib/python3.*/site-packages

gone() { # gone WHAT…: paths that may be there or not, such as those of the other variant
  rm -rf -- "$@"
}

# Tests of others, and what is there to build against libraries, not to run them.
find . -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf -- {} +
find . -type d -name include -path '*/pyarrow/*' -prune -exec rm -rf -- {} +
find . -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.pyi' -o -name '*.a' \
  -o -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' \) -delete
gone numpy/f2py numpy/typing numpy/_core/include numpy/_core/lib

# pyarrow writes and reads Parquet: no Flight, no ORC, no file systems of clouds (those are obstore's).
gone pyarrow/*flight* pyarrow/*s3fs* pyarrow/libarrow_s3.so* pyarrow/*_gcsfs* pyarrow/*_azurefs* \
  pyarrow/*_hdfs* pyarrow/*_orc* pyarrow/*_pyarrow_cpp_tests* pyarrow/*parquet_encryption* \
  pyarrow/_gandiva* pyarrow/src
# Three files of the same bytes, as wheels carry no links: the loader asks for the one with a number.
gone pyarrow/libarrow_python.so pyarrow/libarrow_python.so.*.*.*

# The module carries the runtime itself; the library beside it is for programs in C.
gone onnxruntime/capi/libonnxruntime.so* onnxruntime/tools onnxruntime/transformers \
  onnxruntime/quantization onnxruntime/datasets

# Transfers of model hubs (`satseek[torch]` alone knows them).
gone hf_xet

# Elements of NiceGUI that the page does not have.
for element in aggrid altair codemirror echart joystick json_editor mermaid plotly scene xterm; do
  gone "nicegui/elements/$element/dist"
done
gone nicegui/static/sass.dart.js nicegui/static/quasar.umd.js nicegui/static/vue.esm-browser.js
gone nicegui/testing

# Fonts are embedded in reports; these make fonts.
gone fontTools/{voltLib,feaLib,mtiLib,designspaceLib,ufoLib,qu2cu,cu2qu,merge}

# AVIF is no image that satseek opens; Pillow asks for its decoder only then.
gone PIL/_avif* pillow.libs/libavif*

# Three copies of the EPSG registry: one is enough for whoever reads the same layout, or an older one.
newest=pyogrio/proj_data/proj.db
layout() { python3 - "$1" <<'PYTHON'
import sqlite3, sys
query = "SELECT value FROM metadata WHERE key LIKE 'DATABASE.LAYOUT.VERSION.%' ORDER BY key"
print([int(value) for (value,) in sqlite3.connect(sys.argv[1]).execute(query)])
PYTHON
}
for copy in rasterio/proj_data pyproj/proj_dir/share/proj; do
  [ "$(layout "$copy/proj.db")" = "$(layout $newest)" ] || continue
  ln -sf "$(realpath --relative-to "$copy" $newest)" "$copy/proj.db"
done

# Programs of other packages.
find ../../../bin -type f ! -name 'python*' ! -name satseek -delete

find . -type f \( -name '*.so' -o -name '*.so.*' \) -exec strip --strip-unneeded {} +

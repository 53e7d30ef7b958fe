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
gone numpy/f2py numpy/_core/include numpy/_core/lib numpy/_core/_simd.* numpy/_core/_*_tests.*
# Lists of what pip wrote, which is no longer so.
rm -f -- *.dist-info/RECORD

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

# Colours for languages that nothing here is written in.
find pygments/lexers -name '*.py' ! -name '__init__.py' ! -name '_mapping.py' ! -name 'python.py' ! -name 'special.py' ! -name 'data.py' \
  -delete 2>/dev/null || true

# Elements of NiceGUI that the page does not have.
for element in aggrid altair codemirror echart joystick json_editor mermaid plotly scene xterm; do
  gone "nicegui/elements/$element/dist"
done
gone nicegui/static/sass.dart.js nicegui/static/quasar.umd.js nicegui/static/vue.esm-browser.js
gone nicegui/testing

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
# Tables of GDAL that both releases have: one of each.
if [ -e pyogrio/gdal_data ]; then
  for file in rasterio/gdal_data/*; do
    ! cmp -s "$file" "pyogrio/gdal_data/${file##*/}" || ln -sf "../../$file" "pyogrio/gdal_data/${file##*/}"
  done
fi

# Programs, headers and pages of other packages.
gone ../../../include ../../../share
find ../../../bin -type f ! -name 'python*' ! -name satseek -delete

# Charts and pages, which the archive of a closed network is made of: that is made where pip is.
gone satseek/_shipped

find . -type f \( -name '*.so' -o -name '*.so.*' \) -exec strip --strip-unneeded {} +

# Wheels carry their own copies of libraries: those of the same release and with an interface in C are kept once.
patchelf=${PATCHELF:-patchelf}
once() { # once FOLDER LIBRARY THERE USER…: the users of FOLDER/LIBRARY-… take that of the folder THERE
  local own theirs
  own=$(echo "$1/$2"-*.so.*)
  theirs=$(echo "$3/$2"-*.so.*)
  [ -e "$own" ] && [ "${own##*.so.}" = "${theirs##*.so.}" ] || return 0
  # shellcheck disable=SC2016 # the loader knows what $ORIGIN is
  "$patchelf" --replace-needed "${own##*/}" "${theirs##*/}" \
    --set-rpath "\$ORIGIN:\$ORIGIN/../$1:\$ORIGIN/../$3" "${@:4}"
  rm "$own"
}
once shapely.libs libgeos_c rasterio.libs shapely/*.so
[ -e "$(echo shapely.libs/libgeos_c-*)" ] || gone shapely.libs
once pyproj.libs libcurl rasterio.libs pyproj.libs/libproj-*
[ -e "$(echo pyproj.libs/libcurl-*)" ] || gone pyproj.libs/libnghttp2-*

# Other libraries of pyarrow name this one, and ask nothing of it.
substrait=$(echo pyarrow/libarrow_substrait.so.*)
if [ -e "$substrait" ]; then
  find pyarrow -name '*.so*' -type f -exec "$patchelf" --remove-needed "${substrait##*/}" {} +
  gone pyarrow/*substrait*
fi

# Whatever was moved: every module finds what it asks for.
lost=$(find . -type f \( -name '*.cpython-*.so' -o -name '*.abi3.so' \) -exec ldd {} + 2>/dev/null | grep 'not found' | sort -u || true)
[ -z "$lost" ] || { echo "prune.sh: $lost" >&2; exit 1; }

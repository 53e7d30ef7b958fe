#!/bin/sh
# Writes the plain manifests beside it, or into the folder named, from the chart: for those who have no Helm.
#   HELM=/path/to/helm deploy/kubernetes/render.sh [FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
chart=$here/../helm/satseek
to=${1:-$here}
for name in minimal cpu gpu gpus; do
  rendered=$("${HELM:-helm}" template satseek "$chart" --namespace satseek --kube-version 1.30.0 \
    --no-hooks --skip-tests --values "$chart/values/$name.yaml")
  {
    echo "# Written by deploy/kubernetes/render.sh from the chart with values/$name.yaml: change those, not this."
    printf '%s\n' "$rendered" | sed 's/[[:space:]]*$//'
  } >"$to/$name.yaml"
done

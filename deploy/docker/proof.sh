#!/bin/sh
# What an image has to be able to do, run inside of it: by smoke.sh, or by an engine:
#   docker run --rm --read-only --tmpfs /tmp --network none -v "$PWD/deploy/docker/proof.sh:/proof.sh:ro" \
#     --entrypoint sh satseek:0.2.0 /proof.sh
# Prints what it has shown, a line each; ends at the first thing that does not work.
set -eu

said() { printf '%s\n' "$*"; }
dies() { said "FAILED: $*" >&2; exit 1; }

[ "$(id -u)" = 10001 ] || dies "runs as $(id -u), not 10001"
if touch /opt/satseek/here 2>/dev/null; then dies "the root can be written"; fi
said "uid 10001, root filesystem read-only"

satseek --version
satseek doctor >/tmp/doctor || { cat /tmp/doctor; dies "doctor"; }
satseek model verify starter >/dev/null 2>&1 || dies "the starter model"
python3 - <<'PYTHON'
from rasterio.env import Env
with Env() as env:
    there = set(env.drivers())
wanted = {"GTiff", "COG", "JP2OpenJPEG", "JPEG", "PNG", "WEBP", "VRT", "netCDF", "HDF5"}
assert wanted <= there, wanted - there
import pyogrio
wanted = {"GPKG", "ESRI Shapefile", "FlatGeobuf", "GeoJSON", "KML", "GPX"}
assert wanted <= set(pyogrio.list_drivers()), wanted
import faiss, geopandas, grpc, joserfc, ldap3, obstore, opentelemetry.sdk, rq  # noqa
PYTHON
said "GDAL's drivers, FAISS, gRPC, LDAP, OIDC, S3, RQ, traces"

mkdir /tmp/work
cd /tmp/work
satseek demo make county --size 1024 2>/dev/null
satseek index county -c county 2>/dev/null >/dev/null
satseek search 'storage tanks by a river' -c county -k 3 >/tmp/hits
grep -q epsg /tmp/hits || dies "a search found nothing"
satseek search 水库 -c county -k 3 >/dev/null
said "made a county, indexed it, found by English and Chinese words"

for end in geojson geojsons gpkg shp.zip fgb parquet csv xlsx; do
  satseek search 'a quarry' -c county -k 5 --out "hits.$end" --crs "$(case $end in geojson*) echo EPSG:4326 ;; *) echo EPSG:32633 ;; esac)" >/dev/null 2>&1 ||
    dies "hits as $end"
  [ -s "hits.$end" ] || dies "hits as $end"
done
satseek export county --out chips.parquet --vectors >/dev/null 2>&1 || dies "chips with vectors"
for area in hits.gpkg hits.fgb hits.shp.zip hits.geojson; do
  satseek export county --out part.csv --area $area >/dev/null 2>&1 || dies "an area from $area"
done
said "hits and chips as geojson, geojsons, gpkg, shp.zip, fgb, parquet, csv, xlsx; areas from four of them"

satseek map heat county 'a quarry' --out heat.tif >/dev/null 2>&1 || dies "a heat map"
satseek landuse run -c county --out landuse >/dev/null 2>&1 || dies "land use"
satseek report landuse --out report.pdf >/dev/null 2>&1 || dies "a report as PDF"
head -c 4 report.pdf | grep -q %PDF || dies "the report is no PDF"
said "a heat map as COG, land use, a report as PDF"

job=$(satseek index county -c again --detach 2>/dev/null)
satseek worker --burst >/dev/null 2>&1 || dies "a worker"
satseek jobs wait "$job" --timeout 60 >/dev/null 2>&1 || dies "a job"
said "a job done by a worker"

satseek backup /data-backup >/dev/null 2>&1 && dies "a backup outside of its volumes"
satseek backup /tmp/backups >/dev/null 2>&1 || dies "a backup"
said "a backup"

begun=$(date +%s)
SATSEEK_HOST=127.0.0.1 satseek serve --grpc-port 7861 >/tmp/serve.log 2>&1 &
server=$!
tries=0
until python3 -I /usr/share/satseek/health.py 2>/dev/null; do
  tries=$((tries + 1))
  [ $tries -lt 300 ] || { cat /tmp/serve.log; dies "not ready"; }
  sleep 0.2
done
said "ready after $(($(date +%s) - begun)) s"
python3 - <<'PYTHON'
import json, re, socket, urllib.request as web

def got(path, body=None):
    asked = web.Request("http://127.0.0.1:7860" + path, data=body and json.dumps(body).encode())
    asked.add_header("Content-Type", "application/json")
    with web.urlopen(asked, timeout=30) as answer:
        return answer.read().decode()

page = got("/")
assert "leaflet" in page.lower(), page[:500]
linked = set(re.findall(r'(?:src|href)="(/[^"]+)"', page)) | set(re.findall(r'"(/_nicegui[^"]+)"', page))
files = [one for one in linked if re.search(r"\.(js|mjs|css|woff2)$", one.split("?")[0])]
for one in files:
    got(one)
assert len(files) > 5, linked
hits = json.loads(got("/v1/search", {"collection": "county", "text": "a quarry", "k": 3}))
assert "satseek_ready 1" in got("/metrics")
socket.create_connection(("127.0.0.1", 7861), timeout=5).close()
print(f"page with {len(files)} files of its own, search, figures, gRPC")
PYTHON
kill -TERM $server
wait $server || dies "the server ended with $?"
said "the server drained and ended with 0"
if SATSEEK_HOST=0.0.0.0 satseek serve >/tmp/open.log 2>&1; then dies "serves others without asking"; fi
said "refuses to serve others without authentication"

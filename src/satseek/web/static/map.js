// Extent, hits, area and tiles → a map without any basemap; a drawn shape → the query's area.
// Knows no search. Every tile comes from this server.

import { byId, boot, day, el, say } from "./elements.js";
import { change, collectionPath, on, query, tell } from "./asking.js";

let map = null;
let extent = null; // Leaflet bounds of the collection
let hits = null; // layer group: footprints
let outline = null;
let area = null;
let lattice = null;
let lit = null;
const shapes = new Map(); // chip → its footprint
const FOOT_PX = 22; // below the time line, and between it and the labels
const PANES = { lattice: 300, imagery: 310, before: 311, after: 312, dated: 313, maps: 330, labels: 340 };

export async function startMap() {
  map = await waitFor(() => document.querySelector("#app .leaflet-container") && getElement(boot.map)?.map);
  byId("place").prepend(map.getContainer());
  map.invalidateSize();
  for (const [name, height] of Object.entries(PANES)) map.createPane(name).style.zIndex = height;
  hits = L.featureGroup().addTo(map);
  lattice = L.layerGroup().addTo(map);
  map.zoomControl.setPosition("topleft");
  map.getContainer().setAttribute("aria-label", say("map_keys"));
  L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
  map.on("moveend", drawLattice);
  startDrawing();
  byId("home").addEventListener("click", home);
  on("answer", (answer) => showHits(answer?.hits ?? []));
  on("refusal", () => showHits([]));
  on("area", showArea);
  on("query", () => { if (!query.area) showArea(null); });
  on("timeline", drawLattice);
  on("light", light);
  on("focus", focus);
  on("footprints", (visible) => (visible ? hits.addTo(map) : hits.remove()));
  new ResizeObserver(() => map.invalidateSize()).observe(map.getContainer());
  drawLattice();
  return map;
}

async function waitFor(find) {
  for (let tries = 0; tries < 1200; tries += 1) {
    const there = find();
    if (there) return there;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("satseek: the map did not appear");
}

// ---- what the page tells ----

/** Outline the collection and fit the map to it; without an extent say why the map stays empty. */
export function showExtent(box) {
  outline?.remove();
  outline = extent = null;
  if (!box) return;
  const [west, south, east, north] = box;
  extent = L.latLngBounds([south, west], [north, east]);
  outline = L.rectangle(extent, { className: "extent", interactive: false, pane: "lattice" }).addTo(map);
  home();
}

function home() {
  if (extent) map.fitBounds(extent, { ...clear(), animate: false });
}

/** Room that the overlays take from the map's edges. */
export const clear = () => ({ paddingTopLeft: [58, 16], paddingBottomRight: [16, 92] });

function showHits(found) {
  hits.clearLayers();
  shapes.clear();
  lit = null;
  for (const hit of [...found].reverse()) {
    if (!hit.footprint) continue;
    const shape = L.geoJSON(hit.footprint, { style: { className: "footprint", weight: 1.5 } });
    shape.bindTooltip(`#${hit.rank} · ${day(hit.datetime)}`, { sticky: true });
    shape.on("mouseover", () => tell("light", hit.chip));
    shape.on("click", () => { tell("light", hit.chip); tell("reveal", hit.chip); });
    shape.on("dblclick", (event) => { L.DomEvent.stop(event); tell("open", hit.chip); });
    shape.addTo(hits);
    shapes.set(hit.chip, shape);
  }
}

function showArea(geometry) {
  area?.remove();
  area = geometry && L.geoJSON(geometry, { style: { className: "area" }, interactive: false }).addTo(map);
  if (area && !map.getBounds().contains(area.getBounds())) map.fitBounds(area.getBounds(), clear());
}

function focus(chip) {
  const shape = shapes.get(chip);
  if (!shape) return;
  map.fitBounds(shape.getBounds().pad(2), { ...clear(), maxZoom: 18 });
  tell("light", chip);
}

function light(chip) {
  if (chip === lit) return;
  paint(shapes.get(lit), false);
  paint(shapes.get(chip), true);
  lit = chip;
}

function paint(shape, on) {
  shape?.eachLayer((layer) => {
    if (on) layer.bringToFront();
    layer.getElement()?.classList.toggle("lit", on);
  });
}

// ---- tiles of this server ----

/** A layer of tiles; `parameters` is what follows the path, `pane` where it lies. */
export function tiles(kind, parameters, pane) {
  const text = new URLSearchParams(parameters).toString();
  return tilesAt(`v1/${collectionPath()}/${kind}/{z}/{x}/{y}.png${text && `?${text}`}`, pane, { bounds: extent ?? undefined });
}

/** A layer of tiles whose address has `{z}`, `{x}` and `{y}`. */
export function tilesAt(address, pane, options) {
  const layer = L.tileLayer(address, {
    pane, maxZoom: 22, maxNativeZoom: 20, keepBuffer: 1, updateWhenIdle: true, ...options,
  });
  const tries = new Map();
  layer.on("tileerror", ({ tile, coords }) => { // busy: asked for again, a few times
    const key = `${coords.z}/${coords.x}/${coords.y}`;
    const count = (tries.get(key) ?? 0) + 1;
    tries.set(key, count);
    if (count < 4) setTimeout(() => { tile.src = layer.getTileUrl(coords); }, 500 * count);
  });
  return layer;
}

export const theMap = () => map;

// ---- drawing ----

let drawing = null;

function startDrawing() {
  const words = L.drawLocal.draw;
  words.handlers.rectangle.tooltip.start = say("draw_rectangle_how");
  words.handlers.simpleshape.tooltip.end = say("draw_release");
  words.handlers.polygon.tooltip.start = say("draw_polygon_start");
  words.handlers.polygon.tooltip.cont = say("draw_polygon_on");
  words.handlers.polygon.tooltip.end = say("draw_polygon_end");
  const style = { className: "area", weight: 2 };
  // Leaflet.draw's readout of a rectangle's area fails in strict scripts: it is left out.
  const kinds = {
    "draw-rectangle": () => new L.Draw.Rectangle(map, { showArea: false, shapeOptions: style }),
    "draw-polygon": () => new L.Draw.Polygon(map, { allowIntersection: false, shapeOptions: style }),
  };
  for (const [id, make] of Object.entries(kinds)) {
    byId(id).addEventListener("click", () => {
      const mine = drawing?.id === id;
      stopDrawing();
      if (mine) return;
      drawing = { id, tool: make() };
      byId(id).setAttribute("aria-pressed", "true");
      drawing.tool.enable();
    });
  }
  map.on("draw:drawstop", () => stopDrawing());
  map.on("draw:created", ({ layer }) => {
    const shape = layer.toGeoJSON().geometry;
    showArea(shape);
    change({ area: shape });
  });
}

/** End drawing without an area; tells whether anything was being drawn. */
export function stopDrawing() {
  if (!drawing) return false;
  const { id, tool } = drawing;
  drawing = null;
  byId(id).setAttribute("aria-pressed", "false");
  tool.disable();
  return true;
}

// ---- the map without a basemap: meridians and parallels ----

function drawLattice() {
  lattice.clearLayers();
  const view = map.getBounds();
  const step = niceStep((view.getEast() - view.getWest()) / 5);
  const [south, north] = [Math.max(-85, view.getSouth()), Math.min(85, view.getNorth())];
  const foot = map.containerPointToLatLng([0, map.getSize().y - byId("timeline").offsetHeight - FOOT_PX]).lat;
  const style = { className: "lattice", weight: 1, interactive: false, pane: "lattice" };
  for (let x = Math.ceil(view.getWest() / step) * step; x <= view.getEast(); x += step) {
    L.polyline([[south, x], [north, x]], style).addTo(lattice);
    label([foot, x], degrees(x, step, "E", "W"), "foot");
  }
  for (let y = Math.ceil(south / step) * step; y <= north; y += step) {
    L.polyline([[y, view.getWest()], [y, view.getEast()]], style).addTo(lattice);
    label([y, view.getEast()], degrees(y, step, "N", "S"), "right");
  }
}

function label(place, text, side) {
  const html = el("span", {}, text).outerHTML;
  const icon = L.divIcon({ className: `lattice-label ${side}`, html, iconSize: [0, 0] });
  L.marker(place, { icon, interactive: false, keyboard: false, pane: "labels" }).addTo(lattice);
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= rough);
}

function degrees(value, step, positive, negative) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const shown = Math.abs(value).toFixed(digits);
  return Number(shown) === 0 ? "0°" : `${shown}° ${value > 0 ? positive : negative}`;
}

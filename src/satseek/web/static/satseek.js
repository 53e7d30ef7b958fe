"use strict";
// Hits in the grid and footprints on the map → one selection.
// Knows no server: the page tells it what to show, and it tells the page which area was drawn.
window.satseek = (() => {
  const shapes = new Map(); // chip id → footprint layer
  let map = null;
  let extent = null; // Leaflet bounds of the whole collection
  let hits = null; // layer group: footprints and thumbnails
  let outline = null; // layer: extent of the collection
  let area = null; // layer: what the search is restricted to
  let lattice = null; // layer group: meridians and parallels

  const waitFor = async (find) => {
    for (let tries = 0; tries < 200; tries += 1) {
      const found = find();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("satseek: the map did not appear");
  };

  async function attach(id) {
    map = await waitFor(() => getElement(id)?.map);
    map.createPane("pictures").style.zIndex = 350; // below the footprints (400)
    map.createPane("lattice").style.zIndex = 300;
    map.createPane("labels").style.zIndex = 320;
    hits = L.layerGroup().addTo(map);
    lattice = L.layerGroup().addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    addHome();
    map.on("moveend", drawLattice);
    map.on("draw:created", (event) => emitEvent("satseek_area", event.layer.toGeoJSON().geometry));
    drawLattice();
    document.addEventListener("mouseover", (event) => light(chipOf(event.target)));
    document.addEventListener("focusin", (event) => light(chipOf(event.target)));
    new ResizeObserver(() => map.invalidateSize()).observe(map.getContainer());
  }

  function addHome() {
    const Home = L.Control.extend({
      onAdd() {
        const bar = L.DomUtil.create("div", "leaflet-bar leaflet-control");
        const link = L.DomUtil.create("a", "satseek-home", bar);
        link.href = "#";
        link.role = "button";
        link.title = "Show the whole collection";
        link.setAttribute("aria-label", link.title);
        link.textContent = "⤢";
        L.DomEvent.on(link, "click", (event) => {
          L.DomEvent.stop(event);
          if (extent) map.fitBounds(extent);
        });
        return bar;
      },
    });
    new Home({ position: "topleft" }).addTo(map);
  }

  // ---- what the page tells ----

  async function showExtent(box) {
    await waitFor(() => hits);
    outline?.remove();
    outline = extent = null;
    if (!box) return;
    const [west, south, east, north] = box;
    extent = L.latLngBounds([south, west], [north, east]).pad(0.05);
    outline = L.rectangle([[south, west], [north, east]], {
      className: "extent",
      interactive: false,
      pane: "lattice",
    }).addTo(map);
    map.fitBounds(extent);
  }

  async function showHits(found) {
    await waitFor(() => hits);
    hits.clearLayers();
    shapes.clear();
    const bounds = L.latLngBounds([]);
    for (const hit of [...found].reverse()) {
      if (!hit.geometry) continue;
      const shape = L.geoJSON(hit.geometry, { style: { className: "footprint", weight: 1.5 } });
      shape.bindTooltip(`#${hit.rank}${hit.date ? ` · ${hit.date}` : ""}`, { sticky: true });
      shape.on("mouseover", () => light(hit.chip));
      shape.on("click", () => reveal(hit.chip));
      if (hit.thumbnail && isUpright(hit.geometry)) {
        L.imageOverlay(hit.thumbnail, shape.getBounds(), { pane: "pictures" }).addTo(hits);
      }
      shape.addTo(hits);
      shapes.set(hit.chip, shape);
      bounds.extend(shape.getBounds());
    }
    if (bounds.isValid()) map.fitBounds(bounds.pad(0.15), { maxZoom: 17 });
    else if (extent) map.fitBounds(extent);
  }

  async function showArea(geometry) {
    await waitFor(() => hits);
    area?.remove();
    area = geometry
      ? L.geoJSON(geometry, { style: { className: "area" }, interactive: false }).addTo(map)
      : null;
  }

  function focus(chip) {
    const shape = shapes.get(chip);
    if (!shape) return;
    map.fitBounds(shape.getBounds().pad(1.5), { maxZoom: 17 });
    light(chip);
  }

  // ---- selection ----

  const chipOf = (target) => target.closest?.(".chip")?.dataset.chip;

  function light(chip) {
    if (!chip) return;
    for (const lit of document.querySelectorAll(".chip.lit, .footprint.lit")) {
      lit.classList.remove("lit");
    }
    cardOf(chip)?.classList.add("lit");
    shapes.get(chip)?.eachLayer((layer) => {
      layer.bringToFront();
      layer.getElement()?.classList.add("lit");
    });
  }

  const cardOf = (chip) =>
    [...document.querySelectorAll(".chip")].find((card) => card.dataset.chip === chip);

  function reveal(chip) {
    light(chip);
    cardOf(chip)?.scrollIntoView({ behavior: "smooth", block: "center" });
  }

  // ---- the map without a basemap ----

  // A thumbnail may lie on the map only where its footprint is an upright rectangle.
  function isUpright(geometry) {
    if (geometry.type !== "Polygon") return false;
    const ring = geometry.coordinates[0];
    const xs = ring.map((point) => point[0]);
    const ys = ring.map((point) => point[1]);
    const [west, east] = [Math.min(...xs), Math.max(...xs)];
    const [south, north] = [Math.min(...ys), Math.max(...ys)];
    const near = (value, low, high) => Math.min(value - low, high - value) <= 0.06 * (high - low);
    return ring.every(([x, y]) => near(x, west, east) && near(y, south, north));
  }

  function drawLattice() {
    lattice.clearLayers();
    const view = map.getBounds().pad(0.2);
    const step = niceStep((view.getEast() - view.getWest()) / 6);
    const [south, north] = [Math.max(-85, view.getSouth()), Math.min(85, view.getNorth())];
    const style = { className: "lattice", weight: 1, interactive: false, pane: "lattice" };
    const corner = map.containerPointToLatLng([0, map.getSize().y]);
    for (let x = Math.ceil(view.getWest() / step) * step; x <= view.getEast(); x += step) {
      L.polyline([[south, x], [north, x]], style).addTo(lattice);
      label([corner.lat, x], degrees(x, step, "E", "W"), "");
    }
    for (let y = Math.ceil(south / step) * step; y <= north; y += step) {
      L.polyline([[y, view.getWest()], [y, view.getEast()]], style).addTo(lattice);
      label([y, map.getBounds().getEast()], degrees(y, step, "N", "S"), "right");
    }
  }

  function label(place, text, side) {
    const html = `<span>${text}</span>`;
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

  // ---- the page around it ----

  function toggleDark() {
    Quasar.Dark.toggle();
    localStorage.setItem("satseek-dark", Quasar.Dark.isActive ? "1" : "0");
  }

  function restoreDark() {
    const kept = localStorage.getItem("satseek-dark");
    if (kept !== null) Quasar.Dark.set(kept === "1");
  }

  // A thumbnail refused because the server is busy is asked for again; any other failure stays.
  document.addEventListener(
    "error",
    async ({ target }) => {
      const card = target.closest?.(".chip");
      if (target.tagName !== "IMG" || !card) return;
      const tries = Number(target.dataset.tries ?? 0);
      const address = target.src;
      const { status } = await fetch(address);
      if (status === 429 && tries < 6) {
        target.dataset.tries = tries + 1;
        setTimeout(() => {
          target.src = "";
          target.src = address;
        }, 300 * (tries + 1));
      } else if (status >= 400 && status !== 429) {
        card.classList.add("unreadable");
      }
    },
    true,
  );

  // An image dropped anywhere on the page is searched with.
  function takeDrops(id) {
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) {
        getElement(id).$refs.qRef.addFiles([event.dataTransfer.files[0]]);
      }
    });
  }

  return {
    attach, showExtent, showHits, showArea, focus, toggleDark, restoreDark, takeDrops,
    pickImage: (id) => getElement(id).$refs.qRef.pickFiles(),
  };
})();

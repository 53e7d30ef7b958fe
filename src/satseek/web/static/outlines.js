// GeoJSON features of an open view → outlines on the map, told apart by a class, pressed and lit.
// Knows neither what they are nor how a class is drawn: satseek.css does.

import { on, place } from "./asking.js";
import { clear, theMap } from "./map.js";

/**
 * Outlines that lie on the map while their view is open.
 *
 * @param view its name.
 * @param kind feature → words of CSS classes, such as `light-red`.
 * @param tip feature → what is said of it below the pointer.
 * @param press feature → nothing; called where somebody presses it.
 */
export function outlines(view, { kind, tip, press }) {
  const shapes = new Map(); // id → its outline
  let group = null;
  let lit = null;
  on("viewed", () => group && (place.view === view ? group.addTo(theMap()) : group.remove()));
  return { show, light, frame };

  /** Show these features and no others. */
  function show(features) {
    group ??= L.featureGroup();
    group.clearLayers();
    shapes.clear();
    for (const one of features) {
      if (!one.geometry) continue;
      const shape = L.geoJSON(one.geometry, { style: { className: `outline ${kind(one)}`, weight: 2 } });
      shape.bindTooltip(tip(one), { sticky: true });
      shape.on("click", () => press(one));
      shape.addTo(group);
      shapes.set(String(one.id), shape);
    }
    if (place.view === view) group.addTo(theMap());
    light(lit);
  }

  /** Make some of them stand out: an id, several, or null for none. */
  function light(ids) {
    lit = ids;
    const chosen = new Set([ids ?? []].flat().map(String));
    for (const [id, shape] of shapes) {
      const on = chosen.has(id);
      shape.eachLayer((layer) => {
        layer.getElement()?.classList.toggle("lit", on);
        if (on) layer.bringToFront();
      });
    }
  }

  /** Bring them, or those named, into sight. */
  function frame(ids = null) {
    const wanted = ids === null ? [...shapes.values()] : [ids].flat().map((id) => shapes.get(String(id))).filter(Boolean);
    if (!wanted.length) return;
    const box = wanted.map((one) => one.getBounds()).reduce((all, one) => all.extend(one), L.latLngBounds([]));
    theMap().fitBounds(box.pad(ids === null ? 0.02 : 0.6), { ...clear(), maxZoom: 18, animate: false });
  }
}

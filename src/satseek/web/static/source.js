// Where scenes come from: a folder, a STAC document or a STAC API → the fields for it, in any form.
//
//   const source = mountSource(byId("some-source"), { words: "watch_folder", required: false });
//   source.asked(area) → null where nothing is named, else { folder, search? } as tasks and watches
//     take it; items of an API are asked for within `area` (GeoJSON), where no box was kept.
//   source.show(scenes) shows what a watch has, and keeps what the fields do not ask for; scenes
//     that a person at the server's terminal named (`here`) cannot be changed. null: nothing.
//
// The fields are called folder and stac_…; those that do not count are disabled.
// Knows no task. A form that is reset calls `source.show(null)`.

import { el, say } from "./elements.js";

const parts = (text, by = ",") => text.split(by).map((one) => one.trim()).filter(Boolean);

export function mountSource(spot, { words = "folder", required = true } = {}) {
  const typed = (name, more = {}) => el("input", { name, maxlength: 1000, autocomplete: "off", spellcheck: "false", ...more });
  const folder = typed("folder", { required, placeholder: "2025/june" });
  const isApi = el("input", { name: "stac_api", type: "checkbox" });
  const collections = typed("stac_collections", { placeholder: "sentinel-2-l2a" });
  const conditions = typed("stac_query", { placeholder: "eo:cloud_cover<20" });
  const most = el("input", { name: "stac_most", type: "number", min: 1, step: 1 });
  const api = el("div", { class: "pairs", hidden: true },
    el("label", {}, say("source_collections"), collections), el("label", {}, say("source_query"), conditions),
    el("label", {}, say("source_most"), most));
  const fixed = el("p", { class: "quiet", hidden: true }, say("source_here"));
  let kept = null;

  function draw() {
    const here = Boolean(kept?.here);
    api.hidden = !isApi.checked;
    fixed.hidden = !here;
    folder.readOnly = here;
    isApi.disabled = here;
    for (const one of [collections, conditions, most]) [one.disabled, one.readOnly] = [!isApi.checked, here];
  }

  function show(scenes) {
    kept = scenes;
    const search = scenes?.search;
    folder.value = scenes?.folder ?? "";
    isApi.checked = Boolean(search);
    collections.value = (search?.collections ?? []).join(", ");
    conditions.value = (search?.query ?? []).join("; ");
    most.value = search?.max_items ?? "";
    draw();
  }

  function asked(area = null) {
    if (kept?.here) return kept;
    const place = folder.value.trim();
    if (!place) return null;
    const { search: former, ...rest } = kept ?? {};
    if (!isApi.checked) return { ...rest, folder: place };
    const said = { collections: parts(collections.value), query: parts(conditions.value, ";"), max_items: Number(most.value) || null };
    const box = !former?.bbox && area ? { bbox: boxOf(area) } : {};
    return { ...rest, folder: place, search: { ...former, ...box, ...said } };
  }

  isApi.addEventListener("change", draw);
  spot.replaceChildren(el("label", {}, say(words), folder), el("label", { class: "switch" }, isApi, ` ${say("source_api")}`), api, fixed);
  draw();
  return { show, asked };
}

/** West, south, east, north of a polygon. */
function boxOf(area) {
  const corners = area.coordinates.flat(area.type === "Polygon" ? 1 : 2);
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

// What lies on the map: imagery, footprints, the heat map of the words, the class map.
// Knows tiles by their addresses only.

import { byId, el, say } from "./elements.js";
import { found, on, query, tell } from "./asking.js";
import { theMap, tiles } from "./map.js";

const chosen = { imagery: true, footprints: true, heat: false, classes: true };
const opacity = { heat: 0.65, classes: 0.65 };
const layers = { imagery: null, heat: null, classes: null };
const addresses = { imagery: "", heat: "", classes: "" };
let labels = null; // what the class map shows: [kind of tiles, its parameters, its legend]
let ground = false; // whether the collection lies anywhere

export function startLayers() {
  byId("layers").open = !matchMedia("(max-width: 520px)").matches; // they would cover half the map
  on("answer", lay);
  on("query", lay);
  on("viewed", lay);
}

/** Begin with another collection, or another state of it. */
export function resetLayers(extent) {
  ground = Boolean(extent);
  labels = null;
  for (const name of Object.keys(addresses)) addresses[name] = "";
  lay();
}

/** Show a class map; null takes it away. */
export function showClasses(parameters, legend) {
  labels = parameters && { parameters, legend };
  chosen.classes = true;
  lay();
}

export function toggleHeat() {
  chosen.heat = !chosen.heat;
  lay();
}

const dates = () => Object.entries({ start: query.start, end: query.end }).filter(([, value]) => value);

function wanted() {
  const words = query.text.trim();
  return {
    imagery: chosen.imagery && ground ? ["scenes/tiles", dates(), "imagery"] : null,
    heat: chosen.heat && heatable() ? ["heat", [["text", words], ...dates()], "maps"] : null,
    classes: chosen.classes && labels ? ["classes", labels.parameters, "maps"] : null,
  };
}

const heatable = () => ground && Boolean(query.text.trim()) && Boolean(found.answer);

function lay() {
  for (const [name, asked] of Object.entries(wanted())) {
    const address = asked ? JSON.stringify([query.collection, ...asked]) : "";
    if (address === addresses[name]) continue;
    layers[name]?.remove();
    addresses[name] = address;
    layers[name] = asked && tiles(...asked).setOpacity(opacity[name] ?? 1).addTo(theMap());
  }
  list();
}

function list() {
  const rows = [];
  if (ground) rows.push(row("imagery", say("imagery")));
  rows.push(row("footprints", say("footprints"), () => tell("footprints", chosen.footprints)));
  if (ground) {
    const heat = row("heat", say("heat"), lay, !heatable());
    rows.push(heat);
    if (!heatable()) heat.title = say("heat_needs");
    else if (chosen.heat) rows.push(fade("heat"), heatLegend());
  }
  if (labels) {
    rows.push(row("classes", say("class_map")));
    if (chosen.classes) rows.push(fade("classes"), el("ul", { class: "legend plain" }, ...labels.legend.map(([colour, label]) =>
      el("li", {}, el("i", { style: `background:${colour}` }), label))));
  }
  const focused = document.activeElement?.id;
  byId("layer-list").replaceChildren(...rows);
  if (focused?.startsWith("layer-")) byId(focused)?.focus();
}

function row(name, words, then = lay, disabled = false) {
  const box = el("input", {
    type: "checkbox", id: `layer-${name}`, disabled,
    onchange: ({ target }) => { chosen[name] = target.checked; then(); lay(); },
  });
  box.checked = chosen[name] && !disabled;
  return el("label", { class: "layer" }, box, el("span", {}, words));
}

function fade(name) {
  const slider = el("input", {
    type: "range", min: 10, max: 100, id: `layer-${name}-opacity`, "aria-label": say("opacity"),
    oninput: ({ target }) => { opacity[name] = target.value / 100; layers[name]?.setOpacity(opacity[name]); },
  });
  slider.value = 100 * opacity[name];
  return el("label", { class: "fade" }, el("span", {}, say("opacity")), slider);
}

const heatLegend = () => el("div", { class: "heat-legend" },
  el("div", { class: "ramp", role: "img", "aria-label": say("heat_legend") }),
  el("div", { class: "row" }, el("span", {}, say("heat_low")), el("span", { class: "grow" }), el("span", {}, say("heat_high"))));

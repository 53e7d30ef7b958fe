// Labels in a person's own words → a class map of the collection and a table.
// Knows no scores: the server says which label fits a chip best.

import { boot, byId, el, number, say, toast } from "./elements.js";
import { ask, collectionPath, on, query } from "./asking.js";
import { showClasses } from "./layers.js";

const lines = (id) => byId(id).value.split("\n").map((line) => line.trim()).filter(Boolean);

export function startClasses() {
  if (!byId("classify")) return;
  byId("labels").value = say("labels_default");
  byId("templates").value = boot.templates.join("\n");
  byId("classify").addEventListener("submit", (event) => {
    event.preventDefault();
    classify();
  });
  on("collection", () => byId("classes").replaceChildren());
}

async function classify() {
  const labels = lines("labels");
  if (!labels.length) return toast(say("classes_first"));
  const templates = lines("templates");
  const parameters = [
    ...labels.map((label) => ["label", label]),
    ...(templates.join("\n") === boot.templates.join("\n") ? [] : templates.map((one) => ["template", one])),
    ...Object.entries({ start: query.start, end: query.end }).filter(([, value]) => value),
  ];
  const go = byId("classify").querySelector(".primary");
  go.disabled = true;
  try {
    const told = await ask(`${collectionPath()}/classes?${new URLSearchParams(parameters)}`);
    byId("classes").replaceChildren(table(told.classes));
    showClasses(parameters, told.classes.filter((one) => one.colour && one.places).map((one) => [one.colour, named(one)]));
  } catch (problem) {
    toast(problem.message);
  }
  go.disabled = false;
}

const named = (one) => (one.label === "none of these" ? say("none_of_these") : one.label);

function table(classes) {
  const all = classes.reduce((sum, one) => sum + one.area_ha, 0);
  const head = ["class", "places", "share_of_area", "area_ha"].map((key) =>
    el("th", { scope: "col" }, say(key)));
  const rows = classes.map((one) => el("tr", {},
    el("th", { scope: "row" }, el("i", { class: "swatch", style: `background:${one.colour ?? "none"}` }), named(one)),
    el("td", {}, number(one.places)), el("td", {}, `${((100 * one.area_ha) / (all || 1)).toFixed(1)} %`),
    el("td", {}, number(Math.round(one.area_ha)))));
  return el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
}

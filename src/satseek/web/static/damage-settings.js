// What an assessment may be told besides → the fields for it, below "more settings".
//
//   const more = mountSettings(byId("damage-more"));
//   more.show(rules, formats): what is usual stands in the empty fields; formats as the server lists them.
//   more.asked() → what was filled in, as the task `assess` takes it; what is empty is as usual.
//
// Knows no parcels, and no job.

import { el, say } from "./elements.js";

const OWN = ["affected", "sound", "hidden"];
const TABLES = ["csv", "xlsx"]; // what an office opens stands first

/** Fields that are numbers: their limits, and by how much what the server takes is multiplied here. */
const RULES = [
  { name: "least_seen", min: 1, max: 100, times: 100 },
  { name: "least_cells", min: 0 },
  { name: "most_days_between", min: 0, step: 1 },
  { name: "most_days_after", min: 0, step: 1 },
  { name: "neighbours", min: 1, step: 1 },
  { name: "step_quantile", min: 50, max: 99.99, times: 100 },
];

export function mountSettings(spot) {
  const numbers = new Map(RULES.map(({ name, min, max, step = "any" }) =>
    [name, el("input", { type: "number", name, min, max, step })]));
  const own = new Map(OWN.map((name) => [name, el("textarea", { name, rows: 3, spellcheck: "false" })]));
  const visits = el("input", { type: "number", name: "visits", min: 0, step: 1, placeholder: 20 });
  const crs = el("input", { name: "grid_crs", maxlength: 1000, autocomplete: "off", spellcheck: "false", placeholder: "EPSG:32633" });
  const formats = el("div", { class: "choices", role: "group", "aria-label": say("damage_formats") });

  spot.replaceChildren(
    el("fieldset", { class: "stack" }, el("legend", {}, say("damage_evidence")),
      el("div", { class: "pairs" }, ...RULES.map(({ name }) => el("label", {}, say(`rule_${name}`), numbers.get(name))))),
    el("fieldset", { class: "stack" }, el("legend", {}, say("damage_own")), el("p", { class: "quiet" }, say("damage_own_say")),
      ...OWN.map((name) => el("label", {}, say(`own_${name}`), own.get(name)))),
    el("fieldset", { class: "stack" }, el("legend", {}, say("damage_result")),
      el("div", { class: "pairs" }, el("label", {}, say("damage_visits"), visits), el("label", {}, say("damage_crs"), crs)),
      el("p", { class: "quiet" }, say("damage_formats")), formats));

  function show(rules, listed) {
    for (const { name, times = 1 } of RULES) numbers.get(name).placeholder = rules[name] === null ? "" : rounded(rules[name] * times);
    const there = listed.filter((one) => one.at_hand).sort((one, other) => TABLES.includes(other.name) - TABLES.includes(one.name));
    formats.replaceChildren(...there.map((one) => el("label", { class: "switch" },
      el("input", { type: "checkbox", name: "formats", value: one.name }), ` ${one.title}`)));
  }

  function asked() {
    const given = {};
    for (const { name, times = 1 } of RULES) {
      const { value } = numbers.get(name);
      if (value !== "") given[name] = rounded(Number(value) / times);
    }
    for (const name of OWN) {
      const lines = own.get(name).value.split("\n").map((one) => one.trim()).filter(Boolean);
      if (lines.length) given[name] = lines;
    }
    if (visits.value !== "") given.visits = Number(visits.value);
    if (crs.value.trim()) given.crs = crs.value.trim();
    const chosen = [...formats.querySelectorAll("input:checked")].map((one) => one.value);
    return chosen.length ? { ...given, formats: chosen } : given;
  }

  return { show, asked };
}

/** Without what binary fractions leave: 97.5, not 97.50000000000001. */
const rounded = (value) => Number(value.toFixed(6));

// A parcel's light → its sign, its words, its order: never a colour alone.
// Knows no parcel. Hazards have words, too.

import { boot, el, number, say } from "./elements.js";

/** In the order in which people work through them. */
export const LIGHTS = ["red", "amber", "insufficient evidence", "green"];

const SIGNS = { red: "■", amber: "▲", "insufficient evidence": "?", green: "●" };

/** A light as a name of a CSS class, and of a key of the table of words. */
export const nameOf = (light) => light.replace(/ .*/, "");

export const lightWords = (light) => say(`light_${nameOf(light)}`);

/** The sign of a light: read out by its words. */
export const lightSign = (light) => el("span", { class: `light ${nameOf(light)}`, role: "img", "aria-label": lightWords(light) }, SIGNS[light] ?? "?");

/** Sign and words of a light; with how many, where that is given. */
export const lightBadge = (light, count = null) => el("span", { class: `badge light-badge ${nameOf(light)}` },
  el("span", { class: `light ${nameOf(light)}`, "aria-hidden": "true" }, SIGNS[light] ?? "?"),
  count === null ? lightWords(light) : `${number(count)} ${lightWords(light)}`);

/** A shipped set of labels by its hazard; one of somebody's own by its name. */
export function hazardWords(name) {
  const key = `hazard_${name.replace(/^disaster_/, "")}`;
  return boot.words[key] ?? name;
}

/** A grade of the usual table of losses by its word; one of somebody's own as it is. */
export const gradeWords = (name) => (name ? boot.words[`grade_${name}`] ?? name : "–");

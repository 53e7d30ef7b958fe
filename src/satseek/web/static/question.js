// What a person types, drops, draws or pastes → the query.
// Knows neither the map nor how hits are shown.

import { byId, el, icon, iconButton, say, toast } from "./elements.js";
import { asks, change, judge, on, query, search, tell, thumbnail } from "./asking.js";

const TOKEN_PX = 64;
const IMAGE_BYTES = 24 * 1024 * 1024;

export function startQuestion() {
  const words = byId("words");
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!query.collection) tell("say", say("no_collection"));
    else if (asks() || words.value.trim()) change({ text: words.value });
    else tell("say", say("type_first"));
  });
  words.addEventListener("search", () => { // the field's own cross
    if (!words.value && query.text) change({ text: "" });
  });
  byId("by-image").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", ({ target }) => {
    if (target.files.length) take(target.files[0]);
    target.value = "";
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", ({ target, clipboardData }) => {
    const file = [...clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (file && !target.closest("textarea")) take(file);
  });
  const perPlace = byId("per-place");
  perPlace.addEventListener("change", () => change({ perPlace: perPlace.checked }));
  on("query", () => { perPlace.checked = query.perPlace; });
  startAreas();
  on("query", drawTokens);
  on("query", () => { if (words.value !== query.text) words.value = query.text; });
}

// ---- an image, or a file that holds an area ----

async function take(file) {
  if (/\.(geo)?json$|\.wkt$/i.test(file.name)) return takeArea(await file.text(), tellWrong);
  if (file.size > IMAGE_BYTES) return toast(say("image_large"));
  const image = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.replace(/^data:[^,]*,/, ""));
    reader.readAsDataURL(file);
  });
  const before = { image: query.image, imageName: query.imageName };
  if (!image) return toast(say("image_empty"));
  tell("image", { name: file.name, before });
  return change({ image, imageName: file.name });
}

const tellWrong = (message) => toast(message);

// ---- an area: drawn on the map, pasted, or from a file ----

function startAreas() {
  const dialog = byId("area-dialog");
  const wrong = (message) => { byId("area-wrong").textContent = message; };
  byId("paste-area").addEventListener("click", () => {
    wrong("");
    dialog.showModal();
    byId("area-text").focus();
  });
  byId("area-use").addEventListener("click", () => {
    if (takeArea(byId("area-text").value, wrong)) dialog.close();
  });
  byId("area-file").addEventListener("click", () => { dialog.close(); byId("file").click(); });
}

function takeArea(text, wrong) {
  const area = readArea(text);
  if (!area) {
    wrong(say("area_wrong"));
    return false;
  }
  change({ area });
  tell("area", area);
  return true;
}

/** GeoJSON or WKT, longitudes and latitudes → a geometry; null: it is neither. */
export function readArea(text) {
  const trimmed = text.trim();
  try {
    return polygonsOf(trimmed.startsWith("{") ? JSON.parse(trimmed) : fromWkt(trimmed));
  } catch {
    return null;
  }
}

function polygonsOf(shape) {
  const parts = [];
  const gather = (one) => {
    if (one?.type === "FeatureCollection") one.features.forEach(gather);
    else if (one?.type === "GeometryCollection") one.geometries.forEach(gather);
    else if (one?.type === "Feature") gather(one.geometry);
    else if (one?.type === "Polygon") parts.push(one.coordinates);
    else if (one?.type === "MultiPolygon") parts.push(...one.coordinates);
  };
  gather(shape);
  const points = parts.flat(2);
  if (!points.length || !points.every(([x, y]) => Math.abs(x) <= 540 && Math.abs(y) <= 90)) return null;
  return parts.length === 1
    ? { type: "Polygon", coordinates: parts[0] } : { type: "MultiPolygon", coordinates: parts };
}

function fromWkt(text) {
  const [, kind, body] = /^(?:SRID=4326;)?\s*(POLYGON|MULTIPOLYGON)\s*Z?\s*(\(.*\))\s*$/is.exec(text);
  const lists = body.replace(/\(/g, "[").replace(/\)/g, "]")
    .replace(/(-?[\d.]+(?:e[-+]?\d+)?)\s+(-?[\d.]+(?:e[-+]?\d+)?)(?:\s+-?[\d.e+-]+)*/gi, "[$1,$2]");
  const coordinates = JSON.parse(lists);
  return { type: kind.toUpperCase() === "POLYGON" ? "Polygon" : "MultiPolygon", coordinates };
}

// ---- what restricts or refines the words, each with a way to take it back ----

function drawTokens() {
  const tokens = [];
  if (query.concept) tokens.push(token(`@${query.concept}`, () => change({ concept: "" }), { name: "saved" }));
  if (query.image) {
    tokens.push(token(say("looks_like", { name: query.imageName }), () =>
      change({ image: null, imageName: "" }), { name: "image" }));
  }
  for (const [chips, words, kind] of [[query.liked, "like_this", ""], [query.disliked, "not_this", "not"]]) {
    for (const chip of chips) tokens.push(token(say(words), () => judge(chip, null), { chip, kind }));
  }
  if (query.area) {
    tokens.push(token(say("within_area"), () => { change({ area: null }); tell("area", null); }, { name: "rectangle" }));
  }
  if (query.start || query.end) {
    const words = say("between", { start: query.start || "…", end: query.end || "…" });
    tokens.push(token(words, () => change({ start: "", end: "" }), { name: "jobs" }));
  }
  byId("tokens").replaceChildren(...tokens);
}

function token(words, drop, { chip, name, kind = "" }) {
  const picture = chip ? el("img", { src: thumbnail(chip, TOKEN_PX), alt: "" }) : icon(name);
  return el("span", { class: `token ${kind}` }, picture, el("span", {}, words),
    iconButton("close", say("remove", { what: words }), drop));
}

export const begin = () => { tell("query", query); return asks() ? search() : tell("answer", null); };

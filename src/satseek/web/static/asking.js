// What is asked → an answer of this server, or a problem in words; what changes is told to all.
// Knows no element of the page.

import { boot, say } from "./elements.js";

const PAGE = 24;
const MOST = 960; // more cards than that are a download's work

/** What the person has asked for so far. */
export const query = {
  collection: null, concept: "", text: "", image: null, imageName: "", liked: [], disliked: [],
  area: null, start: "", end: "", perPlace: false, k: PAGE,
};

/** What the server told last; null before the first answer. */
export const found = { answer: null, busy: false };

const bus = new EventTarget();
export const on = (name, take) => bus.addEventListener(name, (event) => take(event.detail));
export const tell = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

/** A refusal, as the server words it. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Ask a route below `v1/`; gives its JSON, or null where it has none. */
export async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await sent(path, { method, headers, signal, body: body && JSON.stringify(body) });
  return answer.status === 204 ? null : answer.json();
}

/** Ask for all features of a route that gives them page by page. */
export async function featuresOf(path) {
  const features = [];
  for (let next = path; next;) {
    const told = await ask(next);
    features.push(...told.features);
    next = told.next?.replace(/^.*?\bv1\//, "");
  }
  return features;
}

/** Ask for a file; gives the response. */
export async function sent(path, options) {
  let answer;
  try {
    answer = await fetch(`v1/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, say("unreachable"));
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 401) throw new Problem(401, say("login_ended"));
  if (answer.status === 429) throw new Problem(429, say("busy"));
  const fields = (told.errors ?? []).map((one) => `${one.field}: ${one.message}`).join("; ");
  throw new Problem(answer.status, fields || told.detail || told.title || say("failed"));
}

export const collectionPath = (name = query.collection) => `collections/${encodeURIComponent(name)}`;

export const thumbnail = (chip, size, collection = query.collection) =>
  `v1/${collectionPath(collection)}/thumbnail?chip=${encodeURIComponent(chip)}&size=${size}`;

export const asks = () => Boolean(query.text.trim() || query.concept || query.image || query.liked.length);

/** Of fields, those that say something: what is left out is as usual. */
export const filled = (fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== ""));

/** The message that asks what stands in the query. */
export function message() {
  const fields = {
    collection: query.collection, concept: query.concept, text: query.text.trim(), image: query.image,
    area: query.area, start: query.start, end: query.end, k: query.k,
    liked: query.liked, disliked: query.disliked,
    group_by: query.perPlace ? "place" : "",
  };
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== "" && value.length !== 0),
  );
}

let asking = null;

/** Ask what stands in the query; the latest question wins. */
export async function search() {
  asking?.abort();
  if (!asks()) {
    asking = null;
    found.answer = null;
    found.busy = false;
    writeAddress();
    tell("answer", null);
    return;
  }
  const mine = (asking = new AbortController());
  found.busy = true;
  tell("busy", true);
  try {
    const answer = await ask("search", { method: "POST", body: message(), signal: mine.signal });
    if (mine !== asking) return;
    found.answer = answer;
    writeAddress();
    tell("answer", answer);
  } catch (problem) {
    if (mine !== asking || problem.name === "AbortError") return;
    tell("refusal", problem);
  } finally {
    if (mine === asking) {
      found.busy = false;
      tell("busy", false);
    }
  }
}

/** Change the query, tell everybody, and ask again. */
export function change(fields) {
  Object.assign(query, { k: PAGE }, fields);
  tell("query", query);
  return search();
}

export const more = () => change({ k: Math.min(query.k + PAGE, MOST) });
export const hasMore = (answer) => answer.hits.length === query.k && query.k < MOST;

const without = (chips, chip) => chips.filter((one) => one !== chip);

/** Say of a chip that it shows what is looked for (`liked`), does not (`disliked`), or take it back. */
export function judge(chip, verdict) {
  const fields = { liked: without(query.liked, chip), disliked: without(query.disliked, chip) };
  if (verdict) fields[verdict] = [...fields[verdict], chip];
  return change(fields);
}

/** Look for what a chip shows, and for nothing else. */
export const similar = (chip) =>
  change({ text: "", concept: "", image: null, imageName: "", liked: [chip], disliked: [] });

/** Go on with another collection: chips and dates belong to one only. */
export function enter(collection) {
  if (collection === query.collection) return;
  query.collection = collection;
  Object.assign(query, { liked: [], disliked: [], start: "", end: "" });
  tell("collection", collection);
  change({});
}

// ---- the address asks the same again; an image or an area has none ----

export function readAddress(names) {
  const address = new URLSearchParams(location.search);
  const named = address.get("collection");
  query.collection = names.includes(named) ? named
    : names.includes("default") ? "default" : names[0] ?? null;
  query.text = address.get("q") ?? "";
  query.concept = address.get("concept") ?? "";
  query.liked = address.getAll("like");
  query.disliked = address.getAll("dislike");
  query.start = address.get("start") ?? "";
  query.end = address.get("end") ?? "";
  query.perPlace = address.get("per") === "place";
  const k = Number(address.get("k"));
  query.k = Number.isInteger(k) && k >= 1 && k <= MOST ? k : PAGE;
  readPlace(address);
}

// ---- the view that is open, and what is open in it: the address leads there, as do back and forward ----

const ASKED = new Set(["collection", "q", "concept", "like", "dislike", "start", "end", "per", "k", "view"]);

/** The name of the open view, and what is open in it: `{run: "county"}`, all of it text. */
export const place = { view: "search", at: {} };

function readPlace(address) {
  place.view = address.get("view") ?? "search";
  place.at = Object.fromEntries([...address].filter(([name]) => !ASKED.has(name)));
}

/** Open a view, or something in it; the way back leads to what was open before. */
export function visit(view, at = {}) {
  const before = addressNow();
  Object.assign(place, { view, at });
  if (addressNow() !== before) history.pushState(null, "", addressNow());
  tell("visited", place);
}

/** Change a trifle of what is open: the address says so, the way back passes over it. */
export function settle(at) {
  Object.assign(place.at, at);
  writeAddress();
}

addEventListener("popstate", () => {
  const address = new URLSearchParams(location.search);
  readPlace(address);
  if (boot.collections.includes(address.get("collection"))) enter(address.get("collection"));
  writeAddress();
  tell("visited", place);
});

const writeAddress = () => history.replaceState(null, "", addressNow());

function addressNow() {
  const address = new URLSearchParams();
  const put = (name, value) => value && address.set(name, value);
  put("collection", boot.collections.length > 1 ? query.collection : "");
  put("q", query.text.trim());
  put("concept", query.concept);
  for (const chip of query.liked) address.append("like", chip);
  for (const chip of query.disliked) address.append("dislike", chip);
  put("start", query.start);
  put("end", query.end);
  put("per", query.perPlace ? "place" : "");
  put("k", query.k === PAGE ? "" : String(query.k));
  put("view", place.view === "search" ? "" : place.view);
  for (const [name, value] of Object.entries(place.at)) put(name, value);
  const text = address.toString();
  return text ? `?${text}` : location.pathname;
}

// A finding → the words that are said of it, honestly: which score it is, whose word it was, when.
// Knows no server and no decision.

import { boot, counted, day, el, say } from "./elements.js";
import { shownScore } from "./gallery.js";
import { moment } from "./jobs.js";

const SCORES = ["probability", "share", "percentile", "match", "cosine"];
const HECTARE = 10_000;
const SHARES = new Set(["share_in_permit", "affected_share", "expected_precision", "background_below_cut"]);

/** What a finding is: a change has both its labels in its own already. */
export const titleOf = (one) => one.label;

export const stateBadge = (one) => el("span", { class: `badge state-${one.state}` }, say(`finding_${one.state}`));

/** Flags, the one that matters by law in plain words; others by their own. */
export const flagBadges = (one) => one.flags.map((flag) => {
  const key = `flag_${flag.replaceAll("-", "_")}`;
  return el("span", { class: `badge flag ${flag}` }, boot.words[key] ? say(key) : flag);
});

export function areaOf(one) {
  if (one.area_m2 === null || one.area_m2 === undefined) return null;
  const ha = one.area_m2 / HECTARE;
  const digits = ha < 10 ? 2 : ha < 100 ? 1 : 0;
  return `${ha.toLocaleString(boot.language, { maximumFractionDigits: digits })} ${say("ha")}`;
}

/** “2024-06-02”, or “2024-06-02 – 2024-08-17”. */
export const spanOf = (one) => [...new Set([day(one.first_seen), day(one.last_seen)])].join(" – ");

/** One line below the name: who found it, how large it is, when it was seen. */
export const lineOf = (one) =>
  [`${say(`kind_${one.kind}`)} · ${one.source}`, areaOf(one), spanOf(one)].filter(Boolean).join(" · ");

/** The scores by their names, the most telling first; what each means stands behind its name. */
export function scoresOf(one) {
  const list = el("dl", { class: "scores" });
  const known = SCORES.filter((kind) => kind in one.scores);
  const others = Object.keys(one.scores).filter((kind) => !SCORES.includes(kind)).sort();
  for (const kind of [...known, ...others]) {
    const named = known.includes(kind);
    list.append(el("div", { title: named ? say(`explain_finding_${kind}`) : kind },
      el("dt", {}, named ? say(`score_${kind}`) : kind), el("dd", {}, shown(kind, one.scores[kind]))));
  }
  return list;
}

const shown = (kind, value) =>
  (kind === "share" || kind === "probability" ? `${(100 * value).toFixed(0)} %` : shownScore(kind, value));

/** What each of its scores means, one below the other. */
export function meanings(one) {
  const known = SCORES.filter((kind) => kind in one.scores);
  const parts = known.flatMap((kind) => [el("dt", {}, say(`score_${kind}`)), el("dd", {}, say(`explain_finding_${kind}`))]);
  return el("details", {}, el("summary", {}, say("scores_link")), el("dl", { class: "terms meanings" }, ...parts));
}

/** Everything else that is known of it, as pairs. */
export function factsOf(one) {
  const labels = one.before || one.after ? `${one.before || "–"} → ${one.after || "–"}` : null;
  const own = Object.entries(one.properties).filter(([, value]) => value !== null && value !== "");
  return [
    [say("found_by_source"), `${say(`kind_${one.kind}`)} · ${one.source}`],
    labels && labels !== one.label && [say("label_change"), labels],
    [say("first_seen"), day(one.first_seen)], [say("last_seen"), day(one.last_seen)],
    [say("seen_at"), counted(one.seen, "dates_seen")],
    areaOf(one) && [say("area_ground"), areaOf(one)],
    [say("collection"), one.collection],
    one.assignee && [say("assigned_to"), personOf(one.assignee)],
    ...own.map(([name, value]) => [propertyName(name), propertyValue(name, value)]),
    [say("finding_id"), one.id],
  ].filter(Boolean);
}

/** A name of the log without where it is from: `local:lin` → `lin`. */
export const personOf = (name) => name.replace(/^(local|key|oidc|ldap):/, "") || name;

/** What sources say of theirs is named in the table of words; whatever else there is, by its own name. */
function propertyName(name) {
  const key = `property_${name}`;
  return boot.words[key] ? say(key) : name.replaceAll("_", " ");
}

function propertyValue(name, value) {
  if (value === true || value === false) return say(value ? "yes" : "no");
  if (SHARES.has(name)) return `${(100 * value).toLocaleString(boot.language, { maximumFractionDigits: 1 })} %`;
  if (name === "light") return say(`light_${String(value).split(" ")[0]}`);
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  return value.toLocaleString(boot.language, { maximumSignificantDigits: 4 });
}

/** Its history, the latest first: what was done, by whom, when, and why. */
export function historyOf(steps) {
  return el("ol", { class: "history plain", reversed: true }, ...[...steps].reverse().map((step) => el("li", {},
    el("b", {}, say(`deed_${step.deed}`, { assignee: personOf(step.assignee || "") })),
    el("span", { class: "quiet" }, ` ${personOf(step.who)} · ${moment(step.at)}`),
    step.comment ? el("p", {}, step.comment) : null)));
}

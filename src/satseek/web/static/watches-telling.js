// Channels of this server, and the alerts of a watch → who is told, what was sent, what came of it.
// Knows no finding but by its id.

import { allowed, counted, el, empty, say, toast } from "./elements.js";
import { ask } from "./asking.js";
import { moment } from "./jobs.js";
import { scrolled, sortable } from "./tables.js";
import { openView } from "./views.js";

const SHOWN = 200;

/** A box for each channel; `chosen()` gives the names of those that are ticked. */
export function mountChannels(spot) {
  let waiting = null; // names that are to be ticked once the channels are known; null: they are

  async function show(deliver) {
    waiting = deliver;
    let known = [];
    try {
      known = (await ask("alerts/channels")).channels;
    } catch (problem) {
      toast(problem.message);
    }
    if (waiting !== deliver) return; // another watch meanwhile
    waiting = null;
    const gone = deliver.filter((name) => !known.some((one) => one.name === name));
    spot.replaceChildren(
      ...known.map((one) => box(one.name, deliver.includes(one.name), [one.name, one.to, one.needs && say("channel_needs", one)].filter(Boolean).join(" · "))),
      ...gone.map((name) => box(name, true, say("channel_gone", { name }))),
      known.length || gone.length ? "" : el("p", { class: "quiet" }, say("channels_none")));
  }

  const box = (name, checked, words) => el("label", { class: "switch" }, el("input", { type: "checkbox", name: "deliver", value: name, checked }), ` ${words}`);
  const chosen = () => waiting ?? [...spot.querySelectorAll("input:checked")].map((one) => one.value);
  return { show, chosen };
}

/** What was sent of a watch's alerts, what waits and what was given up; ways to try and to resend. */
export function tellingOf(watch) {
  if (!allowed("jobs")) return el("span");
  const rows = el("div", { class: "stack", "aria-live": "polite" });
  const section = el("section", { class: "boxed", id: "watch-told", "aria-label": say("alerts_sent"), hidden: !watch.deliver.length }, el("h3", {}, say("alerts_sent")),
    el("div", { class: "row" }, ...watch.deliver.map((name) =>
      el("button", { type: "button", class: "small", "data-channel": name, onclick: ({ target }) => tryOut(name, target) }, say("channel_try", { name })))),
    rows);
  list(watch, rows).then((some) => { if (some) section.hidden = false; }); // also of channels that are told no more
  return section;
}

/** Draw them; gives whether there is anything to see. */
async function list(watch, spot) {
  try {
    const { alerts } = await ask(`alerts?source=${encodeURIComponent(watch.name)}&limit=${SHOWN}`);
    const dead = alerts.filter((one) => one.state === "dead");
    const again = (which) => () => resend(which.map((one) => one.id), () => list(watch, spot));
    spot.replaceChildren(
      dead.length ? el("button", { type: "button", onclick: again(dead) }, say("resend_dead", { count: dead.length })) : "",
      alerts.length ? scrolled(say("alerts_sent"), table(alerts, again)) : el("p", { class: "quiet" }, say("alerts_sent_none")));
    return alerts.length > 0;
  } catch (problem) {
    spot.replaceChildren(empty(say("refused"), problem.message));
    return true;
  }
}

function table(alerts, again) {
  const columns = [
    { words: say("alert"), of: (one) => one.finding, show: findingLink },
    { words: say("channel"), of: (one) => one.channel },
    { words: say("alert_reason"), of: (one) => one.reason, show: (one) => say(`reason_${one.reason}`) },
    { words: say("state"), of: (one) => one.state, show: stateOf },
    { words: say("alert_tries"), of: (one) => one.attempts },
    { words: say("alert_made"), of: (one) => one.made, show: (one) => moment(one.made) },
    { words: say("resend"), of: () => null, show: (one) => el("button", { type: "button", class: "small", onclick: again([one]) }, say("resend")) },
  ];
  return sortable(say("alerts_sent"), columns, alerts, (one) => ({ "data-told": one.id, "data-state": one.state }));
}

const findingLink = (one) => el("button", {
  type: "button", class: "link", onclick: () => openView("findings", { source: one.source, kind: "watch", finding: one.finding }),
}, one.finding.slice(0, 6));

/** The state, when it is tried next, and what went wrong last. */
const stateOf = (one) => el("span", {}, el("span", { class: `badge ${one.state === "dead" ? "failed" : ""}` }, say(`letter_${one.state}`)),
  one.due ? ` ${say("next_at", { moment: moment(one.due) })}` : "", one.error ? el("p", { class: "quiet" }, one.error) : null);

async function resend(alerts, done) {
  try {
    await ask("alerts/resend", { method: "POST", body: { alerts } });
    toast(counted(alerts.length, "resent"), "good");
    done();
  } catch (problem) {
    toast(problem.message);
  }
}

async function tryOut(name, button) {
  button.disabled = true;
  try {
    const told = await ask(`alerts/channels/${encodeURIComponent(name)}/test`, { method: "POST" });
    if (told.arrived) toast(say("channel_arrived", { name }), "good");
    else toast(say("channel_failed", { name, error: told.error }));
  } catch (problem) {
    toast(problem.message);
  }
  button.disabled = false;
}

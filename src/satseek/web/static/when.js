// When work is done: now, or again and again → the fields for it, in any form, and what they say.
//
//   const when = mountWhen(byId("some-when"), { go: byId("some-go"), words: "some_go" });
//   const planned = when.planned({ task: "index", … }, { priority: 0 });
//     → null: do it once, now. Else { name, body }: the body for PUT schedules/NAME.
//   if (await when.schedule({ task: "index", … })) return;
//     → true: it was set up, and said so. False: do it once, now. Throws the server's refusal.
//
// The fields are called when, schedule, cron and timezone; those that do not count are disabled.
// `go` is the button that sends the form, `words` what it says where the work is done now.
// A form whose work needs no name for its schedule (`named: false`, `first: "hand"`: by nobody's
// clock) reads `when.hours()` → null or { cron, timezone }, and shows others with `when.show(hours)`.
// Knows no task. A form that is reset calls `when.draw()`.

import { el, NAME, say, toast } from "./elements.js";
import { ask, tell } from "./asking.js";

const CRONS = { night: "30 2 * * *", week: "30 2 * * 0", own: "30 2 * * *" };

export function mountWhen(spot, { go = null, words = "job_go", first = "now", named = true } = {}) {
  const choose = el("select", { name: "when" },
    ...[first, ...Object.keys(CRONS)].map((one) => el("option", { value: one }, say(`when_${one}`))));
  const typed = (name, more = {}) => el("input", { name, required: true, autocomplete: "off", spellcheck: "false", ...more });
  const schedule = named ? typed("schedule", { maxlength: 64, pattern: NAME, title: say("name_rule") }) : null;
  const cron = typed("cron", { maxlength: 200 });
  const timezone = typed("timezone", { maxlength: 64 });
  const again = el("div", { class: "stack", hidden: true },
    schedule && el("label", {}, say("schedule_name"), schedule),
    el("label", {}, say("cron"), cron), el("label", {}, say("timezone"), timezone));

  function draw() {
    const once = choose.value === first;
    again.hidden = once;
    for (const one of [schedule, cron, timezone]) if (one) one.disabled = once;
    cron.value = CRONS[choose.value] ?? "";
    cron.readOnly = choose.value !== "own";
    timezone.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    if (go) go.textContent = say(once ? words : "schedule_go");
  }

  function show(hours) {
    choose.value = hours ? "own" : first;
    draw();
    if (hours) [cron.value, timezone.value] = [hours.cron, hours.timezone];
  }

  const hours = () => (choose.value === first ? null : { cron: cron.value, timezone: timezone.value });

  function planned(job, more = {}) {
    const given = hours();
    return given && { name: schedule.value, body: { ...given, job, ...more } };
  }

  async function set(job, more) {
    const plan = planned(job, more);
    if (!plan) return false;
    await ask(`schedules/${encodeURIComponent(plan.name)}`, { method: "PUT", body: plan.body });
    toast(say("schedule_taken", { name: plan.name }), "good");
    tell("schedules");
    return true;
  }

  choose.addEventListener("change", draw);
  spot.replaceChildren(el("label", {}, say("when"), choose), again);
  draw();
  return { draw, show, hours, planned, schedule: set };
}

// Areas of a run by district → a table for the date that is open.
// Knows no map.

import { byId, el, say, toast } from "./elements.js";
import { ask } from "./asking.js";
import { calledIn, hectares, percent, scrolled, sortable } from "./tables.js";

let run = null;
let rows = []; // of all dates, a district and a class each

/** Where the table is to stand; nothing for a run of which no districts were asked. */
export const districtsPart = (told) => (told.districts
  ? el("section", { class: "boxed", id: "landuse-by-district", "aria-label": say("landuse_districts") },
    el("h3", {}, say("landuse_districts")), el("div", { id: "landuse-district-table" }))
  : null);

/** Read all rows once, and show those of a date. */
export async function drawDistricts(told, date) {
  run = told;
  rows = [];
  if (!run.districts) return;
  try {
    const found = [];
    for (let next = `landuse/${encodeURIComponent(run.name)}/districts?limit=1000`; next;) {
      const page = await ask(next);
      found.push(...page.rows);
      next = page.next?.replace(/^.*?\bv1\//, "");
    }
    if (run !== told) return;
    rows = found;
  } catch (problem) {
    toast(problem.message);
    return;
  }
  showDistricts(date());
}

/** Show another date. */
export function showDistricts(date) {
  const spot = byId("landuse-district-table");
  if (!spot || !rows.length) return;
  const places = new Map();
  for (const one of rows.filter((each) => each.date === date)) {
    const place = places.get(one.district) ?? { name: one.district, all: one.district_ha, seen: one.seen_share, areas: {} };
    place.areas[one.land_use] = one.area_ha;
    places.set(one.district, place);
  }
  const area = (words, of) => ({ words, of, show: (one) => hectares(of(one)) });
  const columns = [
    { words: say("landuse_district"), of: (one) => one.name },
    area("ha", (one) => one.all),
    { words: say("landuse_district_seen"), of: (one) => one.seen, show: (one) => percent(one.seen) },
    ...run.classes.map((each) => area(calledIn(each), (one) => one.areas[each.name] ?? 0)),
  ];
  spot.replaceChildren(scrolled(say("landuse_districts"), sortable(`${say("landuse_districts")}, ${date}`, columns, [...places.values()])));
}

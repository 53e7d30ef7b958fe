// The views that watch the land, started together: they come after the first view, which needs none of them.
// Knows no details of any of them.

import { startDamage } from "./damage.js";
import { startFindings } from "./findings.js";
import { startDeciding } from "./findings-deciding.js";
import { startLanduse } from "./landuse.js";
import { startSamples } from "./samples.js";
import { startWatches } from "./watches.js";

export function startMonitoring() {
  startLanduse();
  startWatches();
  startDamage();
  startFindings();
  startDeciding();
  startSamples();
}

"""The look of a report on a screen, dark or light, wide or narrow, and on paper.

Knows the classes that ``html*.py`` write, and nothing else. No outside address.
"""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f4f6f4; --paper: #ffffff; --card: #f4f6f4; --ink: #1c2421; --soft: #54615b;
  --line: #cdd4d0; --good: #007354; --warning: #965800; --bad: #b22c14; --bar: #cfe5dd;
  --fill: #1f8a70; --link: #0b5cad; --call: #eaf3ef;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121715; --paper: #1b221f; --card: #252e2a; --ink: #e6ece9; --soft: #a9b6af;
    --line: #3a4540; --good: #4cc9a4; --warning: #f0b45a; --bad: #ff8f78; --bar: #2f423a;
    --fill: #35b394; --link: #8cc2ff; --call: #20302a;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC",
    "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif;
}
a { color: var(--link); }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; background: var(--paper); padding: 8px 12px; }
.sheet { max-width: 1000px; margin: 0 auto; padding: 24px 20px 56px; }
h1 { font-size: 1.85rem; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; line-height: 1.25; margin: 0 0 10px; }
h3 { font-size: 1.1rem; margin: 22px 0 8px; }
h4 { font-size: 1rem; margin: 0 0 8px; }
.subtitle { font-size: 1.1rem; color: var(--soft); margin: 0; }
.made { color: var(--soft); font-size: 0.9rem; margin: 6px 0 0; }
section, .card {
  background: var(--paper); border: 1px solid var(--line); border-radius: 10px;
  padding: 20px 22px; margin: 18px 0;
}
section section { border: 0; padding: 0; margin: 18px 0 0; }
p { margin: 8px 0; max-width: 74ch; }
.next { background: var(--call); border-left: 6px solid var(--fill); }
.next p { font-size: 1.1rem; }
.next ol { margin: 10px 0 0; padding-left: 1.6em; }
.next li { margin: 5px 0; max-width: 72ch; }
.limits { font-size: 0.95rem; }
.limits ul { margin: 6px 0 0; padding-left: 1.3em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; }
.tile {
  background: var(--paper); border: 1px solid var(--line); border-radius: 10px;
  padding: 12px 16px;
}
.tile dt { font-size: 0.9rem; color: var(--soft); }
.tile dd { margin: 0; }
.tile .value {
  font-size: 1.7rem; font-weight: 700; line-height: 1.25; font-variant-numeric: tabular-nums;
}
.tile .more { font-size: 0.85rem; color: var(--soft); }
dl.tiles { margin: 18px 0; }
nav ol { margin: 0; padding-left: 1.5em; columns: 2 280px; }
nav ol ol { columns: 3 120px; font-size: 0.92rem; }
.good { color: var(--good); } .warning { color: var(--warning); } .bad { color: var(--bad); }
.unknown { color: var(--soft); }
.mark { font-weight: 700; }
.mark, .day { white-space: nowrap; }
.framed { border: 1px solid currentColor; border-left-width: 6px; padding: 4px 16px; }
.framed p { color: var(--ink); }
.wide { overflow-x: auto; margin: 12px 0; }
.wide:focus-visible { outline: 2px solid var(--link); }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
caption { text-align: left; font-weight: 700; padding: 0 0 6px; }
th, td {
  padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; overflow-wrap: break-word;
}
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
thead th.number, thead th.share { white-space: normal; min-width: 0; }
tbody th { font-weight: 400; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tfoot td, tfoot th { border-top: 2px solid var(--soft); font-weight: 700; }
.share { min-width: 120px; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bar {
  display: inline-block; width: 70px; height: 9px; margin-left: 8px; border-radius: 3px;
  background: var(--bar); vertical-align: baseline;
}
.bar i { display: block; height: 100%; border-radius: 3px; background: var(--fill); }
.note, figcaption { font-size: 0.9rem; color: var(--soft); }
figure { margin: 14px 0; }
svg.fluid { width: 100%; height: auto; display: block; }
svg text { font-family: inherit; }
.legend {
  list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0; padding: 0;
  font-size: 0.92rem;
}
.legend i {
  display: inline-block; width: 15px; height: 12px; margin-right: 6px; border-radius: 2px;
  border: 2px solid; vertical-align: -1px;
}
.legend i.dashed { border-style: dashed; }
.pair { border-top: 1px solid var(--line); padding: 14px 0; }
.pair .body {
  display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); gap: 18px;
}
.pair .images { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; }
.pair dl.facts { grid-template-columns: 1fr; gap: 0; align-content: start; margin: 0; }
.pair dl.facts dt { font-size: 0.85rem; }
.pair dl.facts dd { margin-bottom: 6px; }
.pair figure { margin: 0; }
.pair img, .pair .gone {
  width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; display: block;
  background: var(--card); border-radius: 6px;
}
.pair .gone { display: grid; place-items: center; padding: 12px; text-align: center; }
.pair figcaption { overflow-wrap: anywhere; margin-top: 4px; }
dl.facts {
  display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 10px 0;
  font-size: 0.95rem;
}
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
code, .digest { font: 0.88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.digest { overflow-wrap: anywhere; }
summary { cursor: pointer; font-size: 0.9rem; color: var(--link); }
@media (max-width: 700px) { .pair .body { grid-template-columns: 1fr; } }
@media (max-width: 560px) {
  .sheet { padding: 14px 10px 40px; }
  section, .card { padding: 14px; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: 6px; }
}
@page { size: A4; margin: 16mm 15mm 18mm; @bottom-right { content: counter(page); } }
@media print {
  :root {
    color-scheme: light;
    --ground: #ffffff; --paper: #ffffff; --card: #f4f6f4; --ink: #1c2421; --soft: #54615b;
    --line: #cdd4d0; --good: #007354; --warning: #965800; --bad: #b22c14; --bar: #cfe5dd;
    --fill: #1f8a70; --link: #1c2421; --call: #eaf3ef;
  }
  body { font-size: 10.5pt; }
  .sheet { max-width: none; padding: 0; }
  section, .card, .tile { border-radius: 0; }
  section { border: 0; padding: 0; }
  .next { padding: 8px 14px; border-left: 6px solid var(--fill); }
  .begins-page { break-before: page; }
  h2, h3, h4, caption { break-after: avoid; }
  figure, .pair, .tile, tr, .framed { break-inside: avoid; }
  thead { display: table-header-group; }
  tfoot { display: table-row-group; }
  .wide { overflow: visible; }
  details { display: none; }
  a { text-decoration: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
"""Colours of words on their ground have contrasts of 4.5 and more, light and dark (WCAG 2.2)."""

"""The look of a report: colours in light and dark, one column on a phone.

Knows the classes that ``reporting`` and ``plotting`` write, and nothing else. No outside address.
"""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f5; --card: #ffffff; --ink: #1c2421; --soft: #5c6963; --line: #dde3df;
  --hit: #17735d; --miss: #b83f27; --mark: #2b6cb0; --bar: #cfe5dd; --fill: #1f8a70; --on: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #121715; --card: #1b221f; --ink: #e6ece9; --soft: #9aa8a1; --line: #313b36;
    --hit: #35b394; --miss: #e0694e; --mark: #6aa9e9; --bar: #2a3a34;
    --fill: #35b394; --on: #07120d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 20px 16px 48px; }
header p, .note, figcaption, .tile small, dt { color: var(--soft); }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 8px 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 8px; }
h3 { font-size: 1rem; margin: 20px 0 6px; }
header p { margin: 0; overflow-wrap: anywhere; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px; margin: 16px 0;
}
p { margin: 6px 0; max-width: 75ch; }
.note { font-size: 0.88rem; }
.tiles {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); gap: 10px;
  margin: 16px 0;
}
.tile {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px;
}
.tile b { display: block; font-size: 1.65rem; line-height: 1.2; }
.tile b, td.number { font-variant-numeric: tabular-nums; }
.tile span { display: block; min-height: 2.6em; line-height: 1.3; }
.tile span { font-weight: 600; font-size: 0.86rem; }
.tile small { display: block; font-size: 0.78rem; line-height: 1.35; }
.wide { overflow-x: auto; -webkit-overflow-scrolling: touch; margin: 0 -18px; padding: 0 18px 4px; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th { text-align: left; font-weight: 600; color: var(--soft); white-space: nowrap; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.bars { width: 34%; min-width: 110px; }
code, .digest { font: 0.85em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
code, .digest { overflow-wrap: anywhere; }
.bar {
  display: block; position: relative; height: 11px; border-radius: 3px; background: var(--bar);
}
.bar i { display: block; height: 100%; border-radius: 3px; background: var(--fill); }
.bar s { position: absolute; top: 4px; height: 3px; background: var(--ink); opacity: 0.75; }
.plots { display: flex; flex-wrap: wrap; gap: 24px; }
figure { margin: 0; }
.plots figure { flex: 1 1 280px; max-width: 420px; }
figcaption { font-size: 0.85rem; margin-top: 4px; }
svg text { fill: var(--ink); font-size: 11px; font-family: inherit; }
svg text.middle { text-anchor: middle; }
svg text.end { text-anchor: end; }
svg text.small { font-size: 9px; }
svg text.light { fill: var(--on); }
svg.fluid { width: 100%; height: auto; display: block; }
svg .frame { fill: none; stroke: var(--line); }
svg .ideal { stroke: var(--soft); stroke-dasharray: 4 4; }
svg .gap { stroke: var(--miss); stroke-width: 2; }
svg .dot { fill: var(--mark); }
svg .count { fill: var(--mark); fill-opacity: 0.45; }
svg .hit { fill: var(--hit); }
svg .miss { fill: var(--miss); }
.gallery {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 14px;
}
.gallery figure img, .pair img {
  width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; display: block;
  background: var(--bar); border-radius: 6px;
}
.gallery.pairs { grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 6px; }
figcaption ol {
  margin: 3px 0 2px; padding: 3px 0 0; list-style: none; border-top: 1px solid var(--line);
}
figcaption li { display: flex; justify-content: space-between; gap: 8px; }
figcaption b { color: var(--ink); }
figcaption .hit { color: var(--hit); }
figcaption .miss { color: var(--miss); }
figcaption .hit, figcaption .miss { font-weight: 600; }
figcaption .name { font-size: 0.78rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 520px) {
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
  .gallery { grid-template-columns: repeat(2, 1fr); gap: 10px; }
  .gallery.pairs { grid-template-columns: 1fr; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
}
@media print { section { break-inside: avoid-page; } body { background: #ffffff; } }
"""

/** The page's style sheet: light or dark as the reader's system prefers, and suitable for print. */
export const STYLE = `
:root { color-scheme: light dark;
  --paper: light-dark(#fbfbfa, #17181a); --card: light-dark(#fff, #1f2123); --ink: light-dark(#1b1c1e, #ececea);
  --faint: light-dark(#66686c, #a0a3a8); --rule: light-dark(#e4e4e1, #33363a); --bad: light-dark(#b3261e, #ff8a80);
  --c1: light-dark(#2563b0, #6ea8f0); --c2: light-dark(#c2571a, #f0995e); --c3: light-dark(#1d7f5f, #5cc9a3);
  --c4: light-dark(#8a3f9c, #cf8fe0); --c5: light-dark(#8a6d0f, #dcbf58); --c6: light-dark(#5c6470, #a9b3c1); }
* { box-sizing: border-box; margin: 0; }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 1220px;
  margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; line-height: 1.2; } h2 { font-size: 18px; margin: 36px 0 12px; } h3 { font-size: 15px; }
header p, figcaption p, .notes, .empty { color: var(--faint); } figcaption p { font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(146px, 1fr)); gap: 12px; margin: 24px 0; }
.tiles div { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px 14px; }
.tiles b { display: block; font-size: 17px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--faint); font-size: 13px; } .tiles .bad b { color: var(--bad); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 16px; }
figure { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px; }
svg { display: block; width: 100%; height: auto; margin-top: 6px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; padding: 0; margin-top: 6px; font-size: 13px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; background: var(--c); }
.grid { stroke: var(--rule); stroke-width: 1; }
.tick, .axis { fill: var(--faint); font-size: 11px; font-variant-numeric: tabular-nums; }
.line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.area { fill: var(--c); stroke: var(--card); stroke-width: 1.5; } .dot { fill: var(--c); fill-opacity: .65; }
.target { fill: transparent; } .target:hover { fill: var(--c); fill-opacity: .5; }
.c1 { --c: var(--c1); } .c2 { --c: var(--c2); } .c3 { --c: var(--c3); }
.c4 { --c: var(--c4); } .c5 { --c: var(--c5); } .c6 { --c: var(--c6); }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
th, td { text-align: left; vertical-align: top; padding: 6px 14px; border-top: 1px solid var(--rule);
  font-variant-numeric: tabular-nums; }
tr:first-child > * { border-top: 0; } th { font-weight: 500; color: var(--faint); white-space: pre; }
.notes p { max-width: 75ch; margin-bottom: 10px; } code { font-size: 13px; overflow-wrap: anywhere; }
`;

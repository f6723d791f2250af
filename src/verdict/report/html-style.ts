/** Style of the HTML report: light and dark by the reader's system, readable in print, outcomes never by colour alone. */
export const htmlStyle = `
:root { color-scheme: light dark; --back: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --pane: #f6f8fa;
  --good: #116329; --bad: #a40e26; --lab: #7d4e00; --odd: #6639ba; --link: #0550ae;
  --xen: #0550ae; --linux: #116329; --boot: #7d4e00; --tfa: #6639ba; --mark: #fff1b8 }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --ink: #e6edf3; --soft: #9da7b1; --line: #3d444d;
  --pane: #161b22; --good: #56d364; --bad: #ff8f87; --lab: #e3b341; --odd: #d2a8ff; --link: #79c0ff;
  --xen: #79c0ff; --linux: #7ee787; --boot: #e3b341; --tfa: #d2a8ff; --mark: #533f04 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 110rem; padding: 1rem; background: var(--back); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 0 .3rem } h2 { font-size: 1.15rem; margin: 1.5rem 0 .4rem } h3 { font-size: 1rem; margin: 1rem 0 .3rem }
a { color: var(--link) } :focus-visible { outline: 3px solid var(--link); outline-offset: 1px }
p { margin: .3rem 0 } .soft { color: var(--soft) }
code, pre, .console, .text { font-family: ui-monospace, monospace; font-size: .86rem }
table { border-collapse: collapse } th, td { text-align: left; vertical-align: top; padding: .15rem .6rem .15rem 0; border-bottom: 1px solid var(--line) }
.scroll { overflow-x: auto } .matrix { max-height: 30rem; overflow: auto; border: 1px solid var(--line) }
.matrix th, .matrix td { padding: .1rem .6rem } .matrix thead th { position: sticky; top: 0; background: var(--pane) }
.met { color: var(--good) } .failed, .missed, .contradicted { color: var(--bad); font-weight: 600 }
.infrastructure, .interrupted { color: var(--lab) } .broken-as-predicted { color: var(--odd) }
.filters { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; margin: .6rem 0 }
input[type=search] { font: inherit; padding: .2rem .4rem; min-width: 16rem; color: inherit; background: var(--pane); border: 1px solid var(--soft) }
details.run { border: 1px solid var(--line); margin: .3rem 0; content-visibility: auto; contain-intrinsic-size: auto 2rem }
details.run > summary { padding: .3rem .6rem; background: var(--pane); cursor: pointer }
details.run > div { padding: 0 .8rem .8rem }
.first { border-left: 4px solid var(--bad); padding: .3rem .8rem; background: var(--pane) }
.first dt { color: var(--soft); float: left; clear: left; width: 7rem } .first dd { margin: 0 0 .2rem 7rem; overflow-wrap: anywhere }
.console { list-style: none; margin: 0; padding: .4rem; background: var(--pane); max-height: 40rem; overflow: auto; border: 1px solid var(--line) }
.console li { white-space: pre-wrap; overflow-wrap: anywhere; content-visibility: auto; contain-intrinsic-size: auto 1.2rem }
.console i { color: var(--soft); font-style: normal; display: inline-block; min-width: 4.5rem }
.console b { font-weight: 400; display: inline-block; min-width: 5rem }
.x b { color: var(--xen) } .l b { color: var(--linux) } .u b, .e b { color: var(--boot) } .t b { color: var(--tfa) }
:target, .found { background: var(--mark) } [hidden] { display: none }
svg { max-width: 100%; height: auto; background: var(--pane); border: 1px solid var(--line) } svg text { fill: var(--ink); font: 12px system-ui, sans-serif }
svg line { stroke: var(--line) } svg rect { fill: var(--link) } svg .faults { fill: var(--bad) }
@media print { .filters { display: none } .console, .matrix { max-height: none } details.run { content-visibility: visible } body { font-size: 11px } }
`;

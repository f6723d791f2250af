/**
 * Script of the HTML report. It gets nothing from the runs but what stands in the page: text that a board printed is
 * escaped text there, never script.
 */
export const htmlScript = `'use strict';
const runs = [...document.querySelectorAll('details.run')];
// The insides of a run wait in a template: a page of hundreds of runs opens at once.
const fill = run => {
  const template = run.querySelector(':scope > template');
  if (template !== null) template.replaceWith(template.content);
};
for (const run of runs) run.addEventListener('toggle', () => { if (run.open) fill(run); });
const show = () => {
  const id = decodeURIComponent(location.hash.slice(1));
  const run = document.getElementById(id.split('-')[0]);
  if (run === null || !runs.includes(run)) return;
  fill(run);
  run.hidden = false;
  run.open = true;
  const target = document.getElementById(id);
  if (target === null) return;
  for (let each = target.parentElement; each !== null; each = each.parentElement) if (each.localName === 'details') each.open = true;
  for (const each of document.querySelectorAll('.found')) each.classList.remove('found');
  target.classList.add('found');
  target.setAttribute('tabindex', '-1');
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: 'center' });
};
addEventListener('hashchange', show);
// A second click on the same link moves there again.
document.addEventListener('click', event => {
  const link = event.target instanceof Element ? event.target.closest('a[href^="#"]') : null;
  if (link !== null && link.getAttribute('href') === location.hash) show();
});
const search = document.getElementById('search');
const outcomes = [...document.querySelectorAll('input[name=outcome]')];
const count = document.getElementById('count');
const textOf = run => (run.querySelector(':scope > template')?.content ?? run).textContent;
const filter = () => {
  const wanted = search.value.toLowerCase();
  const shown = new Set(outcomes.filter(each => each.checked).map(each => each.value));
  let number = 0;
  for (const run of runs) {
    const named = run.querySelector('summary').textContent.toLowerCase();
    run.hidden = !shown.has(run.dataset.outcome) || (!named.includes(wanted) && !textOf(run).toLowerCase().includes(wanted));
    if (!run.hidden) number += 1;
  }
  count.textContent = number + ' of ' + runs.length + ' runs';
};
search.addEventListener('input', filter);
for (const each of outcomes) each.addEventListener('change', filter);
document.addEventListener('input', event => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || field.dataset.console === undefined) return;
  const wanted = field.value.toLowerCase();
  for (const line of document.getElementById(field.dataset.console).children) {
    line.hidden = !line.textContent.toLowerCase().includes(wanted);
  }
});
addEventListener('beforeprint', () => { for (const run of runs) if (run.open) fill(run); });
filter();
show();
`;

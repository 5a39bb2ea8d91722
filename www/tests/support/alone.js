// Runs in the page itself: does what a person would, looks on, and tells the test's server.
const LOOK_MILLIS = 100;
/** A tab is left once what it shows was drawn anew. */
const TAB_MILLIS = 700;
const TABS = ['Pieces', 'Log', 'Speed', 'Peers', 'Files'];

const until = (find) => new Promise((found) => {
  const timer = setInterval(() => {
    const it = find();
    if (!it) return;
    clearInterval(timer);
    found(it);
  }, LOOK_MILLIS);
});
const named = (name, role, root = document) => [...root.querySelectorAll(role)].find((element) =>
  element.checkVisibility() && (element.ariaLabel ?? element.textContent).startsWith(name));
const press = async (name, role = 'button', root = document) => (await until(() => named(name, role, root))).click();

const durations = (type) => {
  const found = [];
  new PerformanceObserver((list) => found.push(...list.getEntries().map(({ duration }) => Math.round(duration)))).observe({ type });
  return found;
};

await press('Show what is in it');
await press('Download', 'dialog[open] button');
const card = await until(() => document.querySelector('article'));
await press('Details of', 'button', card);
card.scrollIntoView({ block: 'end' });
const [tasks, frames] = [durations('longtask'), durations('long-animation-frame')];
let at = 0;
const turn = () => void press(TABS[at++ % TABS.length], '[role=tab]', card);
const turning = setInterval(turn, TAB_MILLIS);
turn();
await until(() => /^Complete/.test(card.querySelector('.status').textContent));
clearInterval(turning);
await press('Speed', '[role=tab]', card);
const words = await until(() => card.querySelector('figcaption')?.textContent);
const [{ domContentLoadedEventEnd: ready }] = performance.getEntriesByType('navigation');
await fetch('/told', { method: 'POST', body: JSON.stringify({ tasks, frames, words, ready, tabs: at }) });

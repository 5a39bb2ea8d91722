// The page: what the tracker has, asked again every few seconds while somebody looks.

import { Refused, TokenNeeded, announceUrl, read, token } from "./client.js";
import { count, duration, plural } from "./format.js";
import { element, write } from "./table.js";
import { seederList, torrentList } from "./views.js";

const PERIOD_MILLIS = 3_000;
const TYPING_MILLIS = 250;
const ROWS = 50;

const at = (id) => document.getElementById(id);
const page = { about: null, details, say };
const lists = {
  torrents: torrentList(page, fromStart),
  seeders: seederList(page, fromStart),
};
let list = lists.torrents;
let timer = 0;
/** Grows with each round: the answer to an older one comes too late. */
let round = 0;

/** Asks for all that is shown. `isAnswer` if the reader has just asked for something. */
async function refresh(isAnswer = false) {
  clearTimeout(timer);
  const mine = ++round;
  try {
    page.about ??= await read("");
    showTracker();
    const [totals, found] = await Promise.all([read("totals"), list.load(ROWS)]);
    if (mine !== round) return;
    show(totals, found, isAnswer);
    say("Live", "live");
  } catch (problem) {
    if (mine !== round) return;
    if (problem instanceof TokenNeeded) return askForToken();
    const known = problem instanceof Refused && problem.status < 500;
    say(known ? problem.message : "The tracker can't be reached. Trying again…", "lost");
  }
  if (!document.hidden) timer = setTimeout(refresh, PERIOD_MILLIS);
}

function say(text, state = "lost") {
  at("state").dataset.state = state;
  write(at("state"), text);
}

function show(totals, { total, items }, isAnswer) {
  if (items.length === 0 && list.offset > 0) {
    list.offset = Math.max(0, Math.ceil(total / ROWS) - 1) * ROWS;
    return void refresh(isAnswer);
  }
  at("gate").hidden = true;
  at("board").hidden = false;
  at("forget").hidden = !token.get();
  for (const cell of document.querySelectorAll("[data-total]")) {
    const number = totals[cell.dataset.total];
    write(cell, cell.dataset.total.endsWith("_seconds") ? duration(number) : count(number));
  }
  list.show(items);
  showWhere(total, items.length);
  showEmpty(total);
  const found = plural(total, ...list.words) + (list.search && " found");
  write(at("found"), total > 0 ? found : "");
  // Told by a screen reader only in answer to a question, not at each round.
  if (isAnswer) write(at("answer"), found);
}

function showWhere(total, length) {
  at("pager").hidden = total <= ROWS;
  at("previous").disabled = list.offset === 0;
  at("next").disabled = list.offset + length >= total;
  write(at("range"), `${count(list.offset + 1)}–${count(list.offset + length)} of ${count(total)}`);
}

function showEmpty(total) {
  at(list.id).hidden = total === 0;
  at("empty").hidden = total > 0;
  if (total > 0) return;
  const nothing = list.search
    ? { title: "Nothing found", text: `No ${list.words[0]} matches “${list.search}”.`, how: "" }
    : list.empty(page.about);
  write(at("empty-title"), nothing.title);
  write(at("empty-text"), nothing.text);
  write(at("empty-how"), nothing.how);
  at("empty-how").hidden = nothing.how === "";
  at("clear").hidden = list.search === "";
}

function showTracker() {
  write(at("host"), location.host);
  write(at("announce"), announceUrl(page.about));
  write(at("version"), `Gannet ${page.about.version}`);
}

function fromStart() {
  list.offset = 0;
  refresh(true);
}

function turn(pages) {
  list.offset = Math.max(0, list.offset + pages * ROWS);
  refresh(true).then(() => scrollTo({ top: at("board").offsetTop }));
}

function choose(id, isFocused) {
  list = lists[id];
  for (const [other, { words }] of Object.entries(lists)) {
    const isChosen = other === id;
    at(`tab-${other}`).ariaSelected = isChosen;
    at(`tab-${other}`).tabIndex = isChosen ? 0 : -1;
    at(other).hidden = !isChosen;
    if (isChosen) write(at("search-label"), `Search ${words[1]}`);
  }
  if (isFocused) at(`tab-${id}`).focus();
  at("search").value = list.search;
  history.replaceState(null, "", id === "torrents" ? location.pathname : `#${id}`);
  refresh(true);
}

function askForToken() {
  const wasWrong = token.get() !== null;
  token.forget();
  at("forget").hidden = true;
  at("board").hidden = true;
  at("gate").hidden = false;
  if (wasWrong) write(at("gate-text"), "The tracker doesn't take this token. Please try again.");
  say("A token is needed", "waiting");
  at("token").focus();
}

async function details(coming) {
  try {
    const { title, sub, note, link, groups } = await coming;
    write(at("details-title"), title);
    write(at("details-sub"), sub);
    const parts = groups.flatMap(({ heading, items }) => [
      element("h3", { textContent: heading }),
      element("ul", {}, ...items.map(([name, aside]) => element(
        "li", {}, element("span", { textContent: name, dir: "auto" }), element("span", { textContent: aside }),
      ))),
    ]);
    const text = note ? element("p", { className: "fine", textContent: note }) : null;
    const magnet = link ? element("a", { href: link, textContent: "Magnet link" }) : null;
    at("details-body").replaceChildren(...[text, magnet, ...parts].filter(Boolean));
    at("details").showModal();
  } catch (problem) {
    say(problem instanceof Refused ? problem.message : "The tracker can't be reached.");
  }
}

function listen() {
  let typing = 0;
  at("search").addEventListener("input", ({ target }) => {
    clearTimeout(typing);
    list.search = target.value.trim();
    typing = setTimeout(fromStart, TYPING_MILLIS);
  });
  at("clear").addEventListener("click", () => {
    at("search").value = list.search = "";
    at("search").focus();
    fromStart();
  });
  at("previous").addEventListener("click", () => turn(-1));
  at("next").addEventListener("click", () => turn(1));
  at("gate").addEventListener("submit", (event) => {
    event.preventDefault();
    token.set(at("token").value.trim());
    at("token").value = "";
    refresh(true);
  });
  at("forget").addEventListener("click", () => location.reload(token.forget()));
  at("copy").addEventListener("click", copy);
  for (const id of Object.keys(lists)) at(`tab-${id}`).addEventListener("click", () => choose(id));
  document.addEventListener("keydown", pressed);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else refresh();
  });
}

function pressed(event) {
  const { key, target } = event;
  if (target.role === "tab" && (key === "ArrowRight" || key === "ArrowLeft")) {
    choose(list === lists.torrents ? "seeders" : "torrents", true);
  } else if (key === "/" && !target.matches("input") && !at("details").open) {
    event.preventDefault();
    at("search").focus();
  }
}

async function copy() {
  try {
    await navigator.clipboard.writeText(at("announce").textContent);
    write(at("copy"), "Copied");
  } catch {
    // Only pages that come over HTTPS may write to the clipboard: the text can still be marked.
    getSelection().selectAllChildren(at("announce"));
    write(at("copy"), "Marked");
  }
  setTimeout(() => write(at("copy"), "Copy"), 2_000);
}

listen();
choose(location.hash === "#seeders" ? "seeders" : "torrents");

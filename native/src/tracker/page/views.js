// The two lists, and what is shown of one of their rows.

import { announceUrl, magnetOf, read, relative, save, token } from "./client.js";
import { ago, bytes, count, plural } from "./format.js";
import { Rows, Sorting, element, write, writeNumber } from "./table.js";

const table = (id) => document.querySelector(`#${id} table`);
const cell = (kind = "") => element("td", { className: kind });

/** A list: what it asks for, how its rows look, what to say if there are none. */
class List {
  search = "";
  offset = 0;

  constructor(id, natural, row, keyOf, changed) {
    this.id = id;
    this.keyOf = keyOf;
    this.rows = new Rows(table(id).tBodies[0], row);
    this.sorting = new Sorting(table(id), natural, changed);
  }

  async load(limit) {
    const { column, order } = this.sorting;
    const { search, offset } = this;
    const answer = await read(this.id, { search, sort: column, order, limit, offset });
    return { total: answer.total, items: answer[this.id] };
  }

  show(items) {
    this.rows.show(items, this.keyOf);
  }
}

export function torrentList(page, changed) {
  const natural = { seeders: "desc", name: "asc", size: "desc", leechers: "desc", downloaded: "desc" };
  const list = new List("torrents", natural, () => torrentRow(page), (it) => it.info_hash, changed);
  list.words = ["torrent", "torrents"];
  list.empty = (about) => ({
    title: "No torrents yet",
    text: "A torrent shows up here as soon as a client announces it. To share something:",
    how: [
      `gannet create FILE --tracker ${announceUrl(about)}`,
      about?.publish ? "gannet seed --publish FILE.torrent" : "gannet seed FILE.torrent",
    ].join("\n"),
  });
  return list;
}

export function seederList(page, changed) {
  const natural = { torrents: "desc", heard: "asc", addr: "asc" };
  const list = new List("seeders", natural, () => seederRow(page), (it) => it.addr, changed);
  list.words = ["seeder", "seeders"];
  list.empty = () => ({
    title: "No seeders yet",
    text: "A seeder is a client that has all of a torrent. To become one:",
    how: "gannet seed FILE.torrent",
  });
  return list;
}

function torrentRow(page) {
  let torrent;
  const name = element("button", { type: "button", className: "name" });
  const size = element("span", { className: "size" });
  const hash = element("code", { className: "hash" });
  const magnet = element("a", { textContent: "Magnet" });
  const file = element("a", { textContent: ".torrent" });
  const meta = element("div", { className: "meta" }, size, magnet, file, hash);
  const cells = ["number spare", "number", "number", "number spare"].map(cell);
  const row = element("tr", {}, element("td", { className: "wide" }, name, meta), ...cells);
  name.addEventListener("click", () => page.details(torrentDetails(torrent, page.about)));
  file.addEventListener("click", (event) => {
    if (!token.get()) return;
    event.preventDefault();
    save(file.href, `${torrent.name}.torrent`).catch((problem) => page.say(problem.message));
  });
  const update = (news) => {
    torrent = news;
    const title = torrent.name ?? torrent.info_hash;
    write(name, title);
    name.dir = "auto";
    name.classList.toggle("nameless", torrent.name === null);
    magnet.href = magnetOf(torrent, page.about);
    magnet.ariaLabel = `Magnet link of ${title}`;
    file.hidden = torrent.torrent === null;
    if (torrent.torrent !== null) file.href = relative(torrent.torrent);
    file.ariaLabel = `.torrent file of ${title}`;
    const long = torrent.total_bytes === null ? "" : bytes(torrent.total_bytes);
    size.hidden = !write(size, long) && long === "";
    hash.hidden = torrent.name === null;
    write(hash, torrent.info_hash.slice(0, 12));
    const numbers = [torrent.seeders, torrent.leechers, torrent.downloaded].map(count);
    [long || "–", ...numbers].forEach((text, at) => writeNumber(cells[at], text));
    cells.forEach((it) => it.classList.toggle("none", "–0".includes(it.textContent)));
  };
  return { element: row, update };
}

function seederRow(page) {
  let seeder;
  const name = element("button", { type: "button", className: "name" });
  const meta = element("div", { className: "meta" }, element("span", { className: "size" }));
  const cells = ["spare", "number", "number"].map(cell);
  const row = element("tr", {}, element("td", { className: "wide" }, name, meta), ...cells);
  name.addEventListener("click", () => page.details(seederDetails(seeder)));
  const update = (news) => {
    seeder = news;
    write(name, seeder.addr);
    write(meta.firstChild, seeder.client ?? "");
    write(cells[0], seeder.client ?? "–");
    cells[0].classList.toggle("none", seeder.client === null);
    writeNumber(cells[1], count(seeder.torrents));
    write(cells[2], ago(seeder.heard_seconds));
  };
  return { element: row, update };
}

async function torrentDetails({ info_hash }, about) {
  const torrent = await read(`torrents/${info_hash}`);
  const { seeders, leechers } = torrent.peers;
  const peer = ({ addr, heard_seconds }) => [addr, ago(heard_seconds)];
  const group = (word, all, shown) => ({
    heading: plural(all, word, `${word}s`) + (shown.length < all ? `, ${shown.length} shown` : ""),
    items: shown.map(peer),
  });
  return {
    title: torrent.name ?? "A torrent without a name",
    sub: `Info hash ${info_hash}`,
    note: torrent.name === null && "Nobody has published it here, so only its info hash is known.",
    link: magnetOf(torrent, about),
    groups: [
      group("seeder", torrent.seeders, seeders),
      group("leecher", torrent.leechers, leechers),
    ],
  };
}

async function seederDetails({ addr }) {
  const seeder = await read(`seeders/${encodeURIComponent(addr)}`, { limit: 500 });
  const { total, torrents } = seeder;
  const shown = torrents.length < total ? `, ${torrents.length} shown` : "";
  const row = (torrent) => [
    torrent.name ?? torrent.info_hash,
    torrent.total_bytes === null ? "" : bytes(torrent.total_bytes),
  ];
  return {
    title: addr,
    sub: seeder.client ?? "",
    groups: [{ heading: plural(total, "torrent", "torrents") + shown, items: torrents.map(row) }],
  };
}

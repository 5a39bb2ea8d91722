// Asks the web API. Paths are relative: the tracker may stand behind a proxy's prefix.

const KEPT = "gannet-read-token";
const TIMEOUT_MILLIS = 10_000;

/** The tracker wants a token, or another one than it was shown. */
export class TokenNeeded extends Error {}

/** The tracker answered with an error; its message is a sentence. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEPT),
  set: (text) => sessionStorage.setItem(KEPT, text),
  forget: () => sessionStorage.removeItem(KEPT),
};

/** The response to a GET, whatever its kind. */
export async function ask(path) {
  const shown = token.get();
  const response = await fetch(path, {
    headers: shown ? { Authorization: `Bearer ${shown}` } : {},
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MILLIS),
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  const message = problem?.error?.message ?? `HTTP status ${response.status}`;
  if (response.status === 401) throw new TokenNeeded(message);
  throw new Refused(response.status, message);
}

export async function read(path, query = {}) {
  const text = new URLSearchParams(query).toString();
  const full = ["api/v1", path].filter(Boolean).join("/");
  return (await ask(text ? `${full}?${text}` : full)).json();
}

/** A path that the API names, for a link on this page. */
export const relative = (path) => path.replace(/^\/+/, "");

/** Where clients announce to, as far as the tracker knows it, or else this page. */
export function announceUrl(about) {
  return about?.announce?.[0] ?? new URL("announce", document.baseURI).href;
}

/** A magnet link that names this tracker. */
export function magnetOf(torrent, about) {
  const has = torrent.magnet.includes("&tr=");
  return has ? torrent.magnet : `${torrent.magnet}&tr=${encodeURIComponent(announceUrl(about))}`;
}

/** Saves a .torrent whose link alone would be refused for want of a token. */
export async function save(path, name) {
  const url = URL.createObjectURL(await (await ask(path)).blob());
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

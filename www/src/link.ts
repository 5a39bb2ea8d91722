/** What leads to a torrent, before anybody has been asked for it. */
export type Lead =
  | { kind: 'magnet'; magnet: string; infoHash: string; name: string | null; trackers: string[]; relays: string[] }
  | { kind: 'url'; url: string; relays: string[] }
  | { kind: 'torrent'; name: string; content: Uint8Array; relays: string[] };

const HASH = /^(?:[0-9a-f]{40}|[a-z2-7]{32})$/i;
const MAX_RELAYS = 8;

/** What a person typed or pasted: a magnet link, an address, an info hash, or a link to this page. */
export function readText(text: string): Lead | null {
  const trimmed = text.trim();
  if (HASH.test(trimmed)) return magnet(`magnet:?xt=urn:btih:${trimmed}`, []);
  if (/^magnet:/i.test(trimmed)) return magnet(trimmed, []);
  if (!/^(?:https?:\/\/|\/)/i.test(trimmed)) return null;
  const url = parsed(trimmed);
  if (!url) return null;
  return readHash(url.hash) ?? { kind: 'url', url: url.href, relays: [] };
}

/** What a link to this page carries behind its `#`. */
export function readHash(hash: string): Lead | null {
  const carried = new URLSearchParams(hash.replace(/^#/, ''));
  const relays = carried.getAll('relay').filter(isRelay).slice(0, MAX_RELAYS);
  const link = carried.get('magnet');
  if (link) return magnet(link, relays);
  return readAddress(carried.get('url') ?? '', relays);
}

/** The address of a .torrent, which may be relative to this page. */
export function readAddress(text: string, relays: string[] = []): Lead & { kind: 'url' } | null {
  const url = text === '' ? null : parsed(text);
  return url && { kind: 'url', url: url.href, relays };
}

/** The server's token, in the link that `gannet serve` prints for who runs it. */
export const readToken = (hash: string): string | null => new URLSearchParams(hash.replace(/^#/, '')).get('token');

/** Whether a text can be a relay's address. */
export function isRelay(text: string): boolean {
  return /^wss?:$/.test(parsed(text)?.protocol ?? '');
}

function magnet(link: string, relays: string[]): Lead | null {
  const query = new URLSearchParams(link.replace(/^magnet:\?/i, ''));
  const topics = query.getAll('xt').map((xt) => /^urn:btih:(.+)$/i.exec(xt)?.[1] ?? '');
  const infoHash = topics.find((topic) => HASH.test(topic));
  if (!infoHash) return null;
  const name = query.get('dn');
  return { kind: 'magnet', magnet: link, infoHash: infoHash.toLowerCase(), name, trackers: query.getAll('tr'), relays };
}

/** Relative to this page, and only over HTTP or a WebSocket: never `javascript:`, `data:` or `file:`. */
function parsed(text: string): URL | null {
  try {
    const url = new URL(text, location.href);
    return /^(?:https?|wss?):$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** A link to this page that carries a magnet link and the relays that the sharer uses. */
export function linkTo(magnetLink: string, relays: string[]): string {
  const carried = [`magnet=${encodeURIComponent(magnetLink)}`];
  for (const relay of relays) carried.push(`relay=${encodeURIComponent(relay)}`);
  return `${location.href.split('#')[0]}#${carried.join('&')}`;
}

import type { Description } from 'gannet';
import type { Clients } from './clients.js';
import type { Lead } from './link.js';
import { torrentFile } from './torrent-file.js';

/** A torrent that a person can decide about: nothing of its data is downloaded yet. */
export interface Found {
  content: Uint8Array<ArrayBuffer>;
  description: Description;
  peers: string[];
}

/** .torrent files are no larger; what an address answers is refused beyond it. */
const MAX_TORRENT_BYTES = 64 * 1024 * 1024;

/** Finds out what a lead leads to: from its bytes, from its server, or from peers. */
export async function scout(clients: Clients, lead: Lead, relays: string[], signal: AbortSignal): Promise<Found> {
  if (lead.kind === 'magnet') return fromPeers(clients, lead, relays, signal);
  const content = lead.kind === 'torrent' ? lead.content : await fetched(lead.url, signal);
  const description = await clients.reader().describe(content.slice());
  return { content: content as Uint8Array<ArrayBuffer>, description, peers: [] };
}

async function fetched(url: string, signal: AbortSignal): Promise<Uint8Array> {
  const failed = (cause?: unknown) => Object.assign(new Error(url, { cause }), { name: 'FetchError' });
  const response = await fetch(url, { signal, credentials: 'omit' }).catch((error: Error) => {
    throw error.name === 'AbortError' ? error : failed(error);
  });
  const isTooLong = Number(response.headers.get('content-length') ?? 0) > MAX_TORRENT_BYTES;
  if (!response.ok || isTooLong) throw failed();
  return new Uint8Array(await response.arrayBuffer());
}

/** Asks the swarm for the metadata alone, with nothing chosen and nothing stored. */
async function fromPeers(
  clients: Clients, lead: Lead & { kind: 'magnet' }, relays: string[], signal: AbortSignal,
): Promise<Found> {
  const torrent = await clients.of(relays, 'memory').add(lead.magnet, { files: [], signal });
  try {
    const info = await torrent.info();
    const content = torrentFile(info ?? new Uint8Array(), lead.trackers);
    const description = await clients.reader().describe(content.slice());
    return { content, description, peers: peersOf(lead.magnet) };
  } finally {
    await torrent.remove().catch(() => undefined);
  }
}

/** The peers that a link names (`x.pe`, BEP 9). */
const peersOf = (magnet: string): string[] =>
  new URLSearchParams(magnet.replace(/^magnet:\?/i, '')).getAll('x.pe');

// What the server that gave this page says of itself, and what the person has chosen.
import { isRelay } from './link.js';

/** A torrent that the server shares. */
export interface Shared {
  name: string;
  infoHash: string;
  length: number;
  files: number;
  url: string;
}

/** The file `gannet.json` beside the page; `gannet serve` writes it, a static host has none. */
export interface Server {
  relays: string[];
  trackers: string[];
  torrents: Shared[];
  /** Where its downloads can be watched, and changed by who knows its token; `null` if they can't. */
  api: string | null;
}

export interface Settings {
  relays: string[];
  /** Bytes per second; `null` for no limit. */
  downloadLimit: number | null;
  uploadLimit: number | null;
}

const KEY = 'gannet-settings';
/** After so long the page goes on as on a host that has no such file. */
const PATIENCE_MILLIS = 10_000;
export const NO_SERVER: Server = { relays: [], trackers: [], torrents: [], api: null };

/** Asks this page's own origin, and nobody else. */
export async function askServer(): Promise<Server> {
  try {
    const response = await fetch('./gannet.json', { credentials: 'omit', signal: AbortSignal.timeout(PATIENCE_MILLIS) });
    return response.ok ? read(await response.json()) : NO_SERVER;
  } catch {
    return NO_SERVER;
  }
}

function read(told: any): Server {
  const strings = (list: unknown) =>
    Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : [];
  return {
    relays: strings(told?.relays).filter(isRelay),
    trackers: strings(told?.trackers),
    torrents: readTorrents(told?.torrents),
    // A path of this very server, which a token may be sent to.
    api: typeof told?.api === 'string' && /^(?:\/[\w-]+)+$/.test(told.api) ? told.api : null,
  };
}

/** A list of torrents as the server writes it. */
export function readTorrents(told: unknown): Shared[] {
  const torrents: any[] = Array.isArray(told) ? told : [];
  return torrents.filter((t) => typeof t?.url === 'string').map((t) => ({
    name: String(t.name), infoHash: String(t.info_hash), length: Number(t.length) || 0, files: Number(t.files) || 1, url: t.url,
  }));
}

export function loadSettings(): Settings {
  const none: Settings = { relays: [], downloadLimit: null, uploadLimit: null };
  try {
    return { ...none, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return none;
  }
}

export function saveSettings(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch { /* a window that keeps nothing: they hold until it closes */ }
}

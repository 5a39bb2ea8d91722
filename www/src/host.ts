// The server that gave this page, as a client of its own: what it shares and downloads is watched
// here and, by whoever knows its token, changed.
import type { Stats } from 'gannet';
import { type Server, type Shared, readTorrents } from './config.js';

const KEY = 'gannet-token';
/** What an HTTP header can carry. */
const TOKEN = /^[\x21-\x7e]{1,256}$/;

/** What the page shows of one of the server's torrents. */
export type HostStats = Pick<Stats,
  'info_hash' | 'name' | 'state' | 'have_bytes' | 'wanted_bytes' | 'uploaded_bytes' | 'peers_connected'
  | 'download_bytes_per_second' | 'upload_bytes_per_second'>;

/** A refusal of the server: `code` is its word for it, or `unreachable`. */
export class HostError extends Error {
  override readonly name = 'HostError';
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** Tells `change` when what it knows has changed. */
export class Host extends EventTarget {
  torrents: Shared[] = [];
  /** By info hash. */
  readonly stats = new Map<string, HostStats>();
  token: string | null = stored();
  #api: string | null = null;
  #events: EventSource | undefined;

  /** Whether there is more than files: a server that can be watched. */
  get isThere(): boolean {
    return this.#api !== null;
  }

  /** Begins to watch, while somebody looks: a browser has few connections to a server for all tabs. */
  begin({ torrents, api }: Server): void {
    this.torrents = torrents;
    this.#api = api;
    if (api !== null) {
      document.addEventListener('visibilitychange', () => this.#watch());
      this.#watch();
    }
    this.#changed();
  }

  /** Keeps the token for as long as the tab is open; `null` forgets it. */
  setToken(token: string | null): boolean {
    if (token !== null && !TOKEN.test(token)) return false;
    this.token = token;
    try {
      if (token === null) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, token);
    } catch { /* a window that keeps nothing: it holds until a reload */ }
    this.#changed();
    return true;
  }

  /** Has the server download: a magnet link, an address, or a .torrent. */
  add(what: string | Uint8Array): Promise<void> {
    return this.#ask('POST', '', JSON.stringify({ add: typeof what === 'string' ? what : base64(what) }));
  }

  pause(infoHash: string): Promise<void> {
    return this.#ask('POST', `/${infoHash}/pause`);
  }

  resume(infoHash: string): Promise<void> {
    return this.#ask('POST', `/${infoHash}/resume`);
  }

  /** With `data`, what it has downloaded is deleted. */
  async remove(infoHash: string, data: boolean): Promise<void> {
    await this.#ask('DELETE', `/${infoHash}${data ? '?data=true' : ''}`);
    this.stats.delete(infoHash);
    this.torrents = this.torrents.filter((torrent) => torrent.infoHash !== infoHash);
    this.#changed();
  }

  async #ask(method: string, path: string, body?: string): Promise<void> {
    const headers = { authorization: `Bearer ${this.token ?? ''}` };
    const asked = fetch(`${this.#api}/downloads${path}`, { method, headers, credentials: 'omit', ...(body ? { body } : {}) });
    const response = await asked.catch(() => {
      throw new HostError('unreachable', 'the server does not answer');
    });
    if (response.ok) return;
    const told: any = await response.json().catch(() => null);
    const code = String(told?.error?.code ?? 'unknown');
    if (response.status === 401) this.setToken(null);
    throw new HostError(code, String(told?.error?.message ?? `HTTP ${response.status}`));
  }

  #watch(): void {
    this.#events?.close();
    this.#events = undefined;
    if (document.hidden) return;
    const events = new EventSource(`${this.#api}/events`);
    this.#events = events;
    events.addEventListener('torrents', ({ data }) => this.#list(JSON.parse(data)));
    events.addEventListener('stats', ({ data }) => this.#hear(JSON.parse(data)));
  }

  /** All torrents, with those that have no name to be had by yet. */
  #list(told: any): void {
    this.torrents = readTorrents(told?.torrents);
    const known = new Set<string>((Array.isArray(told?.info_hashes) ? told.info_hashes : []).map(String));
    for (const infoHash of this.stats.keys()) if (!known.has(infoHash)) this.stats.delete(infoHash);
    this.#changed();
  }

  #hear({ stats }: { stats: HostStats }): void {
    if (!stats?.info_hash) return;
    this.stats.set(String(stats.info_hash), stats);
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event('change'));
  }
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Bytes that make a whole number of four digits, and no more arguments than a function takes. */
const STEP_BYTES = 0x6000;

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += STEP_BYTES) text += btoa(String.fromCharCode(...bytes.subarray(at, at + STEP_BYTES)));
  return text;
}

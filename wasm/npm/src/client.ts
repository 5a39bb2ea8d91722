import { GannetError, fromPlain } from './errors.js';
import type { AddRequest, Answer, Notice, Ops, Port, SeedFile, Setup, WasmSource } from './messages.js';
import { Sources } from './sources.js';
import { type Source, Torrent } from './torrent.js';
import type { Description } from './worker/host.js';

/** What a client is to be like. */
export interface ClientOptions {
  /** Base URLs of relays (`wss://…`), in the order in which they are tried. */
  relays?: string[];
  /** Where data goes: `memory` (the default), the browser's own storage, or, in Node, a folder. */
  storage?: 'memory' | 'opfs' | 'disk';
  /** The most bytes that memory storage may take; 1 GiB unless said otherwise. */
  memoryLimit?: number;
  /** Node: the folder of the downloads, for `storage: 'disk'`. */
  folder?: string;
  /** The most connections over all torrents; 200 unless said otherwise. */
  maxConnections?: number;
}

/** How a torrent is to be added. */
export interface AddTorrentOptions {
  /** The files to download: their numbers, or a function that chooses; all of them by default. */
  files?: number[] | ((file: { path: string; length: number; index: number }) => boolean);
  /** In order, for somebody who reads along. */
  sequential?: boolean;
  /** Ends the adding, and removes the torrent if it was added. */
  signal?: AbortSignal;
  /** Functions to download from, besides peers. */
  sources?: Source[];
  /** Trackers besides the torrent's own. */
  trackers?: string[];
  /** Peers to begin with, as `address:port`. */
  peers?: string[];
  maxPeers?: number;
  /** Sources that are asked at the same time, at most; 8 by default. */
  maxWorkers?: number;
  /** Failures in a row at one piece, after which a source is asked for it only if nobody else can. */
  maxRetries?: number;
}

/** A .torrent file, or what leads to one. */
export type TorrentInput = Blob | ArrayBuffer | Uint8Array | URL | string;

/** What an entry of the package knows of its surroundings. */
export interface Surroundings {
  wasm: WasmSource;
  spawn(): Port | Promise<Port>;
}

const MEMORY_LIMIT_BYTES = 1024 * 1024 * 1024;
const MAX_CONNECTIONS = 200;

/** A BitTorrent client: the engine runs in a worker of its own, the page only talks to it. */
export class BaseClient {
  readonly #port: Promise<Port>;
  readonly #torrents = new Map<number, Torrent>();
  /** News of torrents whose number isn't known here yet. */
  #early: Array<Notice & { notice: 'news' }> = [];
  readonly #asked = new Map<number, { resolve(value: any): void; reject(error: Error): void }>();
  readonly #sources = new Sources((...args) => void this.ask('fetched', ...args).catch(() => {}));
  #asks = 0;
  /** What the relay last complained about; `null` while one serves. */
  relayError: GannetError | null = null;
  #closed: GannetError | undefined;
  #awake: (() => void) | undefined;

  constructor(options: ClientOptions, surroundings: Surroundings) {
    const setup: Setup = {
      wasm: surroundings.wasm,
      relays: options.relays ?? [],
      storage: options.storage ?? 'memory',
      memoryLimit: options.memoryLimit ?? MEMORY_LIMIT_BYTES,
      folder: options.folder ?? null,
      maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
    };
    this.#port = this.#start(setup, surroundings);
    // Whoever asks for something is told; nobody may have by now.
    this.#port.catch(() => {});
  }

  async #start(setup: Setup, surroundings: Surroundings): Promise<Port> {
    const port = await surroundings.spawn();
    port.onMessage((message) => this.#take(message));
    await this.#post(port, 'setup', [setup]);
    return port;
  }

  /**
   * Adds a torrent: a .torrent file's bytes, its URL, or a magnet link. Resolves as soon as the
   * torrent's files are known, which for a magnet link is when a peer has told them.
   */
  async add(input: TorrentInput, options: AddTorrentOptions = {}): Promise<Torrent> {
    const { signal } = options;
    signal?.throwIfAborted();
    const content = await contentOf(input, signal);
    const known = typeof content === 'string' ? undefined : await this.ask('parse', content);
    const request: AddRequest = {
      content,
      wanted: known ? chosen(known, options.files) : null,
      sequential: options.sequential ?? false,
      maxPeers: options.maxPeers ?? null,
      maxWorkers: options.maxWorkers ?? null,
      maxRetries: options.maxRetries ?? null,
      trackers: options.trackers ?? [],
    };
    signal?.throwIfAborted();
    const { torrent: number } = await this.ask('add', request);
    return this.#follow(number, known, options);
  }

  async #follow(
    number: number, known: Description | undefined, options: AddTorrentOptions,
  ): Promise<Torrent> {
    const torrent = this.#welcome(number, known);
    try {
      options.signal?.throwIfAborted();
      options.peers?.forEach((peer) => torrent.addPeer(peer));
      options.sources?.forEach((source) => torrent.addSource(source));
      const abort = () => void torrent.remove().catch(() => {});
      options.signal?.addEventListener('abort', abort, { once: true });
      try {
        const description = await torrent.described(options.signal);
        const wanted = known ? null : chosen(description, options.files);
        if (wanted) await this.ask('select', number, wanted);
      } finally {
        options.signal?.removeEventListener('abort', abort);
      }
      return torrent;
    } catch (error) {
      await torrent.remove().catch(() => {});
      throw error;
    }
  }

  /** Offers files to others: a torrent that is complete from the start. */
  async seed(
    files: Iterable<File> | File, options: { trackers?: string[]; name?: string; signal?: AbortSignal } = {},
  ): Promise<Torrent> {
    options.signal?.throwIfAborted();
    const list = files instanceof Blob ? [files] : [...files];
    const seeds: SeedFile[] = list.map((file) => ({
      path: file.webkitRelativePath?.split('/').slice(1).join('/') || file.name,
      blob: file,
    }));
    const folder = list[0]?.webkitRelativePath?.split('/')[0];
    const name = options.name ?? (folder || list[0]?.name);
    if (!name) throw new GannetError('TorrentError', 'there is no file to seed');
    const single = seeds.length === 1 && !folder;
    if (single) seeds[0]!.path = name;
    const { torrent, content } = await this.ask('seed', seeds, name, options.trackers ?? []);
    const seeded = this.#welcome(torrent, await this.ask('parse', content.slice()));
    seeded.torrentFile = content;
    return seeded;
  }

  /** What is in a .torrent file. Nobody is contacted. */
  describe(torrent: Uint8Array): Promise<Description> {
    return this.ask('parse', torrent);
  }

  /** Limits the payload of all torrents together, in bytes per second; `null` for no limit. */
  async setLimits(limits: { download: number | null; upload: number | null }): Promise<void> {
    await this.ask('limits', limits.download, limits.upload);
  }

  /** Bytes of the engine's own memory: what it has needed at most so far. Data isn't kept there. */
  heapBytes(): Promise<number> {
    return this.ask('heap');
  }

  /** Ends all torrents and the worker. What is stored stays. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#torrents.values()].map((torrent) => torrent.remove()));
    this.#end(new GannetError('RemovedError', 'the client was closed'));
    (await this.#port.catch(() => undefined))?.terminate();
  }

  /** Asks the worker. @internal */
  async ask<Op extends keyof Ops>(op: Op, ...args: Parameters<Ops[Op]>): Promise<ReturnType<Ops[Op]>> {
    return this.#post(await this.#port, op, args);
  }

  #post<Op extends keyof Ops>(
    port: Port, op: Op, args: Parameters<Ops[Op]>,
  ): Promise<ReturnType<Ops[Op]>> {
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      const id = ++this.#asks;
      this.#asked.set(id, { resolve, reject });
      const transfer = op === 'fetched' && args[2] ? [(args[2] as Uint8Array<ArrayBuffer>).buffer] : [];
      port.postMessage({ id, op, args }, transfer);
    });
  }

  #take(message: Answer | Notice | { failed: string }): void {
    if ('failed' in message) {
      this.#end(new GannetError('InternalError', message.failed));
    } else if ('id' in message) {
      const asked = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      if ('error' in message) asked?.reject(fromPlain(message.error));
      else asked?.resolve(message.value);
    } else if (message.notice === 'news') {
      const torrent = this.#torrents.get(message.torrent);
      if (!torrent) this.#early.push(message);
      else this.#tell(torrent, message);
    } else if (message.notice === 'fetch') {
      this.#sources.fetch(message.source, message.piece, message.length);
    } else if (message.notice === 'cancelFetch') {
      this.#sources.cancel(message.source, message.piece);
    } else if (message.notice === 'relay') {
      this.relayError = message.error && fromPlain(message.error);
      for (const torrent of this.#torrents.values()) torrent.relayError = this.relayError;
    }
  }

  #tell(torrent: Torrent, { kind, detail }: Notice & { notice: 'news' }): void {
    if (kind === 'removed') {
      this.#torrents.delete(torrent.number);
      this.#sources.forget(torrent.number);
      this.#stayAwake();
    }
    torrent.take(kind, detail);
  }

  #welcome(number: number, known: Description | undefined): Torrent {
    const torrent = new Torrent(this, number, this.#sources, known);
    this.#torrents.set(number, torrent);
    const early = this.#early.filter((notice) => notice.torrent === number);
    this.#early = this.#early.filter((notice) => notice.torrent !== number);
    early.forEach((notice) => this.#tell(torrent, notice));
    this.#stayAwake();
    return torrent;
  }

  /** A page that holds a Web Lock isn't frozen while it is hidden. */
  #stayAwake(): void {
    if (this.#torrents.size === 0) {
      this.#awake?.();
      this.#awake = undefined;
    } else if (!this.#awake) {
      const held = new Promise<void>((release) => (this.#awake = release));
      void globalThis.navigator?.locks
        ?.request(`gannet ${crypto.randomUUID?.() ?? Math.random()}`, () => held)
        .catch(() => {});
    }
  }

  #end(why: GannetError): void {
    this.#closed = why;
    this.#awake?.();
    for (const { reject } of this.#asked.values()) reject(why);
    this.#asked.clear();
    for (const torrent of this.#torrents.values()) torrent.fail(why);
  }
}

async function contentOf(input: TorrentInput, signal?: AbortSignal): Promise<Uint8Array | string> {
  if (input instanceof Blob) return new Uint8Array(await input.arrayBuffer());
  if (input instanceof ArrayBuffer) return new Uint8Array(input.slice(0));
  if (input instanceof Uint8Array) return new Uint8Array(input);
  const text = String(input).trim();
  if (/^magnet:/i.test(text)) return text;
  if (/^[0-9a-f]{40}$/i.test(text)) return `magnet:?xt=urn:btih:${text}`;
  try {
    const response = await fetch(text, { signal: signal ?? null });
    if (!response.ok) throw new GannetError('FetchError', `${text}: HTTP ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof GannetError) throw error;
    throw new GannetError('FetchError', `${text} can't be fetched`, { cause: error });
  }
}

/** One flag a file; `null` for all of them. */
function chosen(description: Description, files: AddTorrentOptions['files']): Uint8Array | null {
  if (!files) return null;
  const choose = typeof files === 'function' ? files : undefined;
  const numbers = new Set(choose ? [] : (files as number[]));
  const stranger = [...numbers].find((n) => !description.files[n]);
  if (stranger !== undefined) {
    throw new GannetError('SelectionError', `the torrent has no file number ${stranger}`);
  }
  return Uint8Array.from(description.files, ({ path, length }, index) =>
    (choose ? choose({ path: path.join('/'), length, index }) : numbers.has(index)) ? 1 : 0,
  );
}

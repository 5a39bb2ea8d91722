import type { BaseClient } from './client.js';
import { GannetError, storageError } from './errors.js';
import { TorrentFile } from './file.js';
import type { Fetch, Sources } from './sources.js';
import type { LogEntry, State, Stats } from './stats.js';
import { aborted } from './signal.js';
import type { Description } from './worker/host.js';

/** A function to download from, alone or with a name for the statistics. */
export type Source = Fetch | { name: string; fetch: Fetch };

/** How often progress is told, in milliseconds. */
const PROGRESS_INTERVAL_MILLIS = 500;

/** What {@link Torrent.pieces} says of a piece that is here. */
export const PIECE_HAVE = 255;
/** … that is being downloaded. */
export const PIECE_IN_FLIGHT = 254;
/** … that isn't to be downloaded. */
export const PIECE_UNWANTED = 253;

/** A source that was added. */
export interface SourceHandle {
  /** Takes the source out; what it was asked for goes to others. */
  remove(): Promise<void>;
}

/** A promise that can be settled from outside, and waited for again after it failed. */
class Deferred<T> {
  promise!: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Not to be waited for isn't an error.
    this.promise.catch(() => {});
  }
}

/** One torrent of a client. It goes on by itself until it is removed. */
export class Torrent {
  /** Its files; none until a magnet link's metadata is there. */
  files: TorrentFile[] = [];
  /** What it is doing. */
  state: State = 'metadata';
  /** What the relay last complained about; `null` while one serves. */
  relayError: GannetError | null = null;
  /** The .torrent file of what this page seeds. */
  torrentFile: Uint8Array | undefined;
  #description: Description | undefined;
  #described = new Deferred<Description>();
  #done = new Deferred<void>();
  #listeners = new Set<() => void>();
  #ended: GannetError | undefined;

  /** @internal */
  constructor(
    private readonly client: BaseClient,
    /** @internal */ readonly number: number,
    private readonly sources: Sources,
    description?: Description,
  ) {
    if (description) this.#describe(description);
  }

  /** 40 hexadecimal digits; empty until they are known. */
  get infoHash(): string {
    return this.#description?.infoHash ?? '';
  }

  /** The torrent's name, made safe; empty until it is known. */
  get name(): string {
    return this.#description?.name ?? '';
  }

  /** Bytes of all files. */
  get length(): number {
    return this.#description?.totalBytes ?? 0;
  }

  /** Bytes of each piece but the last, which may be shorter; zero until it is known. */
  get pieceLength(): number {
    return this.#description?.pieceLength ?? 0;
  }

  /** A link by which others find it. */
  get magnet(): string {
    const trackers = this.#description?.trackers.flat() ?? [];
    const tr = trackers.map((url) => `&tr=${encodeURIComponent(url)}`).join('');
    return `magnet:?xt=urn:btih:${this.infoHash}&dn=${encodeURIComponent(this.name)}${tr}`;
  }

  /**
   * Resolves when all that is wanted is there. Rejects when it was removed, or the storage fails;
   * then the torrent waits for it to work again, and so can who asks for `done` again.
   */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** The statistics at this moment. */
  async stats(): Promise<Stats> {
    const stats = await this.client.ask('stats', this.number);
    if (!stats) throw this.#ended ?? new GannetError('RemovedError', 'the torrent was removed');
    return stats;
  }

  /**
   * A byte for each piece: {@link PIECE_HAVE}, {@link PIECE_IN_FLIGHT}, {@link PIECE_UNWANTED}, else
   * the number of peers that have it, those that have everything not counted. Empty until it is
   * known how many pieces there are.
   */
  async pieces(): Promise<Uint8Array> {
    return (await this.client.ask('pieces', this.number)) ?? new Uint8Array();
  }

  /** What happened since it was last asked for; only the last thousand entries are kept. */
  log(): Promise<LogEntry[]> {
    return this.client.ask('log', this.number);
  }

  /** The bytes of its info dictionary, as soon as they are known. */
  info(): Promise<Uint8Array | null> {
    return this.client.ask('info', this.number);
  }

  /** The statistics twice a second and when the state changes, until all is there or it is removed. */
  async *progress(
    { interval = PROGRESS_INTERVAL_MILLIS, signal }: { interval?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<Stats, void, void> {
    for (;;) {
      signal?.throwIfAborted();
      const changed = this.#change(interval, signal);
      const stats = await this.client.ask('stats', this.number).catch(() => null);
      if (!stats) return;
      yield stats;
      if (stats.state === 'seeding') return;
      await changed;
    }
  }

  /** Names a peer, as `address:port`. */
  async addPeer(addr: string): Promise<void> {
    await this.client.ask('addPeer', this.number, addr);
  }

  /** Adds a function to download from. */
  async addSource(source: Source): Promise<SourceHandle> {
    const { name, fetch } =
      typeof source === 'function' ? { name: source.name || 'source', fetch: source } : source;
    const key = await this.client.ask('addSource', this.number, name);
    this.sources.add(this.number, key, fetch);
    return {
      remove: async () => {
        this.sources.remove(key);
        await this.client.ask('removeSource', this.number, key);
      },
    };
  }

  /** Stops until {@link resume}. */
  async pause(): Promise<void> {
    await this.client.ask('pause', this.number);
  }

  /** Goes on after {@link pause}. */
  async resume(): Promise<void> {
    await this.client.ask('resume', this.number);
  }

  /** Chooses files anew. */
  async select(files: number[]): Promise<void> {
    const wanted = Uint8Array.from(this.files, (_, n) => (files.includes(n) ? 1 : 0));
    await this.client.ask('select', this.number, wanted);
  }

  /** Ends it; with `data`, what was stored goes too. */
  async remove({ data = false }: { data?: boolean } = {}): Promise<void> {
    await this.client.ask('remove', this.number, data);
  }

  /** Its description, as soon as it is known. @internal */
  described(signal?: AbortSignal): Promise<Description> {
    return aborted(this.#described.promise, signal);
  }

  /** A piece's bytes, as soon as they are there. @internal */
  read(piece: number, signal?: AbortSignal): Promise<Uint8Array> {
    return aborted(this.client.ask('read', this.number, piece), signal);
  }

  /** @internal */
  blob(offset: number, length: number): Promise<Blob> {
    return this.client.ask('blob', this.number, offset, length);
  }

  /** Takes in what the engine tells. @internal */
  take(kind: string, detail: unknown): void {
    if (kind === 'state') this.state = detail as State;
    else if (kind === 'metadata') this.#describe(detail as Description);
    else if (kind === 'finished') this.#done.resolve();
    else if (kind === 'removed') this.fail(new GannetError('RemovedError', 'the torrent was removed'));
    else if (kind !== 'recovered') {
      this.#done.reject(storageError(kind, String(detail)));
      this.#done = new Deferred();
    }
    for (const listener of [...this.#listeners]) listener();
  }

  /** Nothing more comes. @internal */
  fail(why: GannetError): void {
    this.#ended = why;
    this.#described.reject(why);
    this.#done.reject(why);
    for (const listener of [...this.#listeners]) listener();
  }

  #describe(told: Description): void {
    // Peers tell the metadata, not the trackers.
    const trackers = told.trackers.length > 0 ? told.trackers : this.#description?.trackers ?? [];
    const description = { ...told, trackers };
    this.#description = description;
    this.files = description.files.map((file, index) => new TorrentFile(this, file, index));
    this.#described.resolve(description);
  }

  /** Resolves after a time, or sooner if something has changed. */
  #change(millis: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, millis);
      this.#listeners.add(done);
      signal?.addEventListener('abort', done);
      if (this.#ended) done();
    });
  }
}

import { Engine, choosePieceLength, parseMagnet, parseTorrent } from '#engine';
import { GannetError, storageError } from '../errors.js';
import type { AddRequest, Notice, SeedFile, Setup } from '../messages.js';
import type { LogEntry, Stats } from '../stats.js';
import { Disk } from './disk.js';
import { sha1 } from './hash.js';
import type { Description, Host } from './host.js';
import { makeTorrent } from './make.js';
import { Sockets } from './sockets.js';
import type { Store } from './storage/elsewhere.js';
import { Waiting } from './waiting.js';

/** Bytes of pieces in flight in the wasm heap. */
const MEMORY_BYTES = 24 * 1024 * 1024;
/** Lines of a torrent's log that wait to be asked for; the oldest make room. */
const MAX_LOG_ENTRIES = 1000;
const LOGGED = new Set(['piece', 'bad_piece', 'retry', 'joined', 'left', 'banned']);
/** The longest delay that a timer takes. */
const MAX_DELAY_MILLIS = 0x7fffffff;

/** What differs between a browser's worker and Node's. */
export interface Platform {
  /** Throws a {@link GannetError} if such storages can't be had here. */
  storages(setup: Setup): Promise<Store>;
  socket(url: string): WebSocket;
  /** The module's bytes, where they aren't fetched by URL. */
  load?(path: string): Promise<BufferSource>;
}

/** One torrent, as the worker knows it. */
interface Entry {
  description: Description | undefined;
  /** Its bytes, if the page has them: what it seeds. */
  blobs: Blob[] | undefined;
  reading: Waiting<Uint8Array>;
  removed: Waiting<null>;
  /** What nobody has asked for yet, at most {@link MAX_LOG_ENTRIES}. */
  log: LogEntry[];
}

/** The engine and all that serves it. */
export class Worker implements Host {
  readonly #engine: Engine;
  readonly #disk: Disk;
  readonly #sockets: Sockets;
  readonly #torrents = new Map<number, Entry>();
  #blobsOfNext: Blob[] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    setup: Setup,
    private readonly storages: Store,
    platform: Platform,
    private readonly tell: (notice: Notice, transfer?: Transferable[]) => void,
  ) {
    const seed = crypto.getRandomValues(new BigUint64Array(1))[0]!;
    const { maxConnections } = setup;
    this.#disk = new Disk(() => this.#engine, storages);
    this.#engine = new Engine(this, seed, { memoryBytes: MEMORY_BYTES, maxConnections });
    this.#sockets = new Sockets(this.#engine, setup.relays, platform, (error) => {
      tell({ notice: 'relay', error });
    });
  }

  // What the page asks

  parse(torrent: Uint8Array): Description {
    return parseTorrent(torrent);
  }

  add(request: AddRequest, blobs?: Blob[]): { torrent: number } {
    const { content, wanted, sequential, maxPeers, maxWorkers, maxRetries } = request;
    const options = {
      wanted: wanted ?? undefined,
      sequential,
      complete: blobs !== undefined,
      maxPeers: maxPeers ?? undefined,
      maxWorkers: maxWorkers ?? undefined,
      maxRetries: maxRetries ?? undefined,
    };
    const magnet = typeof content === 'string' ? parseMagnet(content) : undefined;
    const parsed = typeof content === 'string' ? undefined : parseTorrent(content);
    this.#blobsOfNext = blobs;
    const torrent = typeof content === 'string'
      ? this.#engine.addMagnet(content, options)
      : this.#engine.add(content, options);
    this.#entry(torrent).description ??= parsed;
    const tiers = parsed?.trackers ?? magnet?.trackers.map((url) => [url]) ?? [];
    const trackers = [...tiers, ...request.trackers.map((url) => [url])];
    const infoHash = (parsed ?? magnet)!.infoHash;
    this.#sockets.join(torrent, infoHash, trackers);
    for (const peer of magnet?.peers ?? []) {
      // A name instead of an address is the relay's to look up, and it doesn't.
      try {
        this.#engine.addPeer(torrent, peer);
      } catch { /* passed over, like any peer that can't be reached */ }
    }
    return { torrent };
  }

  async seed(
    files: SeedFile[], name: string, trackers: string[],
  ): Promise<{ torrent: number; content: Uint8Array }> {
    const blobs = files.map((file) => file.blob);
    const whole = new Blob(blobs);
    const pieceLength = choosePieceLength(whole.size);
    const hashes = new Uint8Array(Math.ceil(whole.size / pieceLength) * 20);
    for (let offset = 0, at = 0; offset < whole.size; offset += pieceLength, at += 20) {
      const piece = await whole.slice(offset, offset + pieceLength).arrayBuffer();
      hashes.set(await sha1(new Uint8Array(piece)), at);
    }
    const content = await makeTorrent(name, files, pieceLength, hashes, trackers);
    const request: AddRequest = {
      content, wanted: null, sequential: false,
      maxPeers: null, maxWorkers: null, maxRetries: null, trackers: [],
    };
    return { ...this.add(request, blobs), content };
  }

  setSelection(torrent: number, wanted: Uint8Array): void {
    this.#engine.select(torrent, wanted);
  }

  async remove(torrent: number, data: boolean): Promise<void> {
    const entry = this.#torrents.get(torrent);
    if (!entry) return;
    const removed = entry.removed.wait();
    this.#engine.remove(torrent);
    await removed;
    await this.storages.discard(torrent, data);
  }

  pause(torrent: number): void {
    this.#engine.pause(torrent);
  }

  resume(torrent: number): void {
    this.#engine.resume(torrent);
  }

  addPeer(torrent: number, addr: string): void {
    this.#engine.addPeer(torrent, addr);
  }

  addSource(torrent: number, name: string): number {
    const source = this.#engine.addSource(torrent, name);
    if (source === undefined) throw new GannetError('LimitError', 'no more sources can be added');
    return source;
  }

  removeSource(torrent: number, source: number): void {
    this.#engine.removeSource(torrent, source);
  }

  fetched(source: number, piece: number, bytes: Uint8Array | null, gone: boolean): void {
    this.#engine.fetched(source, piece, bytes ?? undefined, gone);
  }

  readPiece(torrent: number, piece: number): Promise<Uint8Array> {
    const answer = this.#entry(torrent).reading.wait(piece);
    if (!this.#engine.read(torrent, piece)) {
      throw new GannetError('RemovedError', 'there is no such piece, or the torrent was removed');
    }
    return answer;
  }

  async blob(torrent: number, offset: number, length: number): Promise<Blob> {
    if (!this.#torrents.has(torrent)) throw new GannetError('RemovedError', 'the torrent was removed');
    return this.storages.on(torrent, 'blob', offset, length);
  }

  limits(download: number | null, upload: number | null): void {
    this.#engine.setLimits(download ?? undefined, upload ?? undefined);
  }

  pieces(torrent: number): Uint8Array | null {
    return this.#engine.pieces(torrent) ?? null;
  }

  info(torrent: number): Uint8Array | null {
    return this.#engine.info(torrent) ?? null;
  }

  log(torrent: number): LogEntry[] {
    return this.#torrents.get(torrent)?.log.splice(0) ?? [];
  }

  stats(torrent: number): Stats | null {
    return this.#engine.stats(torrent);
  }

  // What the engine asks

  arm(delayMillis: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#engine.tick(), Math.min(delayMillis, MAX_DELAY_MILLIS));
  }

  news(torrent: number, kind: string, detail: unknown): void {
    const entry = this.#entry(torrent);
    if (kind === 'read') {
      const [piece, content] = detail as [number, Uint8Array | string];
      const read = typeof content === 'string' ? storageError('io', content) : content;
      entry.reading.answer(read, piece);
      return;
    }
    if (LOGGED.has(kind)) {
      const [piece = null, ...names] = detail as [number | undefined, ...string[]];
      entry.log.push({ at: Date.now(), kind: kind as LogEntry['kind'], piece, names });
      if (entry.log.length > MAX_LOG_ENTRIES) entry.log.shift();
      return;
    }
    if (kind === 'metadata') entry.description = detail as Description;
    if (kind === 'metadata' || kind === 'finished') {
      queueMicrotask(() => this.#sockets.update(torrent));
    }
    if (kind === 'removed') {
      this.#torrents.delete(torrent);
      this.#sockets.leave(torrent);
      entry.reading.fail(new GannetError('RemovedError', 'the torrent was removed'));
      entry.removed.answer(null);
    }
    this.tell({ notice: 'news', torrent, kind, detail });
  }

  connect(peer: number, torrent: number, addr: string): void {
    void this.#sockets.connect(peer, torrent, addr);
  }

  send(peer: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#sockets.send(peer, bytes);
  }

  close(peer: number): void {
    this.#sockets.close(peer);
  }

  fetch(source: number, piece: number, length: number): void {
    this.tell({ notice: 'fetch', source, piece, length });
  }

  cancelFetch(source: number, piece: number): void {
    this.tell({ notice: 'cancelFetch', source, piece });
  }

  open(order: number, torrent: number, files: Description, wanted: Uint8Array): void {
    const entry = this.#entry(torrent);
    entry.description = files;
    // A view of the engine's memory can't be handed over.
    this.#disk.open(order, torrent, files, wanted.slice(), entry.blobs);
  }

  select(order: number, torrent: number, wanted: Uint8Array): void {
    this.#disk.finish(order, this.storages.on(torrent, 'select', wanted.slice()));
  }

  store(
    order: number, torrent: number, offset: number,
    bytes: Uint8Array<ArrayBuffer>, hash: Uint8Array, digests: boolean,
  ): void {
    this.#disk.store(order, torrent, offset, bytes, hash, digests);
  }

  spill(order: number, torrent: number, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#disk.finish(order, this.storages.on(torrent, 'write', offset, bytes));
  }

  check(
    order: number, torrent: number, offset: number, length: number,
    hash: Uint8Array, digests: boolean,
  ): void {
    this.#disk.check(order, torrent, offset, length, hash, digests);
  }

  read(order: number, torrent: number, offset: number, length: number): void {
    this.#disk.read(order, torrent, offset, length);
  }

  checkpoint(order: number, torrent: number, complete: boolean): void {
    this.#disk.checkpoint(order, torrent, complete);
  }

  closeFiles(order: number, torrent: number): void {
    this.#disk.finish(order, this.storages.on(torrent, 'close'));
  }

  /** The engine speaks of a torrent before it has returned its number. */
  #entry(torrent: number): Entry {
    let entry = this.#torrents.get(torrent);
    if (!entry) {
      entry = {
        description: undefined,
        blobs: this.#blobsOfNext,
        reading: new Waiting(),
        removed: new Waiting(),
        log: [],
      };
      this.#blobsOfNext = undefined;
      this.#torrents.set(torrent, entry);
    }
    return entry;
  }
}

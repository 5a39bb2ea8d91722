import { Order } from '#engine';
import { GannetError, storageError } from '../errors.js';
import type { AddRequest, Asked, Notice, SeedFile, Setup } from '../messages.js';
import type { LogEntry } from '../stats.js';
import { type Orders, json, text } from './boundary.js';
import * as engine from './calls.js';
import { Disk } from './disk.js';
import { sha1 } from './hash.js';
import { makeTorrent } from './make.js';
import { Sockets } from './sockets.js';
import type { Store } from './storage/elsewhere.js';
import { Waiting } from './waiting.js';

/** Bytes of pieces in flight in the wasm heap. */
const MEMORY_BYTES = 24 * 1024 * 1024;
/** Lines of a torrent's log that wait to be asked for; the oldest make room. */
const MAX_LOG_ENTRIES = 1000;
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
  /** Its bytes, if the page has them: what it seeds. */
  blobs: Blob[] | undefined;
  reading: Waiting<Uint8Array>;
  removed: Waiting<null>;
  /** What nobody has asked for yet, at most {@link MAX_LOG_ENTRIES}. */
  log: LogEntry[];
}

/** What the engine is asked by the page and does for it, with all that serves it. */
export class Worker implements Asked {
  readonly #disk: Disk;
  readonly #sockets: Sockets;
  readonly #torrents = new Map<number, Entry>();
  #blobsOfNext: Blob[] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    setup: Setup,
    private readonly storages: Store,
    platform: Platform,
    private readonly memory: WebAssembly.Memory,
    private readonly tell: (notice: Notice, transfer?: Transferable[]) => void,
  ) {
    this.#disk = new Disk(storages);
    this.#sockets = new Sockets(setup.relays, platform, (error) => tell({ notice: 'relay', error }));
    engine.start(MEMORY_BYTES, setup.maxConnections);
  }

  // What the page asks

  parse = engine.parse;
  select = engine.select;
  pause = engine.pause;
  resume = engine.resume;
  addPeer = engine.addPeer;
  removeSource = engine.removeSource;
  fetched = engine.fetched;
  limits = engine.limits;
  pieces = engine.pieces;
  info = engine.info;
  stats = engine.stats;

  add(request: AddRequest, blobs?: Blob[]): { torrent: number } {
    const { content } = request;
    const options = { ...request, complete: blobs !== undefined };
    this.#blobsOfNext = blobs;
    if (typeof content === 'string') {
      const [torrent, magnet] = engine.addMagnet(content, options);
      this.#sockets.join(torrent, magnet.infoHash, [...magnet.trackers, ...request.trackers]);
      // A name instead of an address is the relay's to look up, and it doesn't.
      for (const peer of magnet.peers) this.#sockets.found(torrent, peer);
      return { torrent };
    }
    const [torrent, { infoHash, trackers }] = engine.add(content, options);
    this.#sockets.join(torrent, infoHash, [...trackers.flat(), ...request.trackers]);
    return { torrent };
  }

  async seed(
    files: SeedFile[], name: string, trackers: string[],
  ): Promise<{ torrent: number; content: Uint8Array }> {
    const blobs = files.map((file) => file.blob);
    const whole = new Blob(blobs);
    const pieceLength = engine.choosePieceLength(whole.size);
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

  async remove(torrent: number, data: boolean): Promise<void> {
    const entry = this.#torrents.get(torrent);
    if (!entry) return;
    const removed = entry.removed.wait();
    engine.remove(torrent);
    await removed;
    await this.storages.discard(torrent, data);
  }

  heap(): number {
    return this.memory.buffer.byteLength;
  }

  addSource(torrent: number, name: string): number {
    const source = engine.addSource(torrent, name);
    if (source === undefined) throw new GannetError('LimitError', 'no more sources can be added');
    return source;
  }

  read(torrent: number, piece: number): Promise<Uint8Array> {
    const answer = this.#entry(torrent).reading.wait(piece);
    if (!engine.read(torrent, piece)) {
      throw new GannetError('RemovedError', 'there is no such piece, or the torrent was removed');
    }
    return answer;
  }

  async blob(torrent: number, offset: number, length: number): Promise<Blob> {
    if (!this.#torrents.has(torrent)) throw new GannetError('RemovedError', 'the torrent was removed');
    return this.storages.on(torrent, 'blob', offset, length);
  }

  log(torrent: number): LogEntry[] {
    return this.#torrents.get(torrent)?.log.splice(0) ?? [];
  }

  // What the engine asks

  readonly orders: Orders = {
    [Order.Arm]: (_, delayMillis) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(engine.tick, Math.min(delayMillis, MAX_DELAY_MILLIS));
    },
    [Order.News]: ([told], torrent) => this.#news(torrent, json(told)),
    [Order.Log]: ([line], torrent) => {
      const { log } = this.#entry(torrent);
      log.push({ at: Date.now(), ...json<Omit<LogEntry, 'at'>>(line) });
      if (log.length > MAX_LOG_ENTRIES) log.shift();
    },
    [Order.Piece]: ([content], torrent, piece, good) => {
      this.#entry(torrent).reading.answer(good ? content : storageError('io', text(content)), piece);
    },
    [Order.Connect]: ([addr], peer, torrent) => this.#sockets.connect(peer, torrent, text(addr)),
    [Order.Send]: ([bytes], peer) => this.#sockets.send(peer, bytes),
    [Order.Close]: (_, peer) => this.#sockets.close(peer),
    [Order.Fetch]: (_, source, piece, length) => {
      this.tell({ notice: 'fetch', source, piece, length });
    },
    [Order.CancelFetch]: (_, source, piece) => this.tell({ notice: 'cancelFetch', source, piece }),
    [Order.Open]: ([files, wanted], order, torrent) => {
      this.#disk.open(order, torrent, json(files), wanted, this.#entry(torrent).blobs);
    },
    [Order.Select]: ([wanted], order, torrent) => {
      this.#disk.finish(order, this.storages.on(torrent, 'select', wanted));
    },
    [Order.Store]: ([bytes, hash], order, torrent, offset, digests) => {
      this.#disk.judge(order, this.storages.store(torrent, offset, bytes, hash, !!digests));
    },
    [Order.Spill]: ([bytes], order, torrent, offset) => {
      this.#disk.finish(order, this.storages.on(torrent, 'write', offset, bytes));
    },
    [Order.Check]: ([hash], order, torrent, offset, digests, length) => {
      this.#disk.judge(order, this.storages.check(torrent, offset, length, hash, !!digests));
    },
    [Order.Read]: (_, order, torrent, offset, length) => {
      this.#disk.read(order, torrent, offset, length);
    },
    [Order.Checkpoint]: (_, order, torrent, complete) => {
      this.#disk.checkpoint(order, torrent, !!complete);
    },
    [Order.CloseFiles]: (_, order, torrent) => {
      this.#disk.finish(order, this.storages.on(torrent, 'close'));
    },
  };

  #news(torrent: number, { kind, detail }: { kind: string; detail: unknown }): void {
    const entry = this.#entry(torrent);
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

  /** The engine speaks of a torrent before it has returned its number. */
  #entry(torrent: number): Entry {
    let entry = this.#torrents.get(torrent);
    if (!entry) {
      entry = {
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

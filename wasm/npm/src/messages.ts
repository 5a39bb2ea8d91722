import type { PlainError } from './errors.js';
import type { Description } from './worker/host.js';
import type { LogEntry, Stats } from './stats.js';

/** One end of the channel between the page and the worker. */
export interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onMessage(handler: (message: any) => void): void;
  /** Ends the worker; only the page's end can. */
  terminate(): void;
}

/** What a worker is told first. */
export interface Setup {
  wasm: WasmSource;
  relays: string[];
  storage: 'memory' | 'opfs' | 'disk';
  /** Bytes that memory storage may take. */
  memoryLimit: number;
  /** Node: the folder of the downloads. */
  folder: string | null;
  maxConnections: number;
}

/** Where the module comes from. */
export type WasmSource = string | BufferSource | WebAssembly.Module;

export interface AddRequest {
  content: Uint8Array | string;
  wanted: Uint8Array | null;
  sequential: boolean;
  maxPeers: number | null;
  maxWorkers: number | null;
  maxRetries: number | null;
  trackers: string[];
}

/** What a page can ask of its worker, and what it is answered with. */
export interface Ops {
  setup(setup: Setup): null;
  parse(torrent: Uint8Array): Description;
  add(request: AddRequest): { torrent: number };
  seed(files: SeedFile[], name: string, trackers: string[]): { torrent: number; content: Uint8Array };
  select(torrent: number, wanted: Uint8Array): null;
  remove(torrent: number, data: boolean): null;
  pause(torrent: number): null;
  resume(torrent: number): null;
  addPeer(torrent: number, addr: string): null;
  addSource(torrent: number, name: string): number;
  removeSource(torrent: number, source: number): null;
  fetched(source: number, piece: number, bytes: Uint8Array | null, gone: boolean): null;
  read(torrent: number, piece: number): Uint8Array;
  blob(torrent: number, offset: number, length: number): Blob;
  stats(torrent: number): Stats | null;
  heap(): number;
  limits(download: number | null, upload: number | null): null;
  pieces(torrent: number): Uint8Array | null;
  info(torrent: number): Uint8Array | null;
  log(torrent: number): LogEntry[];
}

/** What answers a page, once it is set up. */
export type Asked = {
  [Op in Exclude<keyof Ops, 'setup'>]: (...args: Parameters<Ops[Op]>) => unknown;
};

/** A file that a page offers, under the path that the torrent gives it. */
export interface SeedFile {
  path: string;
  blob: Blob;
}

export type Question = { [Op in keyof Ops]: { id: number; op: Op; args: Parameters<Ops[Op]> } }[keyof Ops];

export type Answer = { id: number; value: unknown } | { id: number; error: PlainError };

/** What a worker tells by itself. */
export type Notice =
  | { notice: 'news'; torrent: number; kind: string; detail: unknown }
  | { notice: 'fetch'; source: number; piece: number; length: number }
  | { notice: 'cancelFetch'; source: number; piece: number }
  | { notice: 'relay'; error: PlainError | null };

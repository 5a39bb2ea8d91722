import type { Stats } from '../stats.js';
export type { Stats };

/** What is in a torrent. */
export interface Description {
  infoHash: string;
  name: string;
  totalBytes: number;
  pieceLength: number;
  singleFile: boolean;
  private: boolean;
  trackers: string[][];
  webSeeds: string[];
  files: DescribedFile[];
}

export interface DescribedFile {
  /** Safe parts of a path, the torrent's own folder first if it has one. */
  path: string[];
  length: number;
  /** Where it begins among the bytes of the torrent. */
  offset: number;
  /** No bytes of it are ever stored: a pad, or a symbolic link. */
  skip: boolean;
}

/** What is in a magnet link. */
export interface DescribedMagnet {
  infoHash: string;
  name: string | null;
  trackers: string[];
  peers: string[];
  webSeeds: string[];
}

export interface EngineOptions {
  /** Bytes of pieces that wait in the wasm heap, at most. */
  memoryBytes: number;
  maxConnections: number;
}

export interface AddOptions {
  wanted?: Uint8Array | undefined;
  sequential: boolean;
  /** The data is all there and right: nothing is checked. */
  complete: boolean;
  maxPeers?: number | undefined;
  maxWorkers?: number | undefined;
  maxRetries?: number | undefined;
}

/**
 * What the engine asks of the world (wasm/src/host.rs says what each means). None of these may
 * call the engine before it has returned.
 */
export interface Host {
  arm(delayMillis: number): void;
  news(torrent: number, kind: string, detail: unknown): void;
  connect(peer: number, torrent: number, addr: string): void;
  send(peer: number, bytes: Uint8Array): void;
  close(peer: number): void;
  fetch(source: number, piece: number, length: number): void;
  cancelFetch(source: number, piece: number): void;
  open(order: number, torrent: number, files: Description, wanted: Uint8Array): void;
  select(order: number, torrent: number, wanted: Uint8Array): void;
  store(
    order: number, torrent: number, offset: number,
    bytes: Uint8Array, hash: Uint8Array, digests: boolean,
  ): void;
  spill(order: number, torrent: number, offset: number, bytes: Uint8Array): void;
  check(
    order: number, torrent: number, offset: number, length: number,
    hash: Uint8Array, digests: boolean,
  ): void;
  read(order: number, torrent: number, offset: number, length: number): void;
  checkpoint(order: number, torrent: number, complete: boolean): void;
  closeFiles(order: number, torrent: number): void;
}

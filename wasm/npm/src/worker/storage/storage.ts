import type { Description } from '../host.js';

/** What a storage says when it can't do as asked; the engine knows the words of `kind`. */
export class StorageFailure extends Error {
  constructor(
    readonly kind: 'full' | 'memory' | 'missing' | 'outside' | 'readonly' | 'closed' | 'io',
    readonly file: string,
    readonly limit = 0,
  ) {
    super(`${file}: ${kind}`);
  }

  /** Whatever was thrown, here or by another worker, as a failure. */
  static of(error: unknown): StorageFailure {
    if (error instanceof StorageFailure) return error;
    const { kind, file, limit } = error as Partial<StorageFailure>;
    return kind ? new StorageFailure(kind, file!, limit) : new StorageFailure('io', String(error));
  }
}

/** What was found when a torrent's files were opened. */
export interface Found {
  /** The resume record, as it was kept. */
  record: Uint8Array | null;
  /** Length in bytes and time of change in milliseconds, for each file. */
  stamps: Float64Array;
}

/**
 * The bytes of one torrent, by their offset among all of its bytes. Writes and reads of different
 * ranges may overlap in time.
 */
export interface Storage {
  open(): Promise<Found>;
  select(wanted: Uint8Array): Promise<void>;
  /** Exactly `length` bytes: in a buffer of their own, or in `into` where a storage can do that. */
  read(offset: number, length: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** All of `bytes`, which are the storage's from now on. */
  write(offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Bytes as a blob, without reading them where that can be. */
  blob(offset: number, length: number): Promise<Blob>;
  /** Has the bytes on the disk; the stamps as they are then. */
  sync(): Promise<Float64Array>;
  /** Keeps a resume record; when all is `complete`, a storage that others see needs none. */
  keep(record: Uint8Array | null, complete: boolean): Promise<void>;
  close(): Promise<void>;
  /** Removes all bytes of the torrent, once it is closed. */
  remove(): Promise<void>;
}

/** Makes the storage of a torrent. */
export type Shelf = (description: Description, wanted: Uint8Array) => Storage;

/** Stamps of files that are there from the first byte to the last that was ever written. */
export function stampsUpTo(description: Description, length: number): Float64Array {
  const stamps = new Float64Array(description.files.length * 2);
  description.files.forEach((file, n) => {
    // Nobody else can change them, so there is no time to compare.
    stamps[n * 2] = file.offset < length ? file.length : 0;
  });
  return stamps;
}

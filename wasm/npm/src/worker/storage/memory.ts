import type { Description } from '../host.js';
import { type Found, type Storage, StorageFailure } from './storage.js';

/** Bytes that memory storage holds over all torrents, unless the user says otherwise. */
export const MEMORY_LIMIT_BYTES = 1024 * 1024 * 1024;

/** What all torrents in memory share. */
export class Budget {
  used = 0;

  constructor(readonly limit: number) {}
}

/** Pieces as they came, each an ArrayBuffer of its own outside the wasm heap. */
export class MemoryStorage implements Storage {
  #pieces = new Map<number, Uint8Array<ArrayBuffer>>();
  #held = 0;

  constructor(
    private readonly description: Description,
    private readonly budget: Budget,
  ) {}

  async open(): Promise<Found> {
    return { record: null, stamps: new Float64Array(this.description.files.length * 2) };
  }

  async select(): Promise<void> {}

  async write(offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { pieceLength } = this.description;
    const piece = Math.floor(offset / pieceLength);
    const size = this.#size(piece);
    const held = this.#pieces.get(piece);
    if (held) {
      held.set(bytes, offset - piece * pieceLength);
      return;
    }
    if (this.budget.used + size > this.budget.limit) {
      throw new StorageFailure('memory', this.description.name, this.budget.limit);
    }
    this.budget.used += size;
    this.#held += size;
    if (bytes.length === size) {
      this.#pieces.set(piece, bytes);
    } else {
      const whole = new Uint8Array(size);
      whole.set(bytes, offset - piece * pieceLength);
      this.#pieces.set(piece, whole);
    }
  }

  async read(offset: number, length: number, into = new Uint8Array(length)): Promise<Uint8Array<ArrayBuffer>> {
    let filled = 0;
    for (const part of this.#parts(offset, length)) {
      into.set(part, filled);
      filled += part.length;
    }
    return into;
  }

  async blob(offset: number, length: number): Promise<Blob> {
    return new Blob([...this.#parts(offset, length)]);
  }

  async sync(): Promise<Float64Array> {
    return new Float64Array(this.description.files.length * 2);
  }

  async keep(): Promise<void> {}

  /** Nobody reads what was removed: its memory is free then. */
  async close(): Promise<void> {
    this.budget.used -= this.#held;
    this.#held = 0;
    this.#pieces.clear();
  }

  async remove(): Promise<void> {
    await this.close();
  }

  #size(piece: number): number {
    const { pieceLength, totalBytes } = this.description;
    return Math.min(pieceLength, totalBytes - piece * pieceLength);
  }

  /** The bytes of a range as they lie in their pieces, not copied. */
  *#parts(offset: number, length: number): Generator<Uint8Array<ArrayBuffer>> {
    const { pieceLength, name } = this.description;
    const end = offset + length;
    for (let at = offset; at < end; ) {
      const piece = Math.floor(at / pieceLength);
      const held = this.#pieces.get(piece);
      if (!held) throw new StorageFailure('missing', name);
      const begin = at - piece * pieceLength;
      const part = held.subarray(begin, Math.min(held.length, begin + end - at));
      yield part;
      at += part.length;
    }
  }
}

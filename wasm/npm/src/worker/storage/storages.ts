import type { Description } from '../host.js';
import { blockDigests, equal, sha1 } from '../hash.js';
import { BlobStorage } from './blobs.js';
import { type Found, type Shelf, type Storage, StorageFailure } from './storage.js';

/** What became of a piece, and the digests of its blocks if they are wanted. */
export interface Judged {
  good: boolean;
  digests: Uint8Array;
}

const NO_DIGESTS = new Uint8Array();

/**
 * The storages of all torrents, and the hashing of what is in them or goes there. All that is
 * handed over here can be sent to another worker, and so can the answers.
 */
export class Storages {
  readonly #storages = new Map<number, Storage>();
  /** Settled when the last check that was asked for has ended. */
  #checked: Promise<unknown> = Promise.resolve();
  /** Where pieces lie that are checked. */
  #room = new Uint8Array();

  constructor(private readonly shelf: Shelf) {}

  /** Opens a torrent's storage, for the first time or again; `blobs` if the page has its bytes. */
  async open(
    torrent: number, files: Description, wanted: Uint8Array, blobs?: Blob[],
  ): Promise<Found> {
    let storage = this.#storages.get(torrent);
    if (!storage) {
      storage = blobs ? new BlobStorage(files, blobs) : this.shelf(files, wanted);
      this.#storages.set(torrent, storage);
    }
    return storage.open();
  }

  /** Has a torrent's storage do something. */
  async on<Method extends keyof Storage>(
    torrent: number, method: Method, ...args: Parameters<Storage[Method]>
  ): Promise<Awaited<ReturnType<Storage[Method]>>> {
    const storage = this.#storages.get(torrent);
    if (!storage) throw new StorageFailure('closed', '');
    return (storage[method] as (...args: unknown[]) => Promise<any>).apply(storage, args);
  }

  /** Keeps a piece if it is what it should be. */
  async store(
    torrent: number, offset: number,
    piece: Uint8Array<ArrayBuffer>, hash: Uint8Array, wantsDigests: boolean,
  ): Promise<Judged> {
    const judged = await judge(piece, hash, wantsDigests, true);
    if (judged.good) await this.on(torrent, 'write', offset, piece);
    return judged;
  }

  /** One piece after the other, in the same memory: many are asked for at once, and they can be large. */
  check(
    torrent: number, offset: number, length: number, hash: Uint8Array, wantsDigests: boolean,
  ): Promise<Judged> {
    const judged = this.#checked.then(async () => {
      if (this.#room.length < length) this.#room = new Uint8Array(length);
      const piece = await this.on(torrent, 'read', offset, length, this.#room.subarray(0, length));
      return judge(piece, hash, wantsDigests, false);
    });
    this.#checked = judged.catch(() => {});
    return judged;
  }

  /** The torrent is no more; nor are its bytes, if they are to go. */
  async discard(torrent: number, data: boolean): Promise<void> {
    const storage = this.#storages.get(torrent);
    this.#storages.delete(torrent);
    await storage?.close();
    if (data) await storage?.remove();
  }
}

async function judge(
  piece: Uint8Array<ArrayBuffer>, hash: Uint8Array, wantsDigests: boolean, blames: boolean,
): Promise<Judged> {
  const good = equal(await sha1(piece), hash);
  const digests = wantsDigests || (blames && !good) ? await blockDigests(piece) : NO_DIGESTS;
  return { good, digests };
}

import type { Engine } from '#engine';
import { blockDigests, equal } from './hash.js';
import type { Hashed } from './hasher.js';
import { type Storage, StorageFailure } from './storage/storage.js';

const NO_DIGESTS = new Uint8Array();

/** Carries out the engine's orders about bytes; each is answered exactly once. */
export class Disk {
  #storages = new Map<number, Storage>();

  constructor(
    private readonly engine: () => Engine,
    private readonly hash: (bytes: Uint8Array<ArrayBuffer>) => Promise<Hashed>,
  ) {}

  find(torrent: number): Storage | undefined {
    return this.#storages.get(torrent);
  }

  forget(torrent: number): void {
    this.#storages.delete(torrent);
  }

  open(order: number, torrent: number, storage: Storage): void {
    this.#storages.set(torrent, storage);
    this.#answer(order, torrent, async (storage, engine) => {
      const { record, stamps } = await storage.open();
      return () => engine.opened(order, record ?? undefined, stamps);
    });
  }

  select(order: number, torrent: number, wanted: Uint8Array): void {
    this.#answer(order, torrent, async (storage, engine) => {
      await storage.select(wanted);
      return () => engine.done(order);
    });
  }

  store(
    order: number, torrent: number, offset: number,
    piece: Uint8Array<ArrayBuffer>, hash: Uint8Array, wantsDigests: boolean,
  ): void {
    this.#answer(order, torrent, async (storage, engine) => {
      const { digest, bytes } = await this.hash(piece);
      const good = equal(digest, hash);
      const digests = wantsDigests || !good ? await blockDigests(bytes) : NO_DIGESTS;
      if (good) await storage.write(offset, bytes);
      return () => engine.hashed(order, good, digests);
    });
  }

  spill(order: number, torrent: number, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#answer(order, torrent, async (storage, engine) => {
      await storage.write(offset, bytes);
      return () => engine.done(order);
    });
  }

  check(
    order: number, torrent: number, offset: number, length: number,
    hash: Uint8Array, wantsDigests: boolean,
  ): void {
    this.#answer(order, torrent, async (storage, engine) => {
      const { digest, bytes } = await this.hash(await storage.read(offset, length));
      const good = equal(digest, hash);
      const digests = wantsDigests ? await blockDigests(bytes) : NO_DIGESTS;
      return () => engine.hashed(order, good, digests);
    });
  }

  read(order: number, torrent: number, offset: number, length: number): void {
    this.#answer(order, torrent, async (storage, engine) => {
      const bytes = await storage.read(offset, length);
      return () => engine.readDone(order, bytes);
    });
  }

  checkpoint(order: number, torrent: number, complete: boolean): void {
    this.#answer(order, torrent, async (storage, engine) => {
      const record = engine.record(order, await storage.sync());
      await storage.keep(record ?? null, complete);
      return () => engine.done(order);
    });
  }

  close(order: number, torrent: number): void {
    this.#answer(order, torrent, async (storage, engine) => {
      await storage.close();
      return () => engine.done(order);
    });
  }

  /** Answers with what the work gives, or with why it failed. */
  async #answer(
    order: number, torrent: number,
    work: (storage: Storage, engine: Engine) => Promise<() => void>,
  ): Promise<void> {
    const engine = this.engine();
    try {
      const storage = this.#storages.get(torrent);
      if (!storage) throw new StorageFailure('closed', '');
      (await work(storage, engine))();
    } catch (error) {
      const { kind, file, limit } =
        error instanceof StorageFailure ? error : new StorageFailure('io', String(error));
      engine.failed(order, kind, file, limit);
    }
  }
}

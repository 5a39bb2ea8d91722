import type { Engine } from '#engine';
import type { Description } from './host.js';
import type { Store } from './storage/elsewhere.js';
import { StorageFailure } from './storage/storage.js';
import type { Judged } from './storage/storages.js';

/** Has the engine's orders about bytes carried out; each is answered exactly once. */
export class Disk {
  constructor(
    private readonly engine: () => Engine,
    private readonly storages: Store,
  ) {}

  open(order: number, torrent: number, files: Description, wanted: Uint8Array, blobs?: Blob[]): void {
    this.#answer(order, async (engine) => {
      const { record, stamps } = await this.storages.open(torrent, files, wanted, blobs);
      return () => engine.opened(order, record ?? undefined, stamps);
    });
  }

  store(
    order: number, torrent: number, offset: number,
    piece: Uint8Array<ArrayBuffer>, hash: Uint8Array, wantsDigests: boolean,
  ): void {
    this.#judge(order, this.storages.store(torrent, offset, piece, hash, wantsDigests));
  }

  check(
    order: number, torrent: number, offset: number, length: number,
    hash: Uint8Array, wantsDigests: boolean,
  ): void {
    this.#judge(order, this.storages.check(torrent, offset, length, hash, wantsDigests));
  }

  read(order: number, torrent: number, offset: number, length: number): void {
    this.#answer(order, async (engine) => {
      const bytes = await this.storages.on(torrent, 'read', offset, length);
      return () => engine.readDone(order, bytes);
    });
  }

  checkpoint(order: number, torrent: number, complete: boolean): void {
    this.#answer(order, async (engine) => {
      const record = engine.record(order, await this.storages.on(torrent, 'sync'));
      await this.storages.on(torrent, 'keep', record ?? null, complete);
      return () => engine.done(order);
    });
  }

  /** What is only done, or fails. */
  finish(order: number, work: Promise<void>): void {
    this.#answer(order, async (engine) => {
      await work;
      return () => engine.done(order);
    });
  }

  #judge(order: number, judging: Promise<Judged>): void {
    this.#answer(order, async (engine) => {
      const { good, digests } = await judging;
      return () => engine.hashed(order, good, digests);
    });
  }

  /** Answers with what the work gives, or with why it failed. */
  async #answer(order: number, work: (engine: Engine) => Promise<() => void>): Promise<void> {
    const engine = this.engine();
    try {
      (await work(engine))();
    } catch (error) {
      const { kind, file, limit } = StorageFailure.of(error);
      engine.failed(order, kind, file, limit);
    }
  }
}

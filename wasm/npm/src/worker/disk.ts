import * as engine from './calls.js';
import type { Description } from './host.js';
import type { Store } from './storage/elsewhere.js';
import { StorageFailure } from './storage/storage.js';
import type { Judged } from './storage/storages.js';

/** Has the engine's orders about bytes carried out; each is answered exactly once. */
export class Disk {
  constructor(private readonly storages: Store) {}

  open(order: number, torrent: number, files: Description, wanted: Uint8Array, blobs?: Blob[]): void {
    this.#answer(order, async () => {
      const { record, stamps } = await this.storages.open(torrent, files, wanted, blobs);
      return () => engine.opened(order, record, stamps);
    });
  }

  read(order: number, torrent: number, offset: number, length: number): void {
    this.#answer(order, async () => {
      const bytes = await this.storages.on(torrent, 'read', offset, length);
      return () => engine.readDone(order, bytes);
    });
  }

  checkpoint(order: number, torrent: number, complete: boolean): void {
    this.#answer(order, async () => {
      const record = engine.record(order, await this.storages.on(torrent, 'sync'));
      await this.storages.on(torrent, 'keep', record, complete);
      return () => engine.done(order);
    });
  }

  /** What is hashed, to be judged. */
  judge(order: number, judging: Promise<Judged>): void {
    this.#answer(order, async () => {
      const { good, digests } = await judging;
      return () => engine.hashed(order, good, digests);
    });
  }

  /** What is only done, or fails. */
  finish(order: number, work: Promise<void>): void {
    this.#answer(order, async () => {
      await work;
      return () => engine.done(order);
    });
  }

  /** Answers with what the work gives, or with why it failed. */
  async #answer(order: number, work: () => Promise<() => void>): Promise<void> {
    try {
      (await work())();
    } catch (error) {
      const { kind, file, limit } = StorageFailure.of(error);
      engine.failed(order, kind, file, limit);
    }
  }
}

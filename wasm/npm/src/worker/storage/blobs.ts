import type { Description } from '../host.js';
import { type Found, type Storage, StorageFailure } from './storage.js';

/** Files that the page offers: read where they are, never written. */
export class BlobStorage implements Storage {
  readonly #whole: Blob;

  constructor(
    private readonly description: Description,
    files: Blob[],
  ) {
    // A blob of blobs copies nothing.
    this.#whole = new Blob(files);
  }

  async open(): Promise<Found> {
    const stamps = new Float64Array(this.description.files.length * 2);
    return { record: null, stamps };
  }

  async select(): Promise<void> {}

  async write(): Promise<void> {
    throw new StorageFailure('readonly', this.description.name);
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await (await this.blob(offset, length)).arrayBuffer().catch(() => null);
    // The user changed or removed the file since.
    if (bytes?.byteLength !== length) throw new StorageFailure('missing', this.description.name);
    return new Uint8Array(bytes);
  }

  async blob(offset: number, length: number): Promise<Blob> {
    return this.#whole.slice(offset, offset + length);
  }

  async sync(): Promise<Float64Array> {
    return new Float64Array(this.description.files.length * 2);
  }

  async keep(): Promise<void> {}

  async close(): Promise<void> {}

  async remove(): Promise<void> {}
}

import { free } from '../free.js';
import type { Description } from '../host.js';
import { type Found, type Storage, StorageFailure, stampsUpTo } from './storage.js';

/** The folder of all torrents in the origin's private file system. */
const ROOT = 'gannet';
const DATA = 'data';
const RECORD = 'resume';

/**
 * One file a torrent in the origin private file system, the bytes of all its files one after the
 * other. What isn't wanted is never written and stays a hole.
 */
export class OpfsStorage implements Storage {
  #folder: FileSystemDirectoryHandle | undefined;
  #file: FileSystemFileHandle | undefined;
  #data: FileSystemSyncAccessHandle | undefined;

  constructor(private readonly description: Description) {}

  async open(): Promise<Found> {
    try {
      const root = await rootFolder();
      this.#folder = await root.getDirectoryHandle(this.description.infoHash, { create: true });
      this.#file = await this.#folder.getFileHandle(DATA, { create: true });
      this.#data ??= await this.#file.createSyncAccessHandle();
      const stamps = stampsUpTo(this.description, this.#data.getSize());
      return { record: await this.#record(), stamps };
    } catch (error) {
      throw failure(error, this.description.name);
    }
  }

  async select(): Promise<void> {}

  async write(offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const data = this.#open();
    let written: number;
    try {
      written = data.write(bytes, { at: offset });
    } catch (error) {
      throw failure(error, this.description.name);
    }
    // Chromium writes what fits, or answers with an error code as a huge number: neither throws.
    if (written !== bytes.length) throw new StorageFailure('full', this.description.name);
    free(bytes.buffer);
  }

  async read(offset: number, length: number, into = new Uint8Array(length)): Promise<Uint8Array<ArrayBuffer>> {
    const read = this.#open().read(into, { at: offset });
    if (read !== length) throw new StorageFailure('missing', this.description.name);
    return into;
  }

  async blob(offset: number, length: number): Promise<Blob> {
    this.#data?.flush();
    if (!this.#file) throw new StorageFailure('closed', this.description.name);
    const file = await this.#file.getFile();
    // What was never written at the end (padding, or nothing) is read as zeros.
    if (file.size >= offset + length) return file.slice(offset, offset + length);
    throw new StorageFailure('missing', this.description.name);
  }

  async sync(): Promise<Float64Array> {
    const data = this.#open();
    try {
      data.flush();
    } catch (error) {
      throw failure(error, this.description.name);
    }
    return stampsUpTo(this.description, data.getSize());
  }

  async keep(record: Uint8Array | null): Promise<void> {
    if (!this.#folder || !record) return;
    try {
      const file = await this.#folder.getFileHandle(RECORD, { create: true });
      const handle = await file.createSyncAccessHandle();
      try {
        // A record that is cut short fails its checksum, and counts as none.
        handle.truncate(0);
        const written = handle.write(record, { at: 0 });
        if (written !== record.length) throw new StorageFailure('full', this.description.name);
        handle.flush();
      } finally {
        handle.close();
      }
    } catch (error) {
      throw failure(error, this.description.name);
    }
  }

  async close(): Promise<void> {
    this.#data?.close();
    this.#data = undefined;
  }

  async remove(): Promise<void> {
    await this.close();
    const root = await rootFolder();
    await root.removeEntry(this.description.infoHash, { recursive: true }).catch(() => undefined);
  }

  async #record(): Promise<Uint8Array | null> {
    try {
      const file = await this.#folder?.getFileHandle(RECORD);
      const content = await file?.getFile();
      return content ? new Uint8Array(await content.arrayBuffer()) : null;
    } catch {
      return null;
    }
  }

  #open(): FileSystemSyncAccessHandle {
    if (!this.#data) throw new StorageFailure('closed', this.description.name);
    return this.#data;
  }
}

/** Fails where a browser has no such storage or refuses it, as some do in private windows. */
export async function rootFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(ROOT, { create: true });
}

/** Whether the storage can really be used: some browsers refuse only the last step. */
export async function canUseOpfs(): Promise<boolean> {
  try {
    const root = await rootFolder();
    const file = await root.getFileHandle('probe', { create: true });
    (await file.createSyncAccessHandle()).close();
    return true;
  } catch (error) {
    // Another tab is trying the same at this moment.
    return (error as Error).name === 'NoModificationAllowedError';
  }
}

function failure(error: unknown, file: string): StorageFailure {
  if (error instanceof StorageFailure) return error;
  const { name } = error as Error;
  if (name === 'QuotaExceededError') return new StorageFailure('full', file);
  // Another tab has it open.
  if (name === 'NoModificationAllowedError') return new StorageFailure('readonly', file);
  return new StorageFailure('io', file);
}

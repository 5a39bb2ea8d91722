import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, rename, rm, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DescribedFile, Description } from '../host.js';
import { type Found, type Storage, StorageFailure } from './storage.js';

/** Files that are open at the same time, at most; the one that wasn't used for longest is closed. */
const MAX_OPEN_FILES = 64;

interface Slice {
  file: number;
  offset: number;
  /** Where it begins in the bytes asked for. */
  begin: number;
  length: number;
}

/** Node: a torrent's files under their names in a folder. No link is followed out of it. */
export class FolderStorage implements Storage {
  readonly #files: DescribedFile[];
  readonly #handles = new Map<number, Promise<FileHandle>>();
  readonly #written = new Set<number>();
  readonly #record: string;
  #root = '';

  constructor(
    private readonly folder: string,
    description: Description,
    private readonly wanted: Uint8Array,
  ) {
    this.#files = description.files;
    this.#record = `.gannet-${description.infoHash}.resume`;
  }

  async open(): Promise<Found> {
    try {
      await mkdir(this.folder, { recursive: true });
      this.#root = await realpath(this.folder);
      for (const [n, file] of this.#files.entries()) {
        if (file.length === 0 && !file.skip && this.wanted[n] !== 0) await this.#handle(n, true);
      }
      const record = await readFile(path.join(this.#root, this.#record)).catch(() => null);
      return { record, stamps: await this.#stamps() };
    } catch (error) {
      throw failure(error, this.folder);
    }
  }

  async select(): Promise<void> {}

  async read(offset: number, length: number, into = new Uint8Array(length)): Promise<Uint8Array<ArrayBuffer>> {
    for (const slice of this.#slices(offset, length)) {
      const here = into.subarray(slice.begin, slice.begin + slice.length);
      await this.#with(slice.file, false, async (handle) => {
        for (let done = 0; done < here.length; ) {
          const { bytesRead } = await handle.read(here, done, here.length - done, slice.offset + done);
          if (bytesRead === 0) throw new StorageFailure('missing', this.#name(slice.file));
          done += bytesRead;
        }
      });
    }
    return into;
  }

  async write(offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (const slice of this.#slices(offset, bytes.length)) {
      const here = bytes.subarray(slice.begin, slice.begin + slice.length);
      await this.#with(slice.file, true, async (handle) => {
        for (let done = 0; done < here.length; ) {
          const at = slice.offset + done;
          done += (await handle.write(here, done, here.length - done, at)).bytesWritten;
        }
      });
      this.#written.add(slice.file);
    }
  }

  async blob(offset: number, length: number): Promise<Blob> {
    return new Blob([await this.read(offset, length)]);
  }

  async sync(): Promise<Float64Array> {
    const written = [...this.#written];
    this.#written.clear();
    for (const file of written) await this.#with(file, true, (handle) => handle.datasync());
    return this.#stamps();
  }

  async keep(record: Uint8Array | null, complete: boolean): Promise<void> {
    const to = path.join(this.#root, this.#record);
    try {
      if (!record || complete) return await rm(to, { force: true });
      const temporary = `${to}.tmp`;
      const handle = await open(temporary, 'w');
      try {
        await handle.writeFile(record);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, to);
    } catch (error) {
      throw failure(error, to);
    }
  }

  async close(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    await Promise.allSettled(handles.map(async (handle) => (await handle).close()));
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(path.join(this.#root, this.#record), { force: true });
    for (const file of this.#files) {
      if (!file.skip) await rm(await this.#place(file, false), { force: true }).catch(() => {});
    }
  }

  #name(file: number): string {
    return this.#files[file]?.path.join('/') ?? '';
  }

  async #with(
    file: number, writes: boolean, act: (handle: FileHandle) => Promise<void>,
  ): Promise<void> {
    try {
      await act(await this.#handle(file, writes));
    } catch (error) {
      throw failure(error, this.#name(file));
    }
  }

  async #handle(n: number, writes: boolean): Promise<FileHandle> {
    const file = this.#files[n]!;
    const held = this.#handles.get(n);
    this.#handles.delete(n);
    const handle = held ?? this.#openFile(file, writes);
    this.#handles.set(n, handle);
    handle.catch(() => this.#handles.delete(n));
    if (this.#handles.size > MAX_OPEN_FILES) {
      const [oldest, old] = this.#handles.entries().next().value!;
      this.#handles.delete(oldest);
      void old.then((handle) => handle.close());
    }
    return handle;
  }

  async #openFile(file: DescribedFile, writes: boolean): Promise<FileHandle> {
    const place = await this.#place(file, writes);
    const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants;
    const handle = await open(place, O_RDWR | O_NOFOLLOW | (writes ? O_CREAT : 0));
    const { size } = await handle.stat();
    if (writes && size !== file.length) {
      if (size > 0) throw new StorageFailure('outside', `${place}: another file of this name is`);
      await handle.truncate(file.length);
    }
    return handle;
  }

  /** Where a file is, after its folders were looked at: none may be a link that leads elsewhere. */
  async #place(file: DescribedFile, make: boolean): Promise<string> {
    const place = path.join(this.#root, ...file.path);
    const parent = path.dirname(place);
    if (make) await mkdir(parent, { recursive: true });
    const real = await realpath(parent);
    if (real !== this.#root && !real.startsWith(this.#root + path.sep)) {
      throw new StorageFailure('outside', place);
    }
    return place;
  }

  async #stamps(): Promise<Float64Array> {
    const stamps = new Float64Array(this.#files.length * 2);
    for (const [n, file] of this.#files.entries()) {
      if (file.skip) continue;
      const found = await this.#handle(n, false).then((handle) => handle.stat(), () => undefined);
      if (found) stamps.set([found.size, found.mtimeMs], n * 2);
    }
    return stamps;
  }

  /** The parts of files that a range covers; pads are left out, and read as zeros. */
  *#slices(offset: number, length: number): Generator<Slice> {
    const end = offset + length;
    for (let n = this.#first(offset); n < this.#files.length; n++) {
      const file = this.#files[n]!;
      if (file.offset >= end) return;
      const from = Math.max(offset, file.offset);
      const to = Math.min(end, file.offset + file.length);
      if (to > from && !file.skip) {
        yield { file: n, offset: from - file.offset, begin: from - offset, length: to - from };
      }
    }
  }

  /** The first file that ends behind an offset. */
  #first(offset: number): number {
    let [low, high] = [0, this.#files.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const file = this.#files[middle]!;
      if (file.offset + file.length <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function failure(error: unknown, file: string): StorageFailure {
  if (error instanceof StorageFailure) return error;
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StorageFailure('full', file);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StorageFailure('readonly', file);
    case 'ENOENT':
      return new StorageFailure('missing', file);
    case 'ELOOP':
      return new StorageFailure('outside', file);
    default:
      return new StorageFailure('io', file);
  }
}

// Files of this device that a tab offers, and what of them is still there when the tab was closed.
import type { Fetch } from 'gannet';
import { room } from './clients.js';

/** A file that can be opened again, and its path below the folder that was chosen, if it was one. */
export interface Reopened {
  handle: FileSystemFileHandle & Partial<Permissions>;
  path: string;
}

/** Chromium's part of the File System API; TypeScript's own library lacks it. */
interface Permissions {
  queryPermission(options: { mode: 'read' }): Promise<PermissionState>;
  requestPermission(options: { mode: 'read' }): Promise<PermissionState>;
}

/** What is kept of files that were shared: a copy, a way to ask for them again, or only their names. */
export interface Own {
  kept: 'copy' | 'handles' | 'nothing';
  handles: Reopened[];
  /** The name that was given to several files; `undefined` if they have one. */
  name: string | undefined;
}

/** Larger files are read where they lie: nobody wants them twice on one device. */
const MAX_COPIED_BYTES = 256 * 1024 * 1024;
/** A copy takes at most one in so many of the free bytes. */
const FREE_SHARE = 4;

const handles = new WeakMap<File, FileSystemFileHandle>();

/** A file that can be opened again; `path` as folders' own dialogs tell it. */
export async function fileOf(handle: FileSystemFileHandle, path = ''): Promise<File> {
  const file = placed(await handle.getFile(), path);
  handles.set(file, handle);
  return file;
}

/** All files in a folder and below. */
export async function filesBelow(folder: FileSystemDirectoryHandle, path = folder.name): Promise<File[]> {
  const files: File[] = [];
  for await (const entry of folder.values()) {
    const below = `${path}/${entry.name}`;
    if (entry.kind === 'file') files.push(await fileOf(entry as FileSystemFileHandle, below));
    else files.push(...await filesBelow(entry as FileSystemDirectoryHandle, below));
  }
  return files;
}

/** Only files from a folder's own dialog know their path: the same is said of others here. */
export function placed(file: File, path: string): File {
  if (path.includes('/')) Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return file;
}

/** How files can be kept beyond the tab. */
export async function keepable(files: File[], name: string | undefined): Promise<Own> {
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const { storage, free } = await room();
  const fits = storage === 'opfs' && bytes <= MAX_COPIED_BYTES && (free === null || bytes <= free / FREE_SHARE);
  if (fits) return { kept: 'copy', handles: [], name };
  const known = files.flatMap((file) => {
    const handle = handles.get(file);
    return handle ? [{ handle, path: file.webkitRelativePath }] : [];
  });
  return known.length === files.length ? { kept: 'handles', handles: known, name } : { kept: 'nothing', handles: [], name };
}

/** The files again; `null` if the browser wants the person to be asked first, or they said no. */
export async function reopened({ handles: kept }: Own, ask: boolean): Promise<File[] | null> {
  if (kept.length === 0) return null;
  for (const { handle } of kept) {
    const options = { mode: 'read' } as const;
    const state = await (ask ? handle.requestPermission?.(options) : handle.queryPermission?.(options));
    if ((state ?? 'granted') !== 'granted') return null;
  }
  return Promise.all(kept.map(({ handle, path }) => fileOf(handle, path)));
}

/** Pieces out of the files themselves: so the engine makes the copy, and proves it. */
export function copying(files: File[], pieceLength: number): { name: string; fetch: Fetch } {
  // A blob of blobs copies nothing.
  const whole = new Blob(files);
  return {
    name: 'this device',
    fetch: (piece, _, length) => whole.slice(piece * pieceLength, piece * pieceLength + length).arrayBuffer(),
  };
}

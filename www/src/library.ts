// What a reload begins with: one record a download, in the browser's database.

import type { Own } from './sharing.js';

export interface Record {
  infoHash: string;
  name: string;
  totalBytes: number;
  torrent: Uint8Array<ArrayBuffer>;
  /** Numbers of the files to download; `null` for all. */
  files: number[] | null;
  relays: string[];
  peers: string[];
  paused: boolean;
  /** Milliseconds since 1970. */
  added: number;
  /** Its files are this device's: chosen to be shared, not downloaded. */
  own?: Own;
}

const STORE = 'downloads';
const VERSION = 1;

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('gannet', VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'infoHash' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function store<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const request = act((await database()).transaction(STORE, mode).objectStore(STORE));
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** All records, oldest first; none where the browser keeps nothing. */
export async function records(): Promise<Record[]> {
  const all: Record[] = await store('readonly', (s) => s.getAll()).catch(() => []);
  return all.sort((a, b) => a.added - b.added);
}

/** Keeps a record. Where the browser keeps nothing, the download ends with the tab. */
export async function keep(record: Record): Promise<void> {
  await store('readwrite', (s) => s.put(record)).catch(() => undefined);
}

export async function forget(infoHash: string): Promise<void> {
  await store('readwrite', (s) => s.delete(infoHash)).catch(() => undefined);
}

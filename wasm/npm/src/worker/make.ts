import type { SeedFile } from '../messages.js';
import { bytesOf } from './boundary.js';

type Value = number | string | Uint8Array | Value[] | { [key: string]: Value };

/** Bencode (BEP 3); the keys of a dictionary are given in order. */
function* encode(value: Value): Generator<Uint8Array> {
  if (typeof value === 'number') {
    yield bytesOf(`i${value}e`);
  } else if (typeof value === 'string' || value instanceof Uint8Array) {
    const bytes = typeof value === 'string' ? bytesOf(value) : value;
    yield bytesOf(`${bytes.length}:`);
    yield bytes;
  } else if (Array.isArray(value)) {
    yield bytesOf('l');
    for (const item of value) yield* encode(item);
    yield bytesOf('e');
  } else {
    yield bytesOf('d');
    for (const [key, item] of Object.entries(value)) {
      yield* encode(key);
      yield* encode(item);
    }
    yield bytesOf('e');
  }
}

/** A .torrent file. One file whose path is `name` makes a torrent of one file without a folder. */
export async function makeTorrent(
  name: string, files: SeedFile[], pieceLength: number, hashes: Uint8Array, trackers: string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const [only] = files;
  const content: { [key: string]: Value } = only && files.length === 1 && only.path === name
    ? { length: only.blob.size }
    : { files: files.map(({ path, blob }) => ({ length: blob.size, path: path.split('/') })) };
  const info = { ...content, name, 'piece length': pieceLength, pieces: hashes };
  const announce: { [key: string]: Value } = trackers.length > 0
    ? { announce: trackers[0]!, 'announce-list': trackers.map((url) => [url]) }
    : {};
  const parts = [...encode({ ...announce, info })] as Uint8Array<ArrayBuffer>[];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

import { sha1 as sha1InWasm } from './calls.js';

const BLOCK_BYTES = 16 * 1024;

/**
 * SHA-1, by the browser, off this thread. A page that came over plain HTTP isn't given that, and
 * hashes here.
 */
export async function sha1(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle) return new Uint8Array(await subtle.digest('SHA-1', bytes));
  // The engine may be calling at this moment.
  await undefined;
  return sha1InWasm(bytes);
}

/** The digests of a piece's blocks, one after the other. */
export async function blockDigests(piece: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const blocks = [];
  for (let begin = 0; begin < piece.length; begin += BLOCK_BYTES) {
    blocks.push(sha1(piece.subarray(begin, begin + BLOCK_BYTES)));
  }
  const digests = await Promise.all(blocks);
  const joined = new Uint8Array(digests.length * 20);
  digests.forEach((digest, n) => joined.set(digest, n * 20));
  return joined;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, n) => byte === b[n]);
}

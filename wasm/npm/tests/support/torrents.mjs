// Small torrents, made here: no other program is needed.
import { createHash } from 'node:crypto';

const encode = (value) => {
  if (typeof value === 'number') return Buffer.from(`i${value}e`);
  if (typeof value === 'string') value = Buffer.from(value);
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  if (Array.isArray(value)) {
    return Buffer.concat([Buffer.from('l'), ...value.map(encode), Buffer.from('e')]);
  }
  const pairs = Object.keys(value).sort().flatMap((key) => [encode(key), encode(value[key])]);
  return Buffer.concat([Buffer.from('d'), ...pairs, Buffer.from('e')]);
};

/** Bytes that are the same for the same seed, and of which no two pieces are equal. */
export function payload(length, seed = 1) {
  const bytes = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let n = 0; n + 4 <= length; n += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state | 0, n);
  }
  return bytes;
}

/** A torrent of one file, or of several (`[path, length]` pairs) below a folder `name`. */
export function torrent(bytes, { name = 'file.bin', pieceLength = 32 * 1024, files, trackers } = {}) {
  const pieces = [];
  for (let begin = 0; begin < bytes.length; begin += pieceLength) {
    const piece = bytes.subarray(begin, begin + pieceLength);
    pieces.push(createHash('sha1').update(piece).digest());
  }
  const info = { name, 'piece length': pieceLength, pieces: Buffer.concat(pieces) };
  if (files) info.files = files.map(([path, length]) => ({ length, path: path.split('/') }));
  else info.length = bytes.length;
  const list = trackers ? { announce: trackers[0], 'announce-list': trackers.map((url) => [url]) } : {};
  return { ...torrentOf(info, list), pieceLength, count: pieces.length };
}

/** A torrent of the info that is given, and its info hash. */
export function torrentOf(info, more = {}) {
  const infoHash = createHash('sha1').update(encode(info)).digest('hex');
  return { content: encode({ ...more, info }), infoHash };
}

/** A function that has all pieces. */
export function fullSource(bytes, { pieceLength }) {
  return async (piece) => bytes.subarray(piece * pieceLength, (piece + 1) * pieceLength);
}

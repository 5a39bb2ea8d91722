import { aborted } from './signal.js';
import { PIECE_HAVE, type Torrent } from './torrent.js';
import type { DescribedFile } from './worker/host.js';

/** Which bytes of a file: from `start` up to, not including, `end`. */
export interface Range {
  start?: number;
  end?: number;
  signal?: AbortSignal;
}

/** One file of a torrent. */
export class TorrentFile {
  /** Its name without folders. */
  readonly name: string;
  /** Its path, the torrent's own folder first if it has one. */
  readonly path: string;
  /** Its bytes. */
  readonly length: number;
  readonly #offset: number;

  /** @internal */
  constructor(
    private readonly torrent: Torrent,
    file: DescribedFile,
    /** Its number in the torrent, from zero. */
    readonly index: number,
  ) {
    this.path = file.path.join('/');
    this.name = file.path.at(-1) ?? this.path;
    this.length = file.length;
    this.#offset = file.offset;
  }

  /** All of it as a blob, once it is all there. What is in browser storage isn't read for that. */
  async blob({ signal }: { signal?: AbortSignal } = {}): Promise<Blob> {
    await this.#whole(signal);
    return aborted(this.torrent.blob(this.#offset, this.length), signal);
  }

  /** Its bytes in order, each as soon as it is there; what is read next is downloaded first. */
  stream({ start = 0, end = this.length, signal }: Range = {}): ReadableStream<Uint8Array> {
    const last = this.#offset + Math.min(end, this.length);
    let at = this.#offset + Math.max(0, start);
    const stop = new AbortController();
    const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (at >= last) return controller.close();
          const { pieceLength } = this.torrent;
          const piece = Math.floor(at / pieceLength);
          const bytes = await this.torrent.read(piece, either);
          const begin = at - piece * pieceLength;
          const part = bytes.subarray(begin, Math.min(bytes.length, begin + last - at));
          at += part.length;
          controller.enqueue(part);
          if (at >= last) controller.close();
        },
        cancel: (reason) => stop.abort(reason),
      },
      { highWaterMark: 1 },
    );
  }

  /** Writes it into a stream (`showSaveFilePicker` gives one) as it comes, and closes that. */
  async saveTo(
    writable: WritableStream<Uint8Array>, { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    await this.stream(signal ? { signal } : {}).pipeTo(writable, signal ? { signal } : {});
  }

  /** Waits until every piece of it is there, and has those fetched first that aren't; only these are read. */
  async #whole(signal?: AbortSignal): Promise<void> {
    if (this.length === 0) return;
    const { pieceLength } = this.torrent;
    const pieces = await aborted(this.torrent.pieces(), signal);
    const end = this.#offset + this.length;
    for (let piece = Math.floor(this.#offset / pieceLength); piece * pieceLength < end; piece += 1) {
      if (pieces[piece] !== PIECE_HAVE) await this.torrent.read(piece, signal);
    }
  }
}

import { sha1 } from './hash.js';
import { Waiting } from './waiting.js';

/** The name of the worker that hashes: its code is that of the engine's worker. */
export const HASHER = 'gannet hasher';
/** What is shorter is hashed sooner than it is sent. */
const MIN_BYTES = 64 * 1024;

/** Bytes and what they hash to. */
export interface Hashed {
  digest: Uint8Array;
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Hashes pieces in a second worker: Chromium does it on the thread that asks, and the engine's has
 * to receive. Until that worker is there, and where it can't be had, the engine's hashes.
 */
export class Hasher {
  readonly #answers = new Waiting<Hashed>();
  #ready: Worker | undefined;
  #last = 0;

  constructor(start: () => Worker) {
    try {
      const worker = start();
      worker.onmessage = ({ data }: MessageEvent<(Hashed & { id: number }) | 'ready'>) => {
        if (data === 'ready') this.#ready = worker;
        else this.#answers.answer(data, data.id);
      };
      worker.onerror = () => {
        this.#ready = undefined;
        this.#answers.fail(new Error('the worker that hashes has failed'));
      };
    } catch { /* refused by the page's policy */ }
  }

  /** Takes the bytes away, and gives them back with their digest. They fill their buffer. */
  async hash(bytes: Uint8Array<ArrayBuffer>): Promise<Hashed> {
    if (!this.#ready || bytes.length < MIN_BYTES) return { digest: await sha1(bytes), bytes };
    const id = ++this.#last;
    const answer = this.#answers.wait(id);
    this.#ready.postMessage({ id, bytes }, [bytes.buffer]);
    return answer;
  }
}

/** What the second worker does. */
export function serveHashes(): void {
  addEventListener('message', async ({ data: { id, bytes } }) => {
    postMessage({ id, bytes, digest: await sha1(bytes) }, { transfer: [bytes.buffer] });
  });
  postMessage('ready');
}

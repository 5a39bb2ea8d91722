/** What a source's function is told besides the number of the piece. */
export type Fetch = (piece: number, signal: AbortSignal, length: number) =>
  Promise<Uint8Array | ArrayBuffer> | Uint8Array | ArrayBuffer;

/** An error with this name tells that the source leaves the pool for good. */
const GONE = 'GoneError';

interface Entry {
  torrent: number;
  fetch: Fetch;
  running: Map<number, AbortController>;
}

/** The caller's functions: they run here, on the caller's thread. */
export class Sources {
  readonly #by = new Map<number, Entry>();
  /** What the engine asked of a source before its number was known here. */
  #early: { source: number; piece: number; length: number }[] = [];

  constructor(
    private readonly answer: (
      source: number, piece: number, bytes: Uint8Array | null, gone: boolean,
    ) => void,
  ) {}

  add(torrent: number, source: number, fetch: Fetch): void {
    this.#by.set(source, { torrent, fetch, running: new Map() });
    const early = this.#early.filter((asked) => asked.source === source);
    // Numbers only grow: those below are of sources that have left.
    this.#early = this.#early.filter((asked) => asked.source > source);
    for (const { piece, length } of early) void this.fetch(source, piece, length);
  }

  /** Forgets a source and tells its function to stop. */
  remove(source: number): void {
    this.#by.get(source)?.running.forEach((controller) => controller.abort());
    this.#by.delete(source);
  }

  forget(torrent: number): void {
    for (const [source, entry] of this.#by) if (entry.torrent === torrent) this.remove(source);
  }

  cancel(source: number, piece: number): void {
    this.#by.get(source)?.running.get(piece)?.abort();
  }

  async fetch(source: number, piece: number, length: number): Promise<void> {
    const entry = this.#by.get(source);
    if (!entry) {
      this.#early.push({ source, piece, length });
      return;
    }
    const controller = new AbortController();
    entry.running.set(piece, controller);
    let bytes: Uint8Array | null = null;
    let gone = false;
    try {
      const given = await entry.fetch(piece, controller.signal, length);
      // A copy of the caller's bytes: what is sent to the worker is gone from here.
      bytes = new Uint8Array(given instanceof ArrayBuffer ? given.slice(0) : given);
    } catch (error) {
      gone = (error as Error | undefined)?.name === GONE;
    }
    entry.running.delete(piece);
    if (!controller.signal.aborted) this.answer(source, piece, bytes, gone);
  }
}

/** Thrown by a source's function: it leaves and is not asked again. */
export class GoneError extends Error {
  override name = GONE;
}

/** What the service worker asks the page: bytes of a file that is playing. */
export interface Asked {
  key: string;
  start: number;
  /** `null` for the file's end. */
  end: number | null;
}

/** What it is told first. */
export type Told = { missing: true } | { type: string; start: number; end: number; length: number };

/** What it is told for each `more`: `null` is the end. */
export interface Part {
  bytes: Uint8Array | null;
}

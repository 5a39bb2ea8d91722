// The .torrent file around an info dictionary that peers have told: what a reload begins with.

const encoder = new TextEncoder();
const text = (value: string): string => `${encoder.encode(value).length}:${value}`;

/** Bencoded as BEP 3 and BEP 12 say; the info dictionary goes in as it came, for its hash. */
export function torrentFile(info: Uint8Array, trackers: string[]): Uint8Array<ArrayBuffer> {
  const tiers = trackers.map((url) => `l${text(url)}e`).join('');
  const announce = trackers[0] === undefined ? '' : `${text('announce')}${text(trackers[0])}${text('announce-list')}l${tiers}e`;
  const parts = [encoder.encode(`d${announce}${text('info')}`), info, encoder.encode('e')];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

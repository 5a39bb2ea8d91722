import type { Engine } from '#engine';
import type { PlainError } from '../errors.js';
import type { Platform } from './engine.js';

/** Connections to peers, each a WebSocket to a relay. */
export class Sockets {
  constructor(
    private readonly engine: Engine,
    private readonly relays: string[],
    private readonly platform: Platform,
    private readonly tell: (error: PlainError | null) => void,
  ) {}

  join(_torrent: number, _infoHash: string, _trackers: string[][]): void {}
  leave(_torrent: number): void {}
  name(_torrent: number, _addr: string): void {}
  connect(peer: number, _torrent: number, _addr: string): void {
    queueMicrotask(() => this.engine.closed(peer, 'unreachable'));
  }
  send(_peer: number, _bytes: Uint8Array<ArrayBuffer>): void {}
  close(_peer: number): void {}
}

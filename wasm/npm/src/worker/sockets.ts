import type { PlainError } from '../errors.js';
import * as engine from './calls.js';
import { DataSocket } from './data-socket.js';
import type { Platform } from './engine.js';
import { Loans } from './loans.js';
import { Swarm, type Ticket } from './swarm.js';

/** Connections to peers: each is a WebSocket to the relay that named the peer. */
export class Sockets {
  readonly #swarms = new Map<number, Swarm>();
  readonly #open = new Map<number, DataSocket>();
  readonly #loans = new Loans();
  #accepting: { early: Uint8Array<ArrayBuffer>[] } | undefined;

  constructor(
    private readonly relays: string[],
    private readonly platform: Platform,
    private readonly tell: (error: PlainError | null) => void,
  ) {}

  /** Takes part in a torrent's swarm, if there is a relay to do it through. */
  join(torrent: number, infoHash: string, trackers: string[]): void {
    if (this.relays.length === 0) return;
    const swarm = new Swarm(this.relays, this.platform, infoHash, trackers, {
      found: (addr) => this.found(torrent, addr),
      incoming: (addr, ticket) => this.#accept(torrent, addr, ticket),
      left: () => this.#left(torrent),
      tell: this.tell,
    });
    this.#swarms.set(torrent, swarm);
  }

  /** Somebody names a peer, who may not have an address. */
  found(torrent: number, addr: string): void {
    try {
      engine.addPeer(torrent, addr);
    } catch { /* passed over, like any peer that can't be reached */ }
  }

  leave(torrent: number): void {
    this.#swarms.get(torrent)?.close();
    this.#swarms.delete(torrent);
  }

  /** How much is missing has changed in a way that the trackers are to be told of. */
  update(torrent: number): void {
    this.#swarms.get(torrent)?.update();
  }

  async connect(peer: number, torrent: number, addr: string): Promise<void> {
    // A dial may be given up before there is a ticket for it.
    const dial = new DataSocket(peer, this.#loans, () => this.#open.delete(peer));
    this.#open.set(peer, dial);
    const swarm = this.#swarms.get(torrent);
    const ticket = await swarm?.ticket(addr);
    if (ticket) dial.start(this.platform, ticket, () => swarm?.forget(addr));
    else dial.end('unreachable');
  }

  send(peer: number, bytes: Uint8Array<ArrayBuffer>): void {
    const socket = this.#open.get(peer);
    // What the engine says to one that it is accepting at this moment.
    if (socket) socket.send(bytes);
    else this.#accepting?.early.push(bytes);
  }

  close(peer: number): void {
    this.#open.get(peer)?.close();
    this.#open.delete(peer);
  }

  #accept(torrent: number, addr: string, ticket: Ticket): void {
    this.#accepting = { early: [] };
    const peer = engine.accept(torrent, addr);
    const { early } = this.#accepting;
    this.#accepting = undefined;
    if (peer === undefined) return;
    const socket = new DataSocket(peer, this.#loans, () => this.#open.delete(peer), true);
    this.#open.set(peer, socket);
    early.forEach((bytes) => socket.send(bytes));
    socket.start(this.platform, ticket);
  }

  #left(torrent: number): number | null {
    const stats = engine.stats(torrent);
    return stats && stats.pieces > 0 ? stats.wanted_bytes - stats.have_bytes : null;
  }
}

import type { PlainError } from '../errors.js';
import type { Platform } from './engine.js';

/** Trackers that a relay is told, at most. */
const MAX_TRACKERS = 32;
/** Tickets that are kept; the oldest make room. */
const MAX_TICKETS = 3000;
/** How long a relay may take over a ticket for an address that no tracker named. */
const TICKET_LIMIT_MILLIS = 10_000;
/** Pauses between attempts double from the first to the last, each with jitter. */
const FIRST_PAUSE_MILLIS = 250;
const LAST_PAUSE_MILLIS = 30_000;
/** How often the relay is told how much is missing, unless it wants to hear more often. */
const UPDATE_INTERVAL_MILLIS = 30_000;

/** What opens a data socket, and where. */
export interface Ticket {
  url: string;
  ticket: string;
}

/** Who takes part. */
interface Member {
  found(addr: string): void;
  incoming(addr: string, ticket: Ticket): void;
  /** Bytes that are missing; `null` while that isn't known. */
  left(): number | null;
  tell(error: PlainError | null): void;
}

type Said =
  | { type: 'joined'; idle_seconds?: number }
  | { type: 'peers'; peers: { addr: string; ticket: string }[] }
  | { type: 'incoming'; addr: string; ticket: string; url: string | null }
  | { type: 'error'; code: string; message: string };

/** A torrent's control socket, at one relay after the other until one serves. */
export class Swarm {
  readonly #tickets = new Map<string, Ticket>();
  readonly #wanted = new Map<string, (ticket: Ticket | undefined) => void>();
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #relay = 0;
  #failures = 0;
  #joined = false;
  #closed = false;

  constructor(
    private readonly relays: string[],
    private readonly platform: Platform,
    private readonly infoHash: string,
    private readonly trackers: string[],
    private readonly member: Member,
  ) {
    // The engine is calling at this moment.
    queueMicrotask(() => this.#connect());
  }

  /** A ticket for an address, at once or when the relay has made one. */
  async ticket(addr: string): Promise<Ticket | undefined> {
    const known = this.#tickets.get(addr);
    if (known) return known;
    if (!this.#joined) return undefined;
    const made = new Promise<Ticket | undefined>((resolve) => {
      const timer = setTimeout(() => this.#want(addr, undefined), TICKET_LIMIT_MILLIS);
      this.#wanted.set(addr, (ticket) => {
        clearTimeout(timer);
        resolve(ticket);
      });
    });
    this.#say({ type: 'dial', addrs: [addr] });
    return made;
  }

  /** The relay doesn't take the ticket for an address any more. */
  forget(addr: string): void {
    this.#tickets.delete(addr);
  }

  update(): void {
    if (this.#joined) this.#say({ type: 'update', left: this.member.left() });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
    for (const addr of [...this.#wanted.keys()]) this.#want(addr, undefined);
  }

  get #url(): string {
    const url = this.relays[this.#relay % this.relays.length]!;
    return url.replace(/^http/, 'ws').replace(/\/+$/, '');
  }

  #connect(): void {
    if (this.#closed) return;
    let socket: WebSocket;
    try {
      socket = this.platform.socket(`${this.#url}/v1/swarm`);
    } catch (error) {
      this.member.tell({ name: 'RelayError', message: (error as Error).message });
      return this.#again();
    }
    this.#socket = socket;
    socket.onopen = () => this.#join();
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = () => this.#again();
    // A close follows.
    socket.onerror = () => {};
  }

  #join(): void {
    const trackers = this.trackers.slice(0, MAX_TRACKERS);
    const left = this.member.left();
    this.#say({ type: 'join', info_hash: this.infoHash, trackers, left, reachable: true });
  }

  #take(data: unknown): void {
    let said: Said;
    try {
      said = JSON.parse(String(data));
    } catch {
      return;
    }
    switch (said.type) {
      case 'joined':
        this.#joined = true;
        this.#failures = 0;
        this.member.tell(null);
        this.#updateSoon(said.idle_seconds);
        break;
      case 'peers':
        for (const { addr, ticket } of said.peers) this.#learn(addr, { url: this.#url, ticket });
        break;
      case 'incoming':
        this.member.incoming(said.addr, { url: said.url ?? this.#url, ticket: said.ticket });
        break;
      case 'error':
        this.member.tell({ name: 'RelayError', message: `${this.#url}: ${said.message}` });
    }
  }

  #learn(addr: string, ticket: Ticket): void {
    if (this.#wanted.has(addr)) return this.#want(addr, ticket);
    this.#tickets.delete(addr);
    this.#tickets.set(addr, ticket);
    if (this.#tickets.size > MAX_TICKETS) {
      this.#tickets.delete(this.#tickets.keys().next().value!);
    }
    this.member.found(addr);
  }

  #want(addr: string, ticket: Ticket | undefined): void {
    this.#wanted.get(addr)?.(ticket);
    this.#wanted.delete(addr);
  }

  #updateSoon(idleSeconds = Infinity): void {
    const interval = Math.min(UPDATE_INTERVAL_MILLIS, (idleSeconds * 1000) / 2);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.update();
      this.#updateSoon(idleSeconds);
    }, interval);
  }

  /** The next relay, after a pause that is longer the more of them have failed in a row. */
  #again(): void {
    if (this.#closed) return;
    if (!this.#joined && this.#failures >= this.relays.length) {
      this.member.tell({ name: 'RelayError', message: `no relay can be reached: ${this.relays}` });
    }
    this.#joined = false;
    this.#tickets.clear();
    for (const addr of [...this.#wanted.keys()]) this.#want(addr, undefined);
    const pause = Math.min(FIRST_PAUSE_MILLIS * 2 ** this.#failures++, LAST_PAUSE_MILLIS);
    this.#relay++;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), pause * (0.5 + Math.random()));
  }

  #say(message: object): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }
}

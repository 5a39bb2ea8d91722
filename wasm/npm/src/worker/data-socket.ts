import * as engine from './calls.js';
import type { Platform } from './engine.js';
import { free } from './free.js';
import { type Loans, MAX_LOAN_BYTES } from './loans.js';
import type { Ticket } from './swarm.js';

/** What each side may send before the other has credited any of it. */
const WINDOW_BYTES = 1024 * 1024;
/** So much of the window is consumed before it is credited: fewer messages, and never a stall. */
const CREDIT_STEP = 1 / 4;
const MAX_MESSAGE_BYTES = 256 * 1024;

/** Close codes of the relay (docs/relay-protocol.md) in the engine's words; all others are `reset`. */
const REASONS: Record<number, string> = {
  1000: 'remote', 4404: 'unreachable', 4408: 'timeout', 4429: 'refused',
};

const BAD_TICKET = 4401;

/** One peer's byte stream, through a relay. */
export class DataSocket {
  #socket: WebSocket | undefined;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #credit = WINDOW_BYTES;
  #consumed = 0;
  /** What was credited beyond what was consumed. */
  #lent = 0;
  #sent = 0;
  #ended = false;

  constructor(
    private readonly peer: number,
    private readonly loans: Loans,
    private readonly forget: () => void,
    /** The engine counts it as connected already. */
    private readonly accepted = false,
  ) {}

  start(platform: Platform, { url, ticket }: Ticket, refused?: () => void): void {
    if (this.#ended) return;
    let socket: WebSocket;
    try {
      socket = platform.socket(`${url}/v1/peer`);
    } catch {
      return this.end('unreachable');
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      socket.send(ticket);
      if (!this.accepted) engine.connected(this.peer);
      this.#flush();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#credited(Number(data));
      else this.#receive(data as ArrayBuffer);
    };
    socket.onclose = ({ code }) => {
      if (code === BAD_TICKET) refused?.();
      this.end(REASONS[code] ?? 'reset');
    };
    // A close follows.
    socket.onerror = () => {};
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#queue.push(bytes);
    // The engine is calling at this moment.
    queueMicrotask(() => this.#flush());
  }

  /** The engine has had enough of it. */
  close(): void {
    this.#flush();
    this.#finish();
    this.#socket?.close(1000);
  }

  /** It has ended; later, since the engine may be calling at this moment. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#finish();
    this.forget();
    queueMicrotask(() => engine.closed(this.peer, reason));
  }

  #finish(): void {
    this.#ended = true;
    this.loans.giveBack(this.#lent);
    this.#lent = 0;
  }

  #receive(data: ArrayBuffer): void {
    if (this.#ended) return;
    engine.received(this.peer, new Uint8Array(data));
    this.#consumed += data.byteLength;
    free(data);
    const step = (WINDOW_BYTES + this.#lent) * CREDIT_STEP;
    if (this.#consumed >= step && this.#socket?.readyState === 1) {
      const more = this.loans.take(Math.min(this.#consumed, MAX_LOAN_BYTES - this.#lent));
      this.#lent += more;
      this.#socket.send(String(this.#consumed + more));
      this.#consumed = 0;
    }
  }

  #credited(bytes: number): void {
    if (!Number.isSafeInteger(bytes) || bytes < 0) return;
    this.#credit += bytes;
    this.#flush();
  }

  /** Sends what the credit allows, and tells the engine how much that was. */
  #flush(): void {
    const socket = this.#socket;
    if (this.#ended || socket?.readyState !== 1) return;
    while (this.#queue.length > 0 && this.#credit > 0) {
      const first = this.#queue[0]!;
      const length = Math.min(first.length, this.#credit, MAX_MESSAGE_BYTES);
      socket.send(length === first.length ? first : first.subarray(0, length));
      if (length === first.length) this.#queue.shift();
      else this.#queue[0] = first.subarray(length);
      this.#credit -= length;
      this.#sent += length;
    }
    if (this.#sent > 0) {
      const sent = this.#sent;
      this.#sent = 0;
      queueMicrotask(() => engine.sent(this.peer, sent));
    }
  }
}

// What the engine's module imports: how bytes and orders cross between it and this worker.
import type { Order } from '#engine';

/** Bytes in a buffer of their own. */
type Bytes = Uint8Array<ArrayBuffer>;

/**
 * What is done for each order: with the bytes and the numbers that wasm/src/host.rs says. None of
 * these may call the engine before it has returned.
 */
export type Orders = Record<Order, (given: [Bytes, Bytes], ...numbers: number[]) => void>;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export const bytesOf = (text: string) => encoder.encode(text);
export const text = (bytes: Uint8Array) => decoder.decode(bytes);
export const json = <T>(bytes: Uint8Array): T => JSON.parse(text(bytes));

let orders: Orders;
const parts: Bytes[] = [];
let told: Uint8Array;

/** Whose orders the engine's are. */
export function serveEngine(all: Orders): void {
  orders = all;
}

/** What the engine has given since this was last asked. */
export function given(): [Bytes, Bytes] {
  return parts.splice(0) as [Bytes, Bytes];
}

/** What the engine will take: the bytes of what it is told or asked next. Their length. */
export function offer(bytes: Uint8Array): number {
  told = bytes;
  return bytes.length;
}

/** The engine takes what it was offered. */
export function take(into: Uint8Array): void {
  into.set(told);
}

/** The engine gives bytes, one after the other: those from `begin` on, of `total`. */
export function part(begin: number, total: number, bytes: Uint8Array): void {
  if (begin === 0) parts.push(new Uint8Array(total));
  parts.at(-1)!.set(bytes, begin);
}

/** The engine wants something done. */
export function order(what: Order, numbers: Float64Array): void {
  orders[what](given(), ...numbers);
}

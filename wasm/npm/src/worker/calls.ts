// What the engine can be told and asked, with types: wasm/src/lib.rs says what each means.
import { Ask, Tell, ask as askEngine, start as startEngine, tell as tellEngine } from '#engine';
import { type ErrorName, GannetError } from '../errors.js';
import type { Stats } from '../stats.js';
import { bytesOf, given, json, offer } from './boundary.js';
import type { Description, Magnet } from './host.js';

/** How a torrent is to be downloaded. */
export interface AddOptions {
  /** One flag a file; all of them otherwise. */
  wanted: Uint8Array | null;
  sequential: boolean;
  /** The data is all there and right: nothing is checked. */
  complete: boolean;
  maxPeers: number | null;
  maxWorkers: number | null;
  maxRetries: number | null;
}

const NOTHING = new Uint8Array();

function tell(what: Tell, [first, second, third]: number[], bytes: Uint8Array = NOTHING): void {
  tellEngine(performance.now(), what, first!, second!, third!, offer(bytes));
}

/** A number and bytes; nothing if the answer is a no. Throws if there is a reason for it. */
function ask(what: Ask, [first, second]: number[], bytes: Uint8Array = NOTHING) {
  const number = askEngine(performance.now(), what, first!, second!, offer(bytes));
  const [content] = given();
  if (number === number) return { number, content };
  if (content.length > 0) {
    const { name, message } = json<{ name: ErrorName; message: string }>(content);
    throw new GannetError(name, message);
  }
  return undefined;
}

/** `memoryBytes` is for pieces that wait in the wasm heap, at most. */
export function start(memoryBytes: number, maxConnections: number): void {
  const [seed] = crypto.getRandomValues(new BigUint64Array(1));
  startEngine(performance.now(), memoryBytes, maxConnections, seed!);
}

// Torrents

/** From the bytes of a .torrent file. */
export function add(torrent: Uint8Array, options: AddOptions): [number: number, Description] {
  return added(Ask.Add, torrent, options);
}

export function addMagnet(link: string, options: AddOptions): [number: number, Magnet] {
  return added(Ask.AddMagnet, bytesOf(link), options);
}

function added<Added>(what: Ask, bytes: Uint8Array, options: AddOptions): [number, Added] {
  const { wanted, sequential, complete, maxPeers, maxWorkers, maxRetries } = options;
  const flags = Uint8Array.from([+sequential, +complete, ...(wanted ?? [])]);
  tell(Tell.Options, [maxPeers ?? NaN, maxWorkers ?? NaN, maxRetries ?? NaN], flags);
  const { number, content } = ask(what, [], bytes)!;
  return [number, json(content)];
}

export const remove = (torrent: number) => tell(Tell.Remove, [torrent]);
export const pause = (torrent: number) => tell(Tell.Pause, [torrent]);
export const resume = (torrent: number) => tell(Tell.Resume, [torrent]);
export const select = (torrent: number, flags: Uint8Array) => tell(Tell.Select, [torrent], flags);
/** Whether there is such a piece. */
export const read = (torrent: number, piece: number) => !!ask(Ask.Read, [torrent, piece]);

/** Bytes per second, over all torrents. */
export function limits(download: number | null, upload: number | null): void {
  tell(Tell.Limits, [download ?? NaN, upload ?? NaN]);
}

export function stats(torrent: number): Stats | null {
  const answer = ask(Ask.Stats, [torrent]);
  return answer ? json(answer.content) : null;
}

export const pieces = (torrent: number) => ask(Ask.Pieces, [torrent])?.content ?? null;
export const info = (torrent: number) => ask(Ask.Info, [torrent])?.content ?? null;

// Connections

/** An address and a port; throws if it isn't that. */
export function addPeer(torrent: number, addr: string): void {
  ask(Ask.AddPeer, [torrent], bytesOf(addr));
}

/** The number of the connection, if it is to be kept. */
export function accept(torrent: number, addr: string): number | undefined {
  return ask(Ask.Accept, [torrent], bytesOf(addr))?.number;
}

export const connected = (peer: number) => tell(Tell.Connected, [peer]);
export const received = (peer: number, bytes: Uint8Array) => tell(Tell.Received, [peer], bytes);
export const sent = (peer: number, bytes: number) => tell(Tell.Sent, [peer, bytes]);
export const closed = (peer: number, reason: string) => tell(Tell.Closed, [peer], bytesOf(reason));

// The caller's functions

/** Its number, unless there are too many or no such torrent. */
export function addSource(torrent: number, name: string): number | undefined {
  return ask(Ask.AddSource, [torrent], bytesOf(name))?.number;
}

export function removeSource(torrent: number, source: number): void {
  tell(Tell.RemoveSource, [torrent, source]);
}

export function fetched(source: number, piece: number, bytes: Uint8Array | null, gone: boolean): void {
  if (bytes) tell(Tell.Fetched, [source, piece], bytes);
  else tell(Tell.FetchFailed, [source, piece, +gone]);
}

// Storage

export function opened(order: number, record: Uint8Array | null, stamps: Float64Array): void {
  const found = new Uint8Array(stamps.byteLength + (record?.length ?? 0));
  found.set(bytesIn(stamps));
  found.set(record ?? NOTHING, stamps.byteLength);
  tell(Tell.Opened, [order], found);
}

/** What to keep; nothing if the torrent is no more. */
export function record(order: number, stamps: Float64Array): Uint8Array | null {
  return ask(Ask.Record, [order], bytesIn(stamps))?.content ?? null;
}

export const done = (order: number) => tell(Tell.Done, [order]);
export const readDone = (order: number, bytes: Uint8Array) => tell(Tell.ReadDone, [order], bytes);

export function hashed(order: number, good: boolean, digests: Uint8Array): void {
  tell(Tell.Hashed, [order, +good], digests);
}

export function failed(order: number, kind: string, file: string, limit: number): void {
  tell(Tell.Failed, [order, limit], bytesOf(`${kind} ${file}`));
}

function bytesIn(stamps: Float64Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(stamps.buffer as ArrayBuffer, stamps.byteOffset, stamps.byteLength);
}

// The rest

export const tick = () => tell(Tell.Tick, []);
export const parse = (torrent: Uint8Array) => json<Description>(ask(Ask.Parse, [], torrent)!.content);
export const choosePieceLength = (totalBytes: number) => ask(Ask.PieceLength, [totalBytes])!.number;
export const sha1 = (bytes: Uint8Array) => ask(Ask.Sha1, [], bytes)!.content;

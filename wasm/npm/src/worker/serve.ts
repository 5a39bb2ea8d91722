import { initSync } from '#engine';
import { GannetError, toPlain } from '../errors.js';
import type { Answer, Notice, Ops, Question, Setup, WasmSource } from '../messages.js';
import { type Platform, Worker } from './engine.js';

type Post = (message: Answer | Notice, transfer?: Transferable[]) => void;

/** Answers a page's questions, one by one as they can be answered. */
export function serve(post: Post, platform: Platform): (question: Question) => void {
  let started: Promise<Worker> | undefined;
  let memory: WebAssembly.Memory;
  const worker = async () => {
    if (!started) throw new GannetError('InternalError', 'the worker was not set up');
    return started;
  };
  const start = async (setup: Setup) => {
    const [storages, module] = await Promise.all([
      platform.storages(setup), compiled(setup.wasm, platform),
    ]);
    ({ memory } = initSync({ module }));
    return new Worker(setup, storages, platform, post);
  };
  const ops: { [Op in keyof Ops]: (...args: Parameters<Ops[Op]>) => unknown } = {
    setup: async (setup) => {
      await (started = start(setup));
    },
    parse: async (torrent) => (await worker()).parse(torrent),
    add: async (request) => (await worker()).add(request),
    seed: async (files, name, trackers) => (await worker()).seed(files, name, trackers),
    select: async (torrent, wanted) => (await worker()).setSelection(torrent, wanted),
    remove: async (torrent, data) => (await worker()).remove(torrent, data),
    pause: async (torrent) => (await worker()).pause(torrent),
    resume: async (torrent) => (await worker()).resume(torrent),
    addPeer: async (torrent, addr) => (await worker()).addPeer(torrent, addr),
    addSource: async (torrent, name) => (await worker()).addSource(torrent, name),
    removeSource: async (torrent, source) => (await worker()).removeSource(torrent, source),
    fetched: async (...answer) => (await worker()).fetched(...answer),
    read: async (torrent, piece) => (await worker()).readPiece(torrent, piece),
    blob: async (torrent, offset, length) => (await worker()).blob(torrent, offset, length),
    stats: async (torrent) => (await worker()).stats(torrent),
    limits: async (download, upload) => (await worker()).limits(download, upload),
    pieces: async (torrent) => (await worker()).pieces(torrent),
    info: async (torrent) => (await worker()).info(torrent),
    log: async (torrent) => (await worker()).log(torrent),
    heap: async () => (await worker(), memory.buffer.byteLength),
  };
  return async ({ id, op, args }) => {
    try {
      const value = await (ops[op] as (...args: unknown[]) => unknown)(...args);
      post({ id, value: value ?? null }, value instanceof Uint8Array ? [value.buffer] : []);
    } catch (error) {
      post({ id, error: toPlain(error) });
    }
  };
}

async function compiled(
  wasm: WasmSource, platform: Platform,
): Promise<BufferSource | WebAssembly.Module> {
  if (typeof wasm !== 'string') return wasm;
  if (platform.load) return platform.load(wasm);
  const response = await fetch(wasm);
  if (!response.ok) throw new GannetError('FetchError', `${wasm}: ${response.status}`);
  return response.arrayBuffer();
}

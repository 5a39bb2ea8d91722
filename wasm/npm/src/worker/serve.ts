import { initSync } from '#engine';
import { GannetError, toPlain } from '../errors.js';
import type { Answer, Notice, Question, Setup, WasmSource } from '../messages.js';
import { serveEngine } from './boundary.js';
import { type Platform, Worker } from './engine.js';

type Post = (message: Answer | Notice, transfer?: Transferable[]) => void;

/** Answers a page's questions, one by one as they can be answered. */
export function serve(post: Post, platform: Platform): (question: Question) => void {
  let started: Promise<Worker> | undefined;
  const start = async (setup: Setup) => {
    const [storages, module] = await Promise.all([
      platform.storages(setup), compiled(setup.wasm, platform),
    ]);
    const { memory } = initSync({ module });
    const worker = new Worker(setup, storages, platform, memory, post);
    serveEngine(worker.orders);
    return worker;
  };
  const answer = async ({ op, args }: Question) => {
    if (op === 'setup') return void (await (started = start(...args)));
    if (!started) throw new GannetError('InternalError', 'the worker was not set up');
    return ((await started)[op] as (...args: unknown[]) => unknown)(...args);
  };
  return async (question) => {
    const { id } = question;
    try {
      const value = await answer(question);
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

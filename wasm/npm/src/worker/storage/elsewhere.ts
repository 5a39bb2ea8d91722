import type { Setup } from '../../messages.js';
import { Waiting } from '../waiting.js';
import { StorageFailure } from './storage.js';
import type { Storages } from './storages.js';

/** The name of the worker that stores: its code is that of the engine's worker. */
export const STORER = 'gannet storage';

const METHODS = ['open', 'on', 'store', 'check', 'discard'] as const satisfies Array<keyof Storages>;

type Method = (typeof METHODS)[number];

/** Storages, wherever they are. */
export type Store = Pick<Storages, Method>;

interface Question {
  id: number;
  method: Method;
  args: unknown[];
}

/** What a worker that stores has to know. */
export type StoreSetup = Pick<Setup, 'storage' | 'memoryLimit'>;

type Answer = { id: number } & ({ value: unknown } | { failure: StorageFailure });

/**
 * Storages in a second worker, called as if they were here: Chromium hashes and writes on the thread
 * that asks for it, and the engine's has to receive. `undefined` where no such worker can be had.
 */
export function elsewhere(worker: Worker, setup: StoreSetup): Promise<Store | undefined> {
  const answers = new Waiting<unknown>();
  let last = 0;
  const ask = (method: Method, args: unknown[]) => {
    const id = ++last;
    worker.postMessage({ id, method, args } satisfies Question, owned(args));
    return answers.wait(id);
  };
  const methods = METHODS.map((method) => [method, (...args: unknown[]) => ask(method, args)]);
  return new Promise((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<Answer | 'ready'>) => {
      if (data === 'ready') return resolve(Object.fromEntries(methods));
      answers.answer('failure' in data ? StorageFailure.of(data.failure) : data.value, data.id);
    };
    worker.onerror = () => {
      resolve(undefined);
      answers.fail(new StorageFailure('io', STORER));
    };
    worker.postMessage(setup);
  });
}

/** What the second worker does, once it was told what storages to make. */
export function serveStorages(make: (setup: StoreSetup) => Storages): void {
  let storages: Storages;
  addEventListener('message', async ({ data }: MessageEvent<StoreSetup | Question>) => {
    if (!('method' in data)) {
      storages = make(data);
      return postMessage('ready');
    }
    const { id, method, args } = data;
    try {
      const value = await (storages[method] as (...args: unknown[]) => unknown).apply(storages, args);
      postMessage({ id, value } satisfies Answer, { transfer: owned([value]) });
    } catch (error) {
      const { kind, file, limit } = StorageFailure.of(error);
      postMessage({ id, failure: { kind, file, limit } });
    }
  });
}

/** The buffers that can be handed over: those that nothing else is in. */
function owned(values: unknown[]): Transferable[] {
  return values.flatMap((value) =>
    value instanceof Uint8Array && value.byteLength === value.buffer.byteLength ? [value.buffer] : [],
  );
}

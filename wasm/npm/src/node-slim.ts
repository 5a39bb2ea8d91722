import { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { BaseClient, type ClientOptions } from './client.js';
import type { WasmSource } from './messages.js';
import { spawnThread } from './thread.js';

export * from './public.js';

/** Node's client that is given its module; in Node the worker's code is always beside it. */
export class Client extends BaseClient {
  constructor(options: ClientOptions & { wasm: WasmSource | URL }) {
    const wasm = options.wasm instanceof URL ? fileURLToPath(options.wasm) : options.wasm;
    const start = () => new Worker(new URL('./worker-node.js', import.meta.url));
    super(options, { wasm, spawn: () => spawnThread(start()) });
  }
}

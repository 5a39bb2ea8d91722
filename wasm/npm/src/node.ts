import { Worker } from 'node:worker_threads';
import { BaseClient, type ClientOptions } from './client.js';
import { spawnThread } from './thread.js';
import { fileURLToPath } from 'node:url';

export * from './public.js';

/** A client whose engine runs in a thread of its own. */
export class Client extends BaseClient {
  constructor(options: ClientOptions = {}) {
    super(options, {
      wasm: fileURLToPath(new URL('./gannet.wasm', import.meta.url)),
      spawn: () => spawnThread(new Worker(new URL('./worker-node.js', import.meta.url))),
    });
  }
}

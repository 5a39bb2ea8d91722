import { Worker } from 'node:worker_threads';
import { BaseClient, type ClientOptions } from './client.js';
import type { Port } from './messages.js';
import { fileURLToPath } from 'node:url';

export * from './public.js';

/** A client whose engine runs in a thread of its own. */
export class Client extends BaseClient {
  constructor(options: ClientOptions = {}) {
    super(options, {
      wasm: fileURLToPath(new URL('./gannet.wasm', import.meta.url)),
      spawn: () => spawn(new Worker(new URL('./worker-node.js', import.meta.url))),
    });
  }
}

function spawn(worker: Worker): Port {
  // A program that has nothing else to do waits for its downloads, not for an idle thread.
  return {
    postMessage: (message, transfer = []) => worker.postMessage(message, transfer as never[]),
    onMessage: (handler) => {
      worker.on('message', handler);
      worker.on('error', (error: Error) => handler({ failed: `the worker has failed: ${error.message}` }));
    },
    terminate: () => void worker.terminate(),
  };
}

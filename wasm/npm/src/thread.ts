import type { Worker } from 'node:worker_threads';
import type { Port } from './messages.js';

/** Node's end of the channel to a thread. */
export function spawnThread(worker: Worker): Port {
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

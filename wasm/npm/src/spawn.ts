import type { Port } from './messages.js';

/** The page's end of the channel to a browser's worker. */
export function spawn(worker: Worker): Port {
  return {
    postMessage: (message, transfer = []) => worker.postMessage(message, transfer),
    onMessage: (handler) => {
      worker.onmessage = (event) => handler(event.data);
      worker.onerror = (event) => {
        handler({ failed: `the worker has failed: ${event.message ?? 'it could not be loaded'}` });
      };
    },
    terminate: () => worker.terminate(),
  };
}

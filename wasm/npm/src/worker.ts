import { GannetError } from './errors.js';
import type { Platform } from './worker/engine.js';
import { serve } from './worker/serve.js';
import { STORER, type StoreSetup, elsewhere, serveStorages } from './worker/storage/elsewhere.js';
import { Budget, MemoryStorage } from './worker/storage/memory.js';
import { OpfsStorage, canUseOpfs } from './worker/storage/opfs.js';
import { Storages } from './worker/storage/storages.js';

const platform: Platform = {
  async storages(setup) {
    if (setup.storage === 'disk') {
      throw new GannetError('StorageError', "a page has no disk: use storage: 'opfs'");
    }
    if (setup.storage === 'opfs' && !(await canUseOpfs())) {
      throw new GannetError(
        'StorageError',
        "this browser refuses its own storage here (some do in private windows): use storage: 'memory'",
      );
    }
    return (await second(setup)) ?? storages(setup);
  },
  socket: (url) => new WebSocket(url),
};

function storages({ storage, memoryLimit }: StoreSetup): Storages {
  const budget = new Budget(memoryLimit);
  return new Storages((description) =>
    storage === 'opfs' ? new OpfsStorage(description) : new MemoryStorage(description, budget),
  );
}

/** Storages in a second worker, where a page may have one and the browser hashes by itself. */
async function second({ storage, memoryLimit }: StoreSetup) {
  // The module that hashes for a page that came over plain HTTP is only in the engine's worker.
  if (!globalThis.crypto?.subtle) return undefined;
  try {
    const worker = new Worker(location.href, { type: 'module', name: STORER });
    return await elsewhere(worker, { storage, memoryLimit });
  } catch {
    // Refused by the page's policy.
    return undefined;
  }
}

if (self.name === STORER) {
  serveStorages(storages);
} else {
  const answer = serve((message, transfer) => postMessage(message, { transfer: transfer ?? [] }), platform);
  addEventListener('message', (event) => answer(event.data));
}

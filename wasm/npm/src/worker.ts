import { GannetError } from './errors.js';
import { HASHER, Hasher, serveHashes } from './worker/hasher.js';
import { serve } from './worker/serve.js';
import type { Platform } from './worker/engine.js';
import { Budget, MemoryStorage } from './worker/storage/memory.js';
import { OpfsStorage, canUseOpfs } from './worker/storage/opfs.js';

const platform = (): Platform => ({
  async shelf({ storage, memoryLimit }) {
    if (storage === 'memory') {
      const budget = new Budget(memoryLimit);
      return (description) => new MemoryStorage(description, budget);
    }
    if (storage === 'disk') {
      throw new GannetError('StorageError', "a page has no disk: use storage: 'opfs'");
    }
    if (!(await canUseOpfs())) {
      throw new GannetError(
        'StorageError',
        "this browser refuses its own storage here (some do in private windows): use storage: 'memory'",
      );
    }
    return (description) => new OpfsStorage(description);
  },
  socket: (url) => new WebSocket(url),
  hash: hashing(),
});

function hashing(): Platform['hash'] {
  const hasher = new Hasher(() => new Worker(location.href, { type: 'module', name: HASHER }));
  return (piece) => hasher.hash(piece);
}

if (self.name === HASHER) {
  serveHashes();
} else {
  const answer = serve((message, transfer) => postMessage(message, { transfer: transfer ?? [] }), platform());
  addEventListener('message', (event) => answer(event.data));
}

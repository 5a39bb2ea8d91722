import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { GannetError } from './errors.js';
import type { Platform } from './worker/engine.js';
import { serve } from './worker/serve.js';
import { FolderStorage } from './worker/storage/folder.js';
import { Budget, MemoryStorage } from './worker/storage/memory.js';
import { Storages } from './worker/storage/storages.js';

const Socket: typeof WebSocket | undefined = globalThis.WebSocket ?? (await loadWs());

async function loadWs(): Promise<typeof WebSocket | undefined> {
  try {
    return (await import('ws')).WebSocket as unknown as typeof WebSocket;
  } catch {
    return undefined;
  }
}

const platform: Platform = {
  async storages({ storage, memoryLimit, folder }) {
    if (storage === 'opfs') {
      throw new GannetError('StorageError', "Node has no browser storage: use storage: 'disk'");
    }
    if (storage === 'disk') {
      if (!folder) throw new GannetError('StorageError', "storage: 'disk' needs a folder");
      return new Storages((description, wanted) => new FolderStorage(folder, description, wanted));
    }
    const budget = new Budget(memoryLimit);
    return new Storages((description) => new MemoryStorage(description, budget));
  },
  socket: (url) => {
    if (!Socket) throw new GannetError('RelayError', 'Node 20 needs the package `ws` for relays');
    return new Socket(url);
  },
  load: readFile,
};

const port = parentPort!;
const answer = serve((message, transfer) => port.postMessage(message, transfer as never[]), platform);
port.on('message', answer);

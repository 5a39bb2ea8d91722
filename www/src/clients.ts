import { Client } from 'gannet';
import type { Settings } from './config.js';

export type Keeping = 'opfs' | 'memory';

/**
 * The package's clients: one for each list of relays and each kind of storage in use, since both are
 * a client's for all its torrents. Almost always there is one.
 */
export class Clients {
  readonly #clients = new Map<string, Client>();
  #limits: { download: number | null; upload: number | null } = { download: null, upload: null };

  /** The client for some relays. */
  of(relays: string[], storage: Keeping): Client {
    const key = JSON.stringify([storage, ...relays]);
    let client = this.#clients.get(key);
    if (!client) {
      client = new Client({ relays, storage });
      this.#clients.set(key, client);
      void client.setLimits(this.#limits).catch(() => this.#clients.delete(key));
    }
    return client;
  }

  /** One that contacts nobody: it only reads what is handed to it. */
  reader(): Client {
    return this.of([], 'memory');
  }

  limit({ downloadLimit, uploadLimit }: Settings): void {
    this.#limits = { download: downloadLimit, upload: uploadLimit };
    for (const client of this.#clients.values()) void client.setLimits(this.#limits).catch(() => {});
  }
}

/** What the browser says of its storage. */
export interface Room {
  storage: Keeping;
  /** Bytes that still fit; `null` if the browser doesn't say. */
  free: number | null;
}

/** Asks the browser where downloads can be kept, and how much fits. */
export async function room(): Promise<Room> {
  try {
    await navigator.storage.getDirectory();
    const { quota, usage } = await navigator.storage.estimate();
    return { storage: 'opfs', free: quota === undefined ? null : quota - (usage ?? 0) };
  } catch {
    return { storage: 'memory', free: null };
  }
}

import type { ClientOptions } from './client.js';
import { Client as SlimClient } from './slim.js';
import wasm from '#wasm-base64';

export * from './public.js';

/** A client in one file: code, worker and module. */
export class Client extends SlimClient {
  constructor(options: ClientOptions = {}) {
    super({ ...options, wasm: Uint8Array.from(atob(wasm), (c) => c.charCodeAt(0)) });
  }
}

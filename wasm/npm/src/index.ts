import { BaseClient, type ClientOptions } from './client.js';
import { spawn } from './spawn.js';

export * from './public.js';

/** A client whose engine runs in a worker beside this module. */
export class Client extends BaseClient {
  constructor(options: ClientOptions = {}) {
    super(options, {
      wasm: new URL('./gannet.wasm', import.meta.url).href,
      spawn: () => spawn(new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })),
    });
  }
}

import { BaseClient, type ClientOptions } from './client.js';
import { spawn } from './spawn.js';

export * from './public.js';

/**
 * Vite's dev server serves this module from a folder of its own, without the files beside it; they
 * are in the package then. (Not written as bundlers expect it, so that none looks for that folder.)
 */
const here: string = import.meta.url;
const isMoved = here.includes('/.vite/deps');
const elsewhere = (file: string) => new URL(`../../gannet/dist/${file}`, here);

/** A client whose engine runs in a worker beside this module. */
export class Client extends BaseClient {
  constructor(options: ClientOptions = {}) {
    const wasm = isMoved ? elsewhere('gannet.wasm') : new URL('./gannet.wasm', import.meta.url);
    super(options, { wasm: wasm.href, spawn: () => spawn(start()) });
  }
}

function start(): Worker {
  return isMoved
    ? new Worker(elsewhere('worker.js'), { type: 'module' })
    : new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
}

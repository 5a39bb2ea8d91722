import { BaseClient, type ClientOptions } from './client.js';
import type { WasmSource } from './messages.js';
import { spawn } from './spawn.js';
import source from '#worker-source';

export * from './public.js';

/** A client that loads nothing by itself: its worker's code is in here, the module is given to it. */
export class Client extends BaseClient {
  /** `wasm` is what the package has as `gannet/gannet.wasm`: its bytes, compiled, or its URL. */
  constructor(options: ClientOptions & { wasm: WasmSource | URL }) {
    const wasm = options.wasm instanceof URL ? options.wasm.href : options.wasm;
    super(options, { wasm, spawn: () => spawnSource(source) });
  }
}

function spawnSource(code: string) {
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module' });
  // The worker fetches its code before it answers anything.
  const port = spawn(worker);
  return { ...port, terminate: () => (port.terminate(), URL.revokeObjectURL(url)) };
}

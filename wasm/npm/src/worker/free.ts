/** After so many buffers the browser is made to collect what is left of them. */
const COLLECT_EVERY = 1024;
/** More garbage in a worker than Chromium puts up with. */
const PRESSURE_BYTES = 64 * 1024 * 1024;

const { port1: nowhere, port2 } = new MessageChannel();
port2.close();
let freed = 0;

/**
 * Gives a buffer's memory back, for the next message to lie in. Left alone, a browser keeps what a
 * socket or another worker brought until garbage is collected, and Chromium waits for 64 MiB of it;
 * what is handed over to a port with nobody behind it goes at once.
 */
export function free(buffer: ArrayBuffer): void {
  nowhere.postMessage(0, [buffer]);
  if (++freed % COLLECT_EVERY > 0) return;
  try {
    // What remains of each is small, and counts for nothing. This counts, yet nobody writes into it: it takes no memory.
    new ArrayBuffer(PRESSURE_BYTES);
  } catch { /* no address is free for so much */ }
}

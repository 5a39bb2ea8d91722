// The built page on a static server of its own, with or without a `gannet.json` beside it.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** Where `cargo xtask www` has put the page. */
export const BUILT = process.env.GANNET_TEST_PAGE ?? fileURLToPath(new URL('../../../target/www', import.meta.url));

/**
 * Serves the page on loopback; `routes` has more, by path: what is answered, or a function that
 * answers. Remembers which paths were asked for.
 */
export async function host(routes = {}) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    asked.push(pathname);
    const file = path.join(BUILT, path.normalize(pathname === '/' ? 'index.html' : pathname));
    const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
    const route = routes[pathname];
    if (typeof route === 'function') return route(request, response);
    if (route !== undefined) return response.setHeader('content-type', type).end(route);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return response.writeHead(404).end();
    response.setHeader('content-type', type);
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    asked,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

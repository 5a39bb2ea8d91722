// What the examples download, and from whom: a server, a relay, and a seeder behind it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { File } from 'node:buffer';
import { createHash } from 'node:crypto';
import { relay } from '../support/relay.mjs';
import { payload } from '../support/torrents.mjs';

export const bytes = payload(3 * 256 * 1024 + 4321);
export const digest = createHash('sha256').update(bytes).digest('hex');

/** Any page may read what this server has, in parts too. */
const answer = (torrentFile) => (request, response) => {
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('access-control-allow-headers', 'range');
  if (request.method === 'OPTIONS') return response.end();
  if (request.url === '/film.torrent') return response.end(torrentFile);
  if (request.url !== '/film.mp4') return response.writeHead(404).end();
  const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range) ?? [, 0, bytes.length];
  response.writeHead(206).end(bytes.subarray(Number(start), Number(last) + 1));
};

/** Starts all of it; `Client` is the package's, for the seeder. */
export async function swarm(Client) {
  const joining = await relay();
  const seeder = new Client({ relays: [joining.url] });
  const { torrentFile } = await seeder.seed(new File([bytes], 'film.mp4'));
  const web = createServer(answer(torrentFile)).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const home = `http://127.0.0.1:${web.address().port}`;
  return {
    home,
    /** An example with the addresses that exist here: all else stays as it is written. */
    here: (code) =>
      code.replaceAll('https://example.org', home).replaceAll('wss://relay.example', joining.url),
    async close() {
      await seeder.close();
      await joining.close();
      web.closeAllConnections();
      await new Promise((resolve) => web.close(resolve));
    },
  };
}

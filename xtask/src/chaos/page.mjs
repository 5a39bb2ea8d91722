// A download with the npm package, in Node: tells what comes as `gannet get --json` does.
//   node page.mjs PACKAGE TORRENT FOLDER RELAY…
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

const GLANCE_MILLIS = 50;

const [entry, file, folder, ...relays] = process.argv.slice(2);
const { Client } = await import(pathToFileURL(entry).href);

const tell = (event, more) => console.log(JSON.stringify({ event, ...more }));

async function tellPieces(torrent) {
  for (const { kind, piece } of await torrent.log()) {
    if (kind === 'piece') tell('piece', { piece });
  }
}

const client = new Client({ relays, storage: 'disk', folder });
const torrent = await client.add(await readFile(file));
tell('checked', { pieces_have: (await torrent.stats()).pieces_at_start });
for await (const stats of torrent.progress({ interval: GLANCE_MILLIS })) {
  await tellPieces(torrent);
  tell('stats', { peers_connected: stats.peers_connected });
}
await torrent.done;
await tellPieces(torrent);
tell('done', { torrents: [await torrent.stats()] });
await client.close();

// Pages that exchange pieces with each other through a relay, in Node.
import assert from 'node:assert/strict';
import { File } from 'node:buffer';
import { after, test } from 'node:test';
import { Client } from '../dist/node.js';
import { relay } from './support/relay.mjs';
import { payload } from './support/torrents.mjs';

const LIMIT = { timeout: 40_000 };
const ends = [];
after(() => Promise.all(ends.map((one) => one.close())));

const ending = (one) => {
  ends.push(one);
  return one;
};
const bytesOf = async (file) => Buffer.from(await (await file.blob()).arrayBuffer());

test('a page downloads from another that seeds, knowing only its link', LIMIT, async () => {
  const { url } = ending(await relay());
  const bytes = payload(8 * 1024 * 1024 + 99, 11);
  const seeder = ending(new Client({ relays: [url] }));
  const seeded = await seeder.seed(new File([bytes], 'film.bin'));
  const leecher = ending(new Client({ relays: [url] }));
  const torrent = await leecher.add(seeded.magnet);
  assert.equal(torrent.name, 'film.bin');
  await torrent.done;
  assert.deepEqual(await bytesOf(torrent.files[0]), bytes);
  const stats = await torrent.stats();
  assert.equal(stats.peers[0].pieces_good, stats.pieces);
});

test('when the relay dies the next one takes over, and nothing is lost', LIMIT, async () => {
  const first = await relay();
  const second = ending(await relay());
  const relays = [first.url, second.url];
  const bytes = payload(16 * 1024 * 1024, 12);
  const seeder = ending(new Client({ relays }));
  const seeded = await seeder.seed([new File([bytes.subarray(0, 5_000_000)], 'a'),
    new File([bytes.subarray(5_000_000)], 'b')], { name: 'two' });
  const leecher = ending(new Client({ relays }));
  const torrent = await leecher.add(seeded.torrentFile);
  let had = 0;
  for await (const stats of torrent.progress({ interval: 5 })) {
    had = stats.pieces_have;
    if (had > 10) break;
  }
  await first.close();
  await torrent.done;
  assert.deepEqual(Buffer.concat([await bytesOf(torrent.files[0]), await bytesOf(torrent.files[1])]), bytes);
  const stats = await torrent.stats();
  assert.ok(stats.downloaded_bytes < bytes.length * 1.5, `${stats.downloaded_bytes}`);
});

test('without any relay in reach that is told, and the torrent waits', LIMIT, async () => {
  const gone = await relay();
  await gone.close();
  const client = ending(new Client({ relays: [gone.url] }));
  const bytes = payload(100_000, 13);
  const { torrent } = await import('./support/torrents.mjs');
  const added = await client.add(torrent(bytes).content);
  while (!added.relayError) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(added.relayError.name, 'RelayError');
  assert.equal((await added.stats()).state, 'downloading');
});

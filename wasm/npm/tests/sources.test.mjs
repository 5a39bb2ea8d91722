// Downloads from the caller's functions alone: no relay, no peer.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Client, GannetError, GoneError } from '../dist/node.js';
import { fullSource, payload, torrent } from './support/torrents.mjs';

const LIMIT = { timeout: 10_000 };
const clients = [];
const folders = [];

function client(options) {
  const made = new Client(options);
  clients.push(made);
  return made;
}

async function folder() {
  const made = await mkdtemp(path.join(tmpdir(), 'gannet-'));
  folders.push(made);
  return made;
}

after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
});

const bytesOf = async (file) => Buffer.from(await (await file.blob()).arrayBuffer());

test('functions download a torrent, some failing, one leaving, one joining late', LIMIT, async () => {
  const bytes = payload(64 * 32 * 1024 + 777);
  const made = torrent(bytes);
  const good = fullSource(bytes, made);
  let asked = 0;
  const failing = async () => {
    throw new Error('not today');
  };
  const leaving = async (piece) => {
    if (++asked > 3) throw new GoneError('that is all');
    return good(piece);
  };
  const torrentOf = await client().add(made.content, {
    maxRetries: 2,
    sources: [{ name: 'failing', fetch: failing }, { name: 'leaving', fetch: leaving }],
  });
  const late = new Promise((resolve) => setTimeout(resolve, 300)).then(() =>
    torrentOf.addSource({ name: 'late', fetch: good }),
  );
  await torrentOf.done;
  await late;
  assert.deepEqual(await bytesOf(torrentOf.files[0]), bytes);
  const stats = await torrentOf.stats();
  assert.equal(stats.state, 'seeding');
  const row = (name) => stats.peers.find((peer) => peer.name === name);
  assert.equal(row('failing').pieces_good, 0);
  assert.ok(row('leaving').pieces_good <= 3 && !row('leaving').connected);
  assert.ok(row('late').pieces_good >= 60);
});

test('a corrupt piece is never kept and its sender is banned', LIMIT, async () => {
  const bytes = payload(20 * 32 * 1024, 2);
  const made = torrent(bytes);
  const good = fullSource(bytes, made);
  const liar = async (piece) => Buffer.from(await good(piece)).reverse();
  const torrentOf = await client().add(made.content, {
    sources: [{ name: 'liar', fetch: liar }, { name: 'honest', fetch: good }],
  });
  await torrentOf.done;
  assert.deepEqual(await bytesOf(torrentOf.files[0]), bytes);
});

test('progress has the schema of the command line and ends when all is there', LIMIT, async () => {
  const bytes = payload(10 * 32 * 1024, 3);
  const made = torrent(bytes);
  const torrentOf = await client().add(made.content, { sources: [fullSource(bytes, made)] });
  const seen = [];
  for await (const stats of torrentOf.progress({ interval: 50 })) seen.push(stats);
  const last = seen.at(-1);
  assert.equal(last.schema, 1);
  assert.equal(last.have_bytes, bytes.length);
  assert.equal(last.info_hash, made.infoHash);
});

test('a stream gives bytes in order while the rest is missing, and only what was asked', LIMIT, async () => {
  const bytes = payload(40 * 32 * 1024, 4);
  const made = torrent(bytes);
  const order = [];
  const good = fullSource(bytes, made);
  const slow = async (piece) => {
    order.push(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return good(piece);
  };
  const torrentOf = await client().add(made.content, { sources: [slow], maxWorkers: 1 });
  const [start, end] = [30 * 32 * 1024 + 5, 33 * 32 * 1024 + 9];
  const parts = [];
  for await (const part of torrentOf.files[0].stream({ start, end })) parts.push(part);
  assert.deepEqual(Buffer.concat(parts), bytes.subarray(start, end));
  assert.ok(order.length < 20, `the window came first: ${order}`);
});

test('only chosen files are downloaded, and several files are told apart', LIMIT, async () => {
  const files = [['a.txt', 50_000], ['deep/b.txt', 70_001], ['c.txt', 1]];
  const bytes = payload(120_002, 5);
  const made = torrent(bytes, { name: 'folder', files });
  const dir = await folder();
  const torrentOf = await client({ storage: 'disk', folder: dir }).add(made.content, {
    files: ({ path }) => path.endsWith('b.txt'),
    sources: [fullSource(bytes, made)],
  });
  await torrentOf.done;
  const b = await readFile(path.join(dir, 'folder/deep/b.txt'));
  assert.deepEqual(b, bytes.subarray(50_000, 120_001));
  assert.deepEqual(torrentOf.files.map((file) => file.path), [
    'folder/a.txt', 'folder/deep/b.txt', 'folder/c.txt',
  ]);
});

test('what is on the disk is not downloaded again', LIMIT, async () => {
  const bytes = payload(30 * 32 * 1024, 6);
  const made = torrent(bytes);
  const dir = await folder();
  const first = client({ storage: 'disk', folder: dir });
  const torrentOf = await first.add(made.content, { sources: [fullSource(bytes, made)] });
  await torrentOf.done;
  await first.close();
  assert.deepEqual(await readdir(dir), ['file.bin']);
  const again = await client({ storage: 'disk', folder: dir }).add(made.content);
  await again.done;
  assert.equal((await again.stats()).downloaded_bytes, 0);
});

test('memory that is full is an error that names browser storage', LIMIT, async () => {
  const bytes = payload(10 * 32 * 1024, 7);
  const made = torrent(bytes);
  const small = client({ memoryLimit: 100_000 });
  const torrentOf = await small.add(made.content, { sources: [fullSource(bytes, made)] });
  await assert.rejects(torrentOf.done, (error) => {
    assert.ok(error instanceof GannetError);
    assert.equal(error.name, 'MemoryLimitError');
    assert.match(error.message, /opfs/);
    return true;
  });
});

test('errors have names, and a signal ends what waits', LIMIT, async () => {
  const one = client();
  await assert.rejects(one.add(Buffer.from('no torrent')), { name: 'TorrentError' });
  await assert.rejects(one.add('magnet:?xt=urn:btih:zz'), { name: 'TorrentError' });
  const made = torrent(payload(100_000, 8));
  await assert.rejects(one.add(made.content, { files: [3] }), { name: 'SelectionError' });
  const torrentOf = await one.add(made.content);
  await assert.rejects(one.add(made.content), { name: 'DuplicateError' });
  await assert.rejects(torrentOf.addPeer('nowhere'), { name: 'AddressError' });
  const signal = AbortSignal.timeout(50);
  await assert.rejects(torrentOf.files[0].blob({ signal }), { name: 'TimeoutError' });
  const magnet = `magnet:?xt=urn:btih:${'ab'.repeat(20)}`;
  await assert.rejects(one.add(magnet, { signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' });
  await torrentOf.remove();
  await assert.rejects(torrentOf.done, { name: 'RemovedError' });
});

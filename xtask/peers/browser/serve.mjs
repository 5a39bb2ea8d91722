// Serves the files of some folders over HTTP on loopback, with byte ranges: a web seed is no more.
// What a page posts to `/mail/NAME` is given to whoever asks for it, before or after.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
const STEP_BYTES = 1 << 20;

/** Looks for a file in one folder after the other. */
export async function serve(folders) {
  const mails = new Map();
  const mail = (name) => {
    if (!mails.has(name)) {
      const made = {};
      made.promise = new Promise((resolve) => (made.resolve = resolve));
      mails.set(name, made);
    }
    return mails.get(name);
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const answered = pathname.startsWith('/mail/')
      ? post(mail(path.basename(pathname)), request, response)
      : answer(folders, pathname, request, response);
    answered.catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    mail: (name) => mail(name).promise,
  };
}

async function post(mail, request, response) {
  response.setHeader('access-control-allow-origin', '*');
  if (request.method !== 'POST') return response.end(await mail.promise);
  mail.resolve(Buffer.concat(await request.toArray()));
  response.end();
}

async function answer(folders, pathname, request, response) {
  const found = await find(folders.map((folder) => path.join(folder, path.normalize(pathname))));
  // A page needs no picture.
  if (pathname === '/favicon.ico') return response.writeHead(204).end();
  if (!found) return response.writeHead(404).end();
  const { file, size } = found;
  const { start, end, status } = range(request.headers.range, size);
  response.writeHead(status, {
    'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream',
    'content-length': end - start + 1,
    ...(status === 206 && { 'content-range': `bytes ${start}-${end}/${size}` }),
    'accept-ranges': 'bytes',
    'cache-control': 'no-store',
  });
  if (request.method === 'HEAD') return response.end();
  const stream = createReadStream(file, { start, end, highWaterMark: STEP_BYTES });
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

async function find(files) {
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile()) return { file, size: found.size };
  }
}

function range(header, size) {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === undefined) return { start: 0, end: size - 1, status: 200 };
  return { start: Number(from), end: to ? Math.min(Number(to), size - 1) : size - 1, status: 206 };
}

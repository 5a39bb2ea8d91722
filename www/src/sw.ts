// Answers a player's range requests from the page that downloads. Everything else goes past it.
import type { Asked, Part, Told } from './sw-messages.js';

interface Clients {
  claim(): Promise<void>;
  get(id: string): Promise<{ postMessage(message: Asked, transfer: Transferable[]): void } | undefined>;
}

interface FetchEvent extends Event {
  request: Request;
  clientId: string;
  respondWith(response: Promise<Response>): void;
}

interface Scope extends EventTarget {
  clients: Clients;
  registration: { scope: string };
  skipWaiting(): Promise<void>;
}

const scope = self as unknown as Scope;

scope.addEventListener('install', () => void scope.skipWaiting());
scope.addEventListener('activate', (event) => {
  (event as Event & { waitUntil(until: Promise<void>): void }).waitUntil(scope.clients.claim());
});

scope.addEventListener('fetch', (event) => {
  const { request, clientId, respondWith } = event as FetchEvent;
  const prefix = `${scope.registration.scope}stream/`;
  if (request.url.startsWith(prefix)) respondWith.call(event, play(request, request.url.slice(prefix.length), clientId));
});

async function play(request: Request, key: string, clientId: string): Promise<Response> {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '') ?? [];
  const client = await scope.clients.get(clientId);
  if (!client) return new Response(null, { status: 404 });
  const { port1: port, port2 } = new MessageChannel();
  const first = new Promise<Told>((resolve) => {
    port.onmessage = ({ data }) => resolve(data);
  });
  client.postMessage({ key, start: Number(from ?? 0), end: to ? Number(to) + 1 : null }, [port2]);
  const told = await first;
  if ('missing' in told) return new Response(null, { status: 404 });
  if (told.start >= told.length) {
    return new Response(null, { status: 416, headers: { 'content-range': `bytes */${told.length}` } });
  }
  return new Response(body(port), { status: from === undefined ? 200 : 206, headers: headers(told) });
}

function headers({ type, start, end, length }: Exclude<Told, { missing: true }>): HeadersInit {
  return {
    'accept-ranges': 'bytes',
    'content-length': String(end - start),
    'content-range': `bytes ${start}-${end - 1}/${length}`,
    'content-security-policy': "sandbox; default-src 'none'",
    'content-type': type,
    'x-content-type-options': 'nosniff',
  };
}

function body(port: MessagePort): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    pull: (controller) => new Promise((resolve) => {
      port.onmessage = ({ data: { bytes } }: MessageEvent<Part>) => {
        if (bytes) controller.enqueue(bytes);
        else controller.close();
        resolve();
      };
      port.postMessage('more');
    }),
    cancel: () => port.postMessage('stop'),
  }, { highWaterMark: 0 });
}

// The page's half of playing while downloading: it answers the service worker's questions.
import type { TorrentFile } from 'gannet';
import type { Download } from './download.js';
import type { Kind } from './kinds.js';
import type { Asked } from './sw-messages.js';

interface Playing {
  file: TorrentFile;
  type: string;
  signal: AbortSignal;
}

const playing = new Map<string, Playing>();
let listening = false;
let numbers = 0;

/** A URL that a player can read in ranges. While all is here none of that is needed: a blob will do. */
export async function mediaUrl(download: Download, file: TorrentFile, kind: Kind, signal: AbortSignal): Promise<string> {
  if (download.isComplete || !navigator.serviceWorker) {
    const blob = await file.blob({ signal });
    const url = URL.createObjectURL(new Blob([blob], { type: kind.type }));
    signal.addEventListener('abort', () => URL.revokeObjectURL(url));
    return url;
  }
  await controlled();
  const key = `${download.infoHash}-${file.index}-${++numbers}`;
  playing.set(key, { file, type: kind.type, signal });
  signal.addEventListener('abort', () => playing.delete(key));
  return `./stream/${key}`;
}

/** Registers the service worker when somebody first plays something, and waits until it serves. */
async function controlled(): Promise<void> {
  const { serviceWorker } = navigator;
  if (!listening) serviceWorker.addEventListener('message', (event) => void answer(event));
  listening = true;
  await serviceWorker.register('./sw.js', { scope: './' });
  await serviceWorker.ready;
  if (serviceWorker.controller) return;
  await new Promise((resolve) => serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
}

/** Sends a range bit by bit, each when the last was taken: nothing piles up. */
async function answer({ data, ports }: MessageEvent<Asked>): Promise<void> {
  const [port] = ports;
  const wanted = playing.get(data.key);
  if (!port) return;
  if (!wanted) return port.postMessage({ missing: true });
  const { file, type, signal } = wanted;
  const { start, end } = { start: data.start, end: Math.min(data.end ?? file.length, file.length) };
  const stop = new AbortController();
  const reader = file.stream({ start, end, signal: AbortSignal.any([signal, stop.signal]) }).getReader();
  port.onmessage = async ({ data: word }: MessageEvent<'more' | 'stop'>) => {
    if (word === 'stop') return stop.abort();
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    port.postMessage({ bytes: done ? null : value });
  };
  port.postMessage({ type, start, end, length: file.length });
}

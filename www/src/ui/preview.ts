import type { TorrentFile } from 'gannet';
import { fill, h } from '../dom.js';
import type { Download } from '../download.js';
import { type Kind, previewable } from '../kinds.js';
import { mediaUrl } from '../media.js';
import { sentence } from '../sentences.js';
import { openDialog } from './dialog.js';
import { problem } from './notes.js';

/** What is shown of a text. */
const MAX_TEXT_BYTES = 64 * 1024;

/** Plays or shows a file, in the page, without running anything that is in it. */
export function openPreview(download: Download, file: TorrentFile): void {
  const kind = previewable(file.name);
  if (!kind) return;
  const body = h('div', { class: 'dialog-body preview' }, h('p', { class: 'muted', role: 'status' }, 'Loading…'));
  const opened = openDialog(file.name, () => [body]);
  opened.element.classList.add('wide');
  opened.element.querySelector('h2')?.setAttribute('dir', 'auto');
  content(download, file, kind, opened.signal)
    .then((shown) => fill(body, shown))
    .catch((error) => !opened.signal.aborted && fill(body, problem(sentence(error))));
}

async function content(download: Download, file: TorrentFile, kind: Kind, signal: AbortSignal): Promise<HTMLElement> {
  if (kind.as === 'text') return h('pre', { dir: 'auto', tabindex: 0 }, await beginning(file, signal));
  if (kind.as === 'image') return image(file, kind, signal);
  const src = await mediaUrl(download, file, kind, signal);
  const player = h(kind.as, { controls: true, autoplay: true, src, 'aria-label': file.name });
  player.addEventListener('error', () => player.replaceWith(problem({
    what: 'The browser can’t play this file.', todo: 'Save it, and open it with a player.',
  })), { once: true });
  signal.addEventListener('abort', () => {
    player.pause();
    player.removeAttribute('src');
  });
  return player;
}

/** An image element runs no scripts, whatever is in the file. */
async function image(file: TorrentFile, { type }: Kind, signal: AbortSignal): Promise<HTMLElement> {
  const blob = await file.blob({ signal });
  const url = URL.createObjectURL(new Blob([blob], { type }));
  signal.addEventListener('abort', () => URL.revokeObjectURL(url));
  return h('img', { src: url, alt: file.name });
}

async function beginning(file: TorrentFile, signal: AbortSignal): Promise<string> {
  const stream = file.stream({ end: MAX_TEXT_BYTES, signal });
  const text = await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
  return file.length > MAX_TEXT_BYTES ? `${text}\n…` : text;
}

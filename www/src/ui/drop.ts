import { h } from '../dom.js';

/** Takes what is dropped anywhere on the page: files, also those in folders, or text. */
export function acceptDrops(files: (files: File[]) => void, text: (text: string) => void): HTMLElement {
  const veil = h('div', { class: 'veil', 'aria-hidden': 'true' }, h('p', {}, 'Let go to open or share'));
  let depth = 0;
  const turn = (change: number) => {
    depth = Math.max(0, depth + change);
    veil.classList.toggle('shown', depth > 0);
  };
  addEventListener('dragenter', (event) => { event.preventDefault(); turn(1); });
  addEventListener('dragleave', () => turn(-1));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    turn(-depth);
    void taken(event.dataTransfer, files, text);
  });
  return veil;
}

async function taken(data: DataTransfer | null, files: (files: File[]) => void, text: (text: string) => void): Promise<void> {
  if (!data) return;
  // Entries are only there until this function first waits.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  const plain = [...data.files];
  const words = data.getData('text/uri-list') || data.getData('text/plain');
  const hasFolder = entries.some((entry) => entry.isDirectory);
  const found = hasFolder ? (await Promise.all(entries.map((entry) => filesIn(entry)))).flat() : plain;
  if (found.length > 0) files(found);
  else if (words) text(words);
}

async function filesIn(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    // Only files from a folder's own dialog know their path: the same is said here.
    const path = entry.fullPath.replace(/^\//, '');
    if (path.includes('/')) Object.defineProperty(file, 'webkitRelativePath', { value: path });
    return [file];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const all: File[] = [];
  for (;;) {
    // A folder is told in parts; an empty one is the last.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...(await Promise.all(some.map((inner) => filesIn(inner)))).flat());
  }
}

import { h } from '../dom.js';
import { fileOf, filesBelow, placed } from '../sharing.js';

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
  // What is dropped is only there until this function first waits.
  const items = [...data.items].filter(({ kind }) => kind === 'file');
  const handles = items.map((item) => (item as Handled).getAsFileSystemHandle?.().catch(() => null));
  const entries = items.map((item) => item.webkitGetAsEntry?.());
  const plain = [...data.files];
  const words = data.getData('text/uri-list') || data.getData('text/plain');
  const found = await byHandles(handles) ?? await byEntries(entries) ?? plain;
  if (found.length > 0) files(found);
  else if (words) text(words);
}

/** Some browsers' way to what is dropped, which leads there again later. */
interface Handled {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}

async function byHandles(promised: (Promise<FileSystemHandle | null> | undefined)[]): Promise<File[] | null> {
  const handles = await Promise.all(promised);
  if (!handles.every((handle) => handle !== null && handle !== undefined)) return null;
  const files = handles.map((handle) => (handle.kind === 'directory'
    ? filesBelow(handle as FileSystemDirectoryHandle)
    : fileOf(handle as FileSystemFileHandle).then((file) => [file])));
  return (await Promise.all(files)).flat();
}

async function byEntries(entries: (FileSystemEntry | null | undefined)[]): Promise<File[] | null> {
  const there = entries.filter((entry) => entry !== null && entry !== undefined);
  if (!there.some((entry) => entry.isDirectory)) return null;
  return (await Promise.all(there.map((entry) => filesIn(entry)))).flat();
}

async function filesIn(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [placed(file, entry.fullPath.replace(/^\//, ''))];
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

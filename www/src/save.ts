// Out of the browser's storage, onto the disk, without the file in memory.
import type { TorrentFile } from 'gannet';
import type { Download } from './download.js';
import { sentence } from './sentences.js';
import { tell } from './ui/notes.js';

/** The pickers that only some browsers have; TypeScript's own library lacks them. */
interface Pickers {
  showSaveFilePicker?(options: { suggestedName: string }): Promise<FileSystemFileHandle>;
  showDirectoryPicker?(options: { mode: 'readwrite' }): Promise<FileSystemDirectoryHandle>;
}

const pickers = globalThis as Pickers;
/** A browser reads a blob's URL after the press that asked for it. */
const REVOKE_MILLIS = 60_000;

/** Saves a download's files: a single one as itself, several into a folder. */
export async function saveAll(download: Download): Promise<void> {
  const files = wantedFiles(download);
  if (files.length === 1) return saveFile(files[0]!);
  await attempt(async () => {
    if (!pickers.showDirectoryPicker) {
      for (const file of files) await offer(file);
      return;
    }
    const folder = await pickers.showDirectoryPicker({ mode: 'readwrite' });
    for (const file of files) await file.saveTo(await created(folder, file.path.split('/')));
    tell(`${download.name} is saved.`);
  });
}

/** Saves one file; what isn't here yet is downloaded first, in order. */
export async function saveFile(file: TorrentFile): Promise<void> {
  await attempt(async () => {
    if (!pickers.showSaveFilePicker) return offer(file);
    const handle = await pickers.showSaveFilePicker({ suggestedName: file.name });
    await file.saveTo(await handle.createWritable());
    tell(`${file.name} is saved.`);
  });
}

export function wantedFiles({ torrent, record }: Download): TorrentFile[] {
  const files = torrent?.files ?? [];
  return record.files ? files.filter(({ index }) => record.files!.includes(index)) : files;
}

/** Where there is no picker: the browser saves it where it saves all downloads. */
async function offer(file: TorrentFile): Promise<void> {
  offerBlob(await file.blob(), file.name);
}

/** Saves; never opens: what strangers made must not run as a part of this page. */
export function offerBlob(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MILLIS);
}

async function created(root: FileSystemDirectoryHandle, path: string[]): Promise<FileSystemWritableFileStream> {
  let folder = root;
  for (const part of path.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
  const file = await folder.getFileHandle(path.at(-1)!, { create: true });
  return file.createWritable();
}

async function attempt(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    // The person closed the picker.
    if ((error as Error).name === 'AbortError') return;
    const { what, todo } = sentence(error);
    tell(`It could not be saved. ${what} ${todo}`);
  }
}

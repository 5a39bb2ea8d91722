// Files and folders of this device, chosen in the system's dialogs.
import { h } from '../dom.js';
import { fileOf, filesBelow } from '../sharing.js';
import { tell } from './notes.js';

/** What only some browsers have: files from it can be opened again. TypeScript's own library lacks it. */
interface Pickers {
  showOpenFilePicker?(options: { multiple: boolean }): Promise<FileSystemFileHandle[]>;
  showDirectoryPicker?(options: { mode: 'read' }): Promise<FileSystemDirectoryHandle>;
}

type Props = { accept?: string; multiple?: boolean; webkitdirectory?: boolean };
type Chosen = (files: File[]) => void;

/** A button that opens a dialog for files; it has its field beside it, as every browser knows it. */
export function chooser(title: string, props: Props, chosen: Chosen): HTMLElement {
  const input = field(props, chosen);
  input.setAttribute('aria-label', title);
  return h('span', {}, input, h('button', { type: 'button', onclick: () => input.click() }, title));
}

/** The same for files that are to be opened again later, where the browser has a way. */
export function sharer(title: string, props: Props, chosen: Chosen): HTMLElement {
  return h('button', { type: 'button', onclick: () => chooseFiles(props, chosen) }, title);
}

/** Opens the dialog that knows most. */
export function chooseFiles(props: Props, chosen: Chosen): void {
  const picked = props.webkitdirectory ? pickFolder() : pickFiles();
  if (!picked) return field(props, chosen).click();
  picked.then((files) => files.length > 0 && chosen(files)).catch((error: Error) => {
    // The person closed the dialog.
    if (error.name !== 'AbortError') tell(`The files can’t be read: ${error.message}`);
  });
}

function pickFiles(): Promise<File[]> | undefined {
  const { showOpenFilePicker } = globalThis as Pickers;
  return showOpenFilePicker?.({ multiple: true }).then((all) => Promise.all(all.map((handle) => fileOf(handle))));
}

function pickFolder(): Promise<File[]> | undefined {
  const { showDirectoryPicker } = globalThis as Pickers;
  return showDirectoryPicker?.({ mode: 'read' }).then((folder) => filesBelow(folder));
}

function field(props: Props, chosen: Chosen): HTMLInputElement {
  const input = h('input', {
    type: 'file', hidden: true, ...props, onchange: () => {
      const files = [...(input.files ?? [])];
      input.value = '';
      if (files.length > 0) chosen(files);
    },
  });
  return input;
}

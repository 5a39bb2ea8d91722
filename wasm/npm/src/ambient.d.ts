// What only workers have, beside the types of a page (the two sets of types exclude each other).

interface FileSystemSyncAccessHandle {
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

interface FileSystemFileHandle {
  createSyncAccessHandle(): Promise<FileSystemSyncAccessHandle>;
}

/** The worker's code as text, for entries that bring it along. */
declare module '#worker-source' {
  const source: string;
  export default source;
}

declare module '#wasm-base64' {
  const base64: string;
  export default base64;
}

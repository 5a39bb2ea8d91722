/** Why something didn't work: a stable `name` for programs, a sentence for people. */
export class GannetError extends Error {
  override name: ErrorName;

  constructor(name: ErrorName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
  }
}

/** The names that a {@link GannetError} can have. None is changed or removed. */
export type ErrorName =
  /** It is neither a .torrent file nor a magnet link, or a broken one. */
  | 'TorrentError'
  /** The torrent is there already. */
  | 'DuplicateError'
  /** A choice of files that the torrent doesn't have. */
  | 'SelectionError'
  /** Too many torrents, sources or connections. */
  | 'LimitError'
  /** A peer's address that isn't one. */
  | 'AddressError'
  /** Memory storage is full. */
  | 'MemoryLimitError'
  /** The browser's quota or the disk is full. */
  | 'QuotaError'
  /** The storage can't be used here, or fails. */
  | 'StorageError'
  /** No relay can be reached, or it refuses. */
  | 'RelayError'
  /** The torrent was removed, or the client closed. */
  | 'RemovedError'
  /** What was to be fetched couldn't be. */
  | 'FetchError'
  /** A fault of Gannet's own. */
  | 'InternalError';

const NAMES = new Set<string>([
  'TorrentError', 'DuplicateError', 'SelectionError', 'LimitError', 'AddressError',
  'MemoryLimitError', 'QuotaError', 'StorageError', 'RelayError', 'RemovedError', 'FetchError',
]);

/** An error as it crosses from one thread to the other. */
export interface PlainError {
  name: string;
  message: string;
}

export function toPlain(error: unknown): PlainError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message };
}

export function fromPlain({ name, message }: PlainError): GannetError {
  return NAMES.has(name)
    ? new GannetError(name as ErrorName, message)
    : new GannetError('InternalError', message);
}

/** How the engine's storage words become errors. */
export function storageError(kind: string, message: string): GannetError {
  if (kind === 'memory') {
    return new GannetError(
      'MemoryLimitError',
      `${message}; the browser's own storage holds more: new Client({ storage: 'opfs' })`,
    );
  }
  return new GannetError(kind === 'full' ? 'QuotaError' : 'StorageError', message);
}

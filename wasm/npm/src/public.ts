export type { AddTorrentOptions, ClientOptions, TorrentInput } from './client.js';
export { type ErrorName, GannetError } from './errors.js';
export type { Range, TorrentFile } from './file.js';
export { type Fetch, GoneError } from './sources.js';
export type { LogEntry, PeerStats, Span, State, Stats, TrackerStats } from './stats.js';
export { PIECE_HAVE, PIECE_IN_FLIGHT, PIECE_UNWANTED } from './torrent.js';
export type { Source, SourceHandle, Torrent } from './torrent.js';
export type { DescribedFile, Description } from './worker/host.js';

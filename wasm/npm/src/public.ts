export type { AddTorrentOptions, ClientOptions, TorrentInput } from './client.js';
export { type ErrorName, GannetError } from './errors.js';
export type { Range, TorrentFile } from './file.js';
export { type Fetch, GoneError } from './sources.js';
export type { PeerStats, Span, State, Stats, TrackerStats } from './stats.js';
export type { Source, SourceHandle, Torrent } from './torrent.js';

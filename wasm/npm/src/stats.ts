/**
 * Everything that is known of one torrent at one moment, in the schema of the command line's
 * `--json`. Fields may be added; none is changed or removed while `schema` stays what it is.
 */
export interface Stats {
  schema: number;
  info_hash: string | null;
  name: string | null;
  state: State;
  elapsed_seconds: number;
  /** The first request for a block, and the last wanted piece verified. */
  transfer: Span;
  total_bytes: number;
  /** Bytes of the pieces that are wanted. */
  wanted_bytes: number;
  /** Bytes of the wanted pieces that are verified. */
  have_bytes: number;
  pieces: number;
  pieces_wanted: number;
  pieces_have: number;
  /** Pieces checked so far, while `state` is `checking`. */
  pieces_checked: number;
  /** Pieces that were there when the download began. */
  pieces_at_start: number;
  downloaded_bytes: number;
  uploaded_bytes: number;
  duplicate_bytes: number;
  corrupt_bytes: number;
  failed_pieces: number;
  retries: number;
  download_bytes_per_second: number;
  upload_bytes_per_second: number;
  eta_seconds: number | null;
  /** Seconds from 99 % of the wanted pieces to all of them, once done. */
  last_percent_seconds: number | null;
  peers_connected: number;
  seeds_connected: number;
  peers_known: number;
  /** Bytes waiting in memory for their piece to be whole or written. */
  memory_bytes: number;
  trackers: TrackerStats[];
  /** One row per peer and source that ever took part, in the order they came. */
  peers: PeerStats[];
}

/** One line of a torrent's log. */
export interface LogEntry {
  /** Milliseconds since 1970. */
  at: number;
  /** A piece came, or was bad; a piece is asked for again; a peer joined, left, or was banned. */
  kind: 'piece' | 'bad_piece' | 'retry' | 'joined' | 'left' | 'banned';
  piece: number | null;
  /** Addresses of peers and names of sources. */
  names: string[];
}

/** What a torrent is doing. */
export type State =
  | 'metadata' | 'checking' | 'downloading' | 'seeding' | 'paused' | 'storage_error';

/** Start and end, in seconds since the torrent was added. */
export interface Span {
  start_seconds: number | null;
  end_seconds: number | null;
}

export interface TrackerStats {
  url: string;
  tier: number;
  seeders: number | null;
  leechers: number | null;
  error: string | null;
  next_seconds: number | null;
}

export interface PeerStats {
  /** Address of a peer, name of a source. */
  name: string;
  kind: 'outgoing' | 'incoming' | 'source';
  /** Client and version as the peer gives them: a stranger's text. */
  client: string | null;
  connected: boolean;
  /** Why it left, in a word, if it did. */
  left: string | null;
  banned: boolean;
  /** Share of the torrent that it has, 0 to 1. */
  progress: number;
  am_choking: boolean;
  am_interested: boolean;
  peer_choking: boolean;
  peer_interested: boolean;
  pieces_asked: number;
  pieces_good: number;
  pieces_failed: number;
  downloaded_bytes: number;
  uploaded_bytes: number;
  mean_latency_micros: number | null;
  download_bytes_per_second: number;
  mean_download_bytes_per_second: number;
  upload_bytes_per_second: number;
  /** 0 to 200; starts at 100. */
  score: number;
  requests_out: number;
  active: Span;
}

import type { Description, LogEntry, Stats, Torrent } from 'gannet';
import type { Keeping } from './clients.js';
import type { Record } from './library.js';
import { type Sentence, sentence } from './sentences.js';

/** Points of the speed chart; when there are more, every other one is dropped. */
const MAX_SAMPLES = 600;
/** Lines of the log that are kept; the oldest make room. */
const MAX_LOG_LINES = 5000;
/** Who brought a piece is told apart up to so many names. */
const MAX_NAMES = 255;

export interface Sample {
  seconds: number;
  download: number;
  upload: number;
}

/** `elsewhere`: another tab has it. `asking`: its files can't be read before the person says so. `failed`: it could not begin. */
export type Phase = 'starting' | 'elsewhere' | 'asking' | 'running' | 'failed';

/** One download as the page shows it: what the engine last told, and what happened before. */
export class Download extends EventTarget {
  phase: Phase = 'starting';
  torrent: Torrent | undefined;
  stats: Stats | undefined;
  problem: Sentence | undefined;
  pieces = new Uint8Array();
  samples: Sample[] = [];
  log: LogEntry[] = [];
  /** For each piece the number in `names` of who brought it, from one; zero if nobody did. */
  brought = new Uint8Array();
  names: string[] = [];
  /** Whether somebody looks at the pieces. */
  watched = false;
  #sampleEvery = 1;
  #lastSample = -1;
  #listeningTo: Promise<void> | undefined;

  constructor(
    readonly record: Record, public storage: Keeping, readonly description: Description | undefined,
  ) {
    super();
  }

  /** Its files were chosen from this device. */
  get isOwn(): boolean {
    return this.record.own !== undefined;
  }

  /** What nobody could have from this tab, or what only this tab has, if it were closed now. */
  get isLostWithTab(): boolean {
    const { stats, record: { own } } = this;
    if (this.phase !== 'running' || !stats) return false;
    if (!own) return this.storage === 'memory' && stats.have_bytes > 0;
    return own.kept === 'nothing' || stats.peers.some(({ connected, kind, progress }) => connected && kind !== 'source' && progress < 1);
  }

  get infoHash(): string {
    return this.record.infoHash;
  }

  get name(): string {
    return this.record.name;
  }

  get isComplete(): boolean {
    const { stats } = this;
    return stats !== undefined && stats.pieces > 0 && stats.pieces_have === stats.pieces_wanted;
  }

  /** Asks the engine how things are. */
  async refresh(): Promise<void> {
    const { torrent } = this;
    if (!torrent) return;
    try {
      const [stats, log] = await Promise.all([torrent.stats(), torrent.log()]);
      this.stats = stats;
      this.#sample(stats);
      this.#note(log);
      if (this.watched) this.pieces = await torrent.pieces() as Uint8Array<ArrayBuffer>;
      this.#listen(torrent);
      this.#judge(torrent, stats);
    } catch (error) {
      if (this.torrent === torrent) this.fail(error);
    }
    this.changed();
  }

  fail(error: unknown): void {
    this.phase = 'failed';
    this.problem = sentence(error, this.record.relays);
    this.changed();
  }

  changed(): void {
    this.dispatchEvent(new Event('change'));
  }

  /** Runs `act` whenever something has changed, and now, until `signal`. */
  follow(act: () => void, signal?: AbortSignal): void {
    this.addEventListener('change', act, signal ? { signal } : {});
    act();
  }

  /** A storage that fails says so once, and the torrent goes on by itself when it works again. */
  #listen(torrent: Torrent): void {
    const { done } = torrent;
    if (done === this.#listeningTo) return;
    this.#listeningTo = done;
    done.catch((error: unknown) => {
      if (this.torrent !== torrent) return;
      this.problem = sentence(error);
      this.changed();
    });
  }

  #judge(torrent: Torrent, { state }: Stats): void {
    if (state === 'storage_error') this.problem ??= sentence({ name: 'StorageError' });
    else if (torrent.relayError) this.problem = sentence(torrent.relayError, this.record.relays);
    else this.problem = undefined;
  }

  #sample(stats: Stats): void {
    const seconds = Math.floor(stats.elapsed_seconds);
    if (seconds < this.#lastSample + this.#sampleEvery) return;
    this.#lastSample = seconds;
    const { download_bytes_per_second: download, upload_bytes_per_second: upload } = stats;
    this.samples.push({ seconds, download, upload });
    if (this.samples.length > MAX_SAMPLES) {
      this.samples = this.samples.filter((_, index) => index % 2 === 0);
      this.#sampleEvery *= 2;
    }
  }

  #note(entries: LogEntry[]): void {
    this.log.push(...entries);
    if (this.log.length > MAX_LOG_LINES) this.log.splice(0, this.log.length - MAX_LOG_LINES);
    const { pieces } = this.stats ?? { pieces: 0 };
    if (this.brought.length !== pieces) this.brought = new Uint8Array(pieces);
    for (const { kind, piece, names } of entries) {
      if (kind === 'piece' && piece !== null) this.brought[piece] = this.#numberOf(names[0] ?? '');
    }
  }

  #numberOf(name: string): number {
    const known = this.names.indexOf(name) + 1;
    if (known > 0) return known;
    return this.names.length < MAX_NAMES ? this.names.push(name) : 0;
  }
}

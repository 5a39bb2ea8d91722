import type { Description, Torrent } from 'gannet';
import { type Clients, type Keeping, room } from './clients.js';
import { Download } from './download.js';
import * as library from './library.js';
import { sentence } from './sentences.js';
import { type Own, copying, keepable, reopened } from './sharing.js';

const REFRESH_MILLIS = 500;
/** While nobody looks. */
const HIDDEN_REFRESH_MILLIS = 2000;

/** What was shared, and is offered by a client. */
interface Offered {
  torrent: Torrent;
  content: Uint8Array<ArrayBuffer>;
  own: Own;
}

const named = (name: string): Error => Object.assign(new Error(name), { name });
const lockOf = (infoHash: string): string => `gannet-torrent-${infoHash}`;

/** All downloads of this tab. Tells `change` when one comes or goes. */
export class Downloads extends EventTarget {
  readonly list: Download[] = [];
  readonly #released = new Map<Download, () => void>();

  constructor(private readonly clients: Clients) {
    super();
    void this.#refresh();
  }

  find(infoHash: string): Download | undefined {
    return this.list.find((download) => download.infoHash === infoHash);
  }

  /** Goes on with what an earlier visit began. */
  async restore(): Promise<void> {
    const records = await library.records();
    const storage = (await room()).storage;
    await Promise.all(records.map(async (record) => {
      const described = this.clients.reader().describe(record.torrent.slice());
      const kept = record.own && record.own.kept !== 'copy' ? 'memory' : storage;
      this.#begin(new Download(record, kept, await described.catch(() => undefined)));
    }));
  }

  /** Begins a download. */
  async add(record: library.Record, storage: Keeping, description: Description): Promise<Download> {
    const download = new Download(record, storage, description);
    if (storage === 'opfs') await library.keep(record);
    this.#begin(download);
    return download;
  }

  /** Offers files of this device, and as far as the browser allows again when the page is opened again. */
  async share(files: File[], name: string | undefined, relays: string[], trackers: string[]): Promise<Download> {
    const offered = await this.#offer(files, name, relays, trackers);
    const { torrent, content, own } = offered;
    const { infoHash, length: totalBytes } = torrent;
    if (this.find(infoHash)) {
      await torrent.remove();
      throw named('DuplicateError');
    }
    const description = await this.clients.reader().describe(content.slice());
    const record: library.Record = {
      infoHash, name: torrent.name, totalBytes, torrent: content, files: null, relays, peers: [],
      paused: false, added: Date.now(), own: { ...own, kept: own.kept === 'copy' ? 'nothing' : own.kept },
    };
    const download = new Download(record, 'memory', description);
    this.#adopt(download, offered);
    this.#show(download);
    await library.keep(record);
    void this.#own(download, () => undefined);
    return download;
  }

  /** Goes on with what was shared before: with its files, or, without any, by asking the browser for them. */
  async shareAgain(download: Download, files: File[] | null): Promise<void> {
    const { record, description } = download;
    if (!record.own) return;
    try {
      const found = files ?? await reopened(record.own, true);
      if (!found) return;
      download.phase = 'starting';
      download.problem = undefined;
      download.changed();
      const offered = await this.#offer(found, record.own.name, record.relays, description?.trackers.flat() ?? []);
      if (offered.torrent.infoHash !== download.infoHash) {
        await offered.torrent.remove();
        throw named('ChangedError');
      }
      if (!this.list.includes(download)) return void (await offered.torrent.remove());
      this.#adopt(download, offered);
      await this.#change(download, {});
    } catch (error) {
      download.phase = 'asking';
      download.problem = sentence(error, record.relays);
      download.changed();
    }
  }

  async #offer(files: File[], name: string | undefined, relays: string[], trackers: string[]): Promise<Offered> {
    const own = await keepable(files, name);
    const options = { trackers, ...(name === undefined ? {} : { name }) };
    const maker = own.kept === 'copy' ? this.clients.reader() : this.clients.of(relays, 'memory');
    const made = await maker.seed(files, options);
    const content = made.torrentFile as Uint8Array<ArrayBuffer>;
    if (own.kept !== 'copy') return { torrent: made, content, own };
    const { pieceLength } = made;
    await made.remove();
    const sources = [copying(files, pieceLength)];
    const torrent = await this.clients.of(relays, 'opfs').add(content.slice(), { sources });
    return { torrent, content, own };
  }

  #adopt(download: Download, { torrent, own }: Offered): void {
    download.torrent = torrent;
    download.storage = own.kept === 'copy' ? 'opfs' : 'memory';
    download.phase = 'running';
    if (own.kept !== 'copy') return;
    // Only a whole copy is worth something to a later visit.
    void torrent.done.then(() => this.#change(download, { own })).catch(() => undefined);
  }

  async pause(download: Download): Promise<void> {
    await download.torrent?.pause();
    await this.#change(download, { paused: true });
  }

  async resume(download: Download): Promise<void> {
    await download.torrent?.resume();
    await this.#change(download, { paused: false });
  }

  async select(download: Download, files: number[]): Promise<void> {
    await download.torrent?.select(files);
    await this.#change(download, { files });
  }

  /** Tries again what could not begin. */
  retry(download: Download): void {
    download.phase = 'starting';
    download.problem = undefined;
    void this.#start(download);
  }

  /** Ends a download; with `data`, what was stored goes too. */
  async remove(download: Download, data: boolean): Promise<void> {
    const { torrent } = download;
    download.torrent = undefined;
    await library.forget(download.infoHash);
    await torrent?.remove({ data }).catch(() => undefined);
    this.#released.get(download)?.();
    this.#released.delete(download);
    this.list.splice(this.list.indexOf(download), 1);
    this.dispatchEvent(new Event('change'));
  }

  #show(download: Download): void {
    this.list.unshift(download);
    this.dispatchEvent(new Event('change'));
    void download.refresh();
  }

  #begin(download: Download): void {
    this.#show(download);
    void this.#own(download, () => void this.#start(download));
  }

  /** One tab at a time has a torrent: two would write into the same file. */
  async #own(download: Download, begin: () => void): Promise<void> {
    const { locks } = navigator;
    if (!locks || (download.storage === 'memory' && !download.isOwn)) return begin();
    const name = lockOf(download.infoHash);
    const held = new Promise<void>((release) => this.#released.set(download, release));
    const got = await locks.request(name, { ifAvailable: true }, (lock) => {
      if (!lock) return false;
      begin();
      return held.then(() => true);
    });
    if (got) return;
    download.phase = 'elsewhere';
    download.changed();
    // The browser hands it over as soon as the other tab lets go, or is closed.
    await locks.request(name, () => {
      if (this.list.includes(download)) begin();
      return held;
    });
  }

  async #start(download: Download): Promise<void> {
    const { record, storage } = download;
    if (record.own && record.own.kept !== 'copy') return this.#askAgain(download, record.own);
    try {
      const client = this.clients.of(record.relays, storage);
      const options = { peers: record.peers, ...(record.files ? { files: record.files } : {}) };
      const torrent = await client.add(record.torrent.slice(), options);
      if (record.paused) await torrent.pause();
      if (!this.list.includes(download)) return void (await torrent.remove());
      download.torrent = torrent;
      download.phase = 'running';
      await download.refresh();
    } catch (error) {
      download.fail(error);
    }
  }

  /** Files that weren't copied: the browser may still let the page read them, or the person is asked. */
  async #askAgain(download: Download, own: Own): Promise<void> {
    const files = await reopened(own, false).catch(() => null);
    if (files) return this.shareAgain(download, files);
    download.phase = 'asking';
    download.changed();
  }

  async #change(download: Download, change: Partial<library.Record>): Promise<void> {
    Object.assign(download.record, change);
    if (download.storage === 'opfs' || download.isOwn) await library.keep(download.record);
    await download.refresh();
  }

  async #refresh(): Promise<void> {
    for (;;) {
      await Promise.all(this.list.map((download) => download.refresh()));
      const pause = document.hidden ? HIDDEN_REFRESH_MILLIS : REFRESH_MILLIS;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

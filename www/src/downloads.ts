import type { Description } from 'gannet';
import { type Clients, type Keeping, room } from './clients.js';
import { Download } from './download.js';
import * as library from './library.js';

const REFRESH_MILLIS = 500;
/** While nobody looks. */
const HIDDEN_REFRESH_MILLIS = 2000;

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
      this.#begin(new Download(record, storage, await described.catch(() => undefined)));
    }));
  }

  /** Begins a download. */
  async add(record: library.Record, storage: Keeping, description: Description): Promise<Download> {
    const download = new Download(record, storage, description);
    if (storage === 'opfs') await library.keep(record);
    this.#begin(download);
    return download;
  }

  /** Offers files of this device for as long as the tab is open. */
  async share(files: File[], name: string | undefined, relays: string[], trackers: string[]): Promise<Download> {
    const client = this.clients.of(relays, 'memory');
    const torrent = await client.seed(files, name ? { name, trackers } : { trackers });
    const content = torrent.torrentFile as Uint8Array<ArrayBuffer>;
    const description = await client.describe(content.slice());
    const { infoHash, length: totalBytes } = torrent;
    const record: library.Record = {
      infoHash, name: torrent.name, totalBytes, torrent: content, files: null, relays, peers: [],
      paused: false, added: Date.now(),
    };
    const download = new Download(record, 'memory', description, true);
    download.torrent = torrent;
    download.phase = 'running';
    this.#show(download);
    return download;
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
    void this.#own(download);
  }

  /** One tab at a time has a torrent: two would write into the same file. */
  async #own(download: Download): Promise<void> {
    const { locks } = navigator;
    if (!locks || download.storage === 'memory') return this.#start(download);
    const name = lockOf(download.infoHash);
    const held = new Promise<void>((release) => this.#released.set(download, release));
    const got = await locks.request(name, { ifAvailable: true }, (lock) => {
      if (!lock) return false;
      void this.#start(download);
      return held.then(() => true);
    });
    if (got) return;
    download.phase = 'elsewhere';
    download.changed();
    // The browser hands it over as soon as the other tab lets go, or is closed.
    await locks.request(name, () => {
      if (this.list.includes(download)) void this.#start(download);
      return held;
    });
  }

  async #start(download: Download): Promise<void> {
    const { record, storage } = download;
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

  async #change(download: Download, change: Partial<library.Record>): Promise<void> {
    Object.assign(download.record, change);
    if (download.storage === 'opfs') await library.keep(download.record);
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

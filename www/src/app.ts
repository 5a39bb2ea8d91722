import { Clients } from './clients.js';
import { type Server, type Settings, loadSettings, saveSettings } from './config.js';
import { Downloads } from './downloads.js';

/** What the parts of the page share. Tells `server` once the server has said what it is. */
export class App extends EventTarget {
  readonly clients = new Clients();
  readonly downloads = new Downloads(this.clients);
  settings: Settings = loadSettings();
  server: Server = { relays: [], trackers: [], torrents: [] };

  constructor() {
    super();
    this.clients.limit(this.settings);
  }

  /** The person's relays, or else the server's. */
  get relays(): string[] {
    return this.settings.relays.length > 0 ? this.settings.relays : this.server.relays;
  }

  change(settings: Settings): void {
    this.settings = settings;
    saveSettings(settings);
    this.clients.limit(settings);
  }
}

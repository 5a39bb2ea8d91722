import { Clients } from './clients.js';
import { NO_SERVER, type Server, type Settings, loadSettings, saveSettings } from './config.js';
import { Downloads } from './downloads.js';
import { Host } from './host.js';

/** What the parts of the page share. Tells `server` once the server has said what it is. */
export class App extends EventTarget {
  readonly clients = new Clients();
  readonly downloads = new Downloads(this.clients);
  readonly host = new Host();
  settings: Settings = loadSettings();
  server: Server = NO_SERVER;
  /** Settled once the server has been asked: before, nobody knows which relays there are. */
  readonly ready: Promise<void>;
  #readied: () => void = () => {};

  constructor() {
    super();
    this.clients.limit(this.settings);
    this.ready = new Promise((resolve) => (this.#readied = resolve));
  }

  /** The person's relays, or else the server's. */
  get relays(): string[] {
    return this.settings.relays.length > 0 ? this.settings.relays : this.server.relays;
  }

  /** What the server has said. */
  meet(server: Server): void {
    this.server = server;
    this.host.begin(server);
    this.dispatchEvent(new Event('server'));
    this.#readied();
  }

  change(settings: Settings): void {
    this.settings = settings;
    saveSettings(settings);
    this.clients.limit(settings);
  }
}

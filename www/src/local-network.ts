// Browsers keep pages of the internet from what runs on this device and its network, or ask first.
import type { Sentence } from './sentences.js';

/** How near an address is, as browsers count it: from further away they keep a page. */
const SPACES = ['public', 'local', 'loopback'] as const;
type Space = (typeof SPACES)[number];

const LOOPBACK = /^(?:localhost|.+\.localhost|127\.[\d.]+|\[::1\])$/;
const LOCAL = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|\[f[cd]|\[fe80:|.+\.local$)/;

/** Names of the permission, from the newest to that of the first Chromium that had one. */
const NAMES: { [space in Space]: string[] } = {
  public: [], local: ['local-network', 'local-network-access'], loopback: ['loopback-network', 'local-network-access'],
};
const states = new Map<string, PermissionState>();

/** Learns what the browser allows, and goes on listening. Browsers that have no such permission say nothing. */
export async function watchPermissions(): Promise<void> {
  await Promise.all([...new Set(Object.values(NAMES).flat())].map(async (name) => {
    const status = await navigator.permissions?.query({ name: name as PermissionName }).catch(() => null);
    if (!status) return;
    const take = () => states.set(name, status.state);
    status.addEventListener('change', take);
    take();
  }));
}

const spaceOf = (host: string): Space => (LOOPBACK.test(host) ? 'loopback' : LOCAL.test(host) ? 'local' : 'public');

/** Why a relay that is nearer than this page can't be reached; `undefined` if that isn't why. */
export function blocked(relays: string[]): Sentence | undefined {
  const spaces = relays.map((relay) => spaceOf(new URL(relay).hostname));
  const space = spaces.find((it) => SPACES.indexOf(it) > SPACES.indexOf(spaceOf(location.hostname)));
  if (!space) return undefined;
  const where = space === 'loopback' ? 'on this device' : 'in this network';
  if (!isSecureContext) {
    return {
      what: `The relay runs ${where}, and the browser keeps pages from it that came without encryption, as this one did.`,
      todo: 'Open this page over HTTPS, or from the computer that the relay runs on.',
    };
  }
  const known = NAMES[space].find((name) => states.has(name));
  switch (known && states.get(known)) {
    case 'granted': return undefined;
    case 'denied': return {
      what: `The relay runs ${where}, and the browser was told not to let this page reach it.`,
      todo: 'Open the page’s permissions with the icon left of its address, and allow access to this device and the local network.',
    };
    default: return {
      what: `The relay runs ${where}, and the browser asks before it lets this page reach it.`,
      todo: 'Answer “Allow” to its question; if there is none, look for it behind the icon left of the address.',
    };
  }
}

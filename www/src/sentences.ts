// Every error as a sentence of what happened, and one of what to do.

import { HostError } from './host.js';
import { blocked } from './local-network.js';

export interface Sentence {
  what: string;
  todo: string;
}

const BY_NAME: { [name: string]: Sentence } = {
  TorrentError: {
    what: 'This is not a torrent, or a broken one.',
    todo: 'Ask whoever gave it to you for a .torrent file or a magnet link.',
  },
  DuplicateError: { what: 'This torrent is in the list already.', todo: 'Look for it below.' },
  SelectionError: { what: 'The torrent has no such file.', todo: 'Choose its files again.' },
  LimitError: { what: 'There are too many downloads at once.', todo: 'Remove one, then try again.' },
  AddressError: {
    what: 'This is not the address of a peer.',
    todo: 'Write an IP address and a port, as in 198.51.100.7:6881.',
  },
  MemoryLimitError: {
    what: 'This tab’s memory for downloads is full.',
    todo: 'Save and remove something, or open the page in a window that is not private: its storage holds more.',
  },
  QuotaError: {
    what: 'The browser’s storage is full.',
    todo: 'Save finished downloads to disk and remove them here, or free space on this device; the download then goes on by itself.',
  },
  StorageError: {
    what: 'The browser’s storage can’t be used.',
    todo: 'Private windows often refuse it: keep the download in memory, or use an ordinary window.',
  },
  FetchError: {
    what: 'The .torrent file could not be fetched.',
    todo: 'The address may be wrong, or its server doesn’t let other pages read it: download the file, then drop it here.',
  },
  ChangedError: {
    what: 'These are not the files that were shared, or they have changed since.',
    todo: 'Choose the same ones, or remove this and share them as they are now.',
  },
  NotAllowedError: {
    what: 'The browser does not let the page write there.',
    todo: 'Choose another place, and allow it when the browser asks.',
  },
  QuotaExceededError: { what: 'The disk is full.', todo: 'Free some space, or choose another disk.' },
  NotFoundError: { what: 'A file is not where it was.', todo: 'Put it back, or choose it again.' },
  InternalError: {
    what: 'Something in Gannet failed.',
    todo: 'Reload the page: what was downloaded is kept. If it happens again, please report it.',
  },
};

/** By the word that the server has for it; else its own message is all there is to say. */
const BY_CODE: { [code: string]: Sentence } = {
  unreachable: {
    what: 'The server that gave this page does not answer.',
    todo: 'Check that it still runs; then try again.',
  },
  token_required: { what: 'The server wants its token.', todo: 'Choose “Manage” and type what gannet serve printed at its start.' },
  token_wrong: {
    what: 'The server has another token.',
    todo: 'It has a new one each time it starts: choose “Manage” and type what it printed last.',
  },
  unknown_download: { what: 'The server has no such download any more.', todo: 'Somebody else has removed it.' },
  shared_data: {
    what: 'The server was told to share this, so it does not delete it.',
    todo: 'Remove it without its data, or delete the files where they are.',
  },
  full: { what: 'The server has as many downloads as it takes.', todo: 'Remove one of them, then try again.' },
};

/** What a failure means to a person. */
export function sentence(error: unknown, relays: string[] = []): Sentence {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === 'RelayError') return relaySentence(message, relays);
  if (error instanceof HostError) {
    return BY_CODE[error.code] ?? { what: `The server refuses: ${message}.`, todo: 'Change that, then try again.' };
  }
  return BY_NAME[name] ?? { what: 'That did not work.', todo: message };
}

function relaySentence(message: string, relays: string[]): Sentence {
  const refused = !message.startsWith('no relay can be reached');
  if (refused) {
    return {
      what: `The relay refuses: ${message}`,
      todo: 'Wait a little, or name another relay in the settings.',
    };
  }
  const near = blocked(relays);
  if (near) return near;
  if (location.protocol === 'https:' && relays.some((relay) => relay.startsWith('ws:'))) {
    return {
      what: 'This page came over HTTPS, so the browser blocks a relay without encryption.',
      todo: 'Use a relay whose address begins with wss://.',
    };
  }
  return {
    what: `No relay can be reached (${relays.join(', ') || 'none is named'}).`,
    todo: 'Check that it runs and that its address is right. It is tried again by itself.',
  };
}

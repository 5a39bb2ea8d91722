// The smallest page that downloads what its link names, from the server that it came from.
import { Client } from './gannet/index.js';

// Workers are this page's own files and nothing else.
globalThis.trustedTypes?.createPolicy('default', {
  createScriptURL(url) {
    if (new URL(url, location.href).origin !== location.origin) throw new TypeError(url);
    return url;
  },
});
const button = document.querySelector('button');
const bar = document.querySelector('progress');
const { relays } = await (await fetch('./gannet.json')).json();
const link = new URLSearchParams(location.hash.slice(1)).get('url');

button.addEventListener('click', async () => {
  button.disabled = true;
  const client = new Client({ relays });
  const torrent = await client.add(new URL(link, location.href).href);
  for await (const stats of torrent.progress()) bar.value = stats.have_bytes / stats.wanted_bytes;
  await torrent.done;
});
button.disabled = false;

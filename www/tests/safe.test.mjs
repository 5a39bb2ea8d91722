// A stranger chooses names, and none of them is anything but text.
import assert from 'node:assert/strict';
import { host } from './support/page.mjs';
import { scene, stage } from './support/stage.mjs';
import { forgedFolder } from './support/swarm.mjs';
import { button, decide, details, dialog, drop } from './support/visit.mjs';

const EVIL = '<img src=x onerror="globalThis.owned=1"><script>globalThis.owned=1</script>';
const TRICKS = [EVIL, '"><svg onload=globalThis.owned=1>', 'javascript:globalThis.owned=1', '${globalThis.owned=1}{{owned}}', '\u202egpj.exe', '../../../etc/passwd', 'a\0b'];
const at = stage();

/** Nothing ran, nothing became markup, and nobody was asked for `x`. */
async function unharmed(page, server) {
  assert.equal(await page.evaluate(() => globalThis.owned), undefined);
  assert.equal(await page.locator('img[src=x], body script:not([src]), svg[onload]').count(), 0);
  assert.deepEqual(server.asked.filter((path) => path.endsWith('/x')), []);
}

scene('hostile names in a torrent, a link, a tracker and the server’s list are only text', async () => {
  const torrents = [{ name: EVIL, info_hash: EVIL, length: 'many', files: EVIL, url: 'javascript:globalThis.owned=1', magnet: EVIL }];
  const server = await host({ '/gannet.json': JSON.stringify({ version: EVIL, relays: [at.net.relay.url, 'javascript:1', EVIL], trackers: [EVIL], torrents }) });
  try {
    const page = await at.visit(server.url);
    await button(page, /^Download .*onerror/).click();
    await page.getByText('an address for it that can’t be opened').waitFor();
    const query = new URLSearchParams({ dn: EVIL, tr: EVIL });
    await page.goto(`${server.url}#magnet=${encodeURIComponent(`magnet:?xt=urn:btih:${'ab'.repeat(20)}&${query}`)}&relay=${encodeURIComponent('javascript:1')}`);
    await dialog(page).getByText('onerror').first().waitFor();
    await unharmed(page, server);
    await button(dialog(page), 'Cancel').click();
    await drop(page, [{ name: `${EVIL}.torrent`, bytes: forgedFolder(EVIL, TRICKS, EVIL) }]);
    await dialog(page).getByText('onerror').first().waitFor();
    await unharmed(page, server);
    await decide(page);
    for (const tab of ['Files', 'Pieces', 'Peers', 'Log']) await details(page, /onerror/, tab);
    await unharmed(page, server);
    await button(page, /^Remove /).click();
    await unharmed(page, server);
    await button(dialog(page), 'Remove').click();
    await drop(page, [{ name: EVIL, bytes: Buffer.from('x') }]);
    await dialog(page).getByText('onerror').waitFor();
    await button(dialog(page), 'Share').click();
    await page.getByRole('img', { name: /QR code/ }).waitFor();
    await unharmed(page, server);
    await page.goto(`${server.url}?over#url=${encodeURIComponent('javascript:globalThis.owned=1')}`);
    await button(page, 'Open').waitFor();
    assert.equal(await dialog(page).count(), 0);
    await unharmed(page, server);
  } finally {
    await server.close();
  }
});

scene('the page’s own policy stops markup made from text, and scripts from elsewhere', async () => {
  const page = await at.visit();
  const stopped = (act) => page.evaluate(act).then(() => 'went through', (error) => error.message);
  assert.match(await stopped(() => { document.body.innerHTML = '<b>x</b>'; }), /TrustedHTML/);
  assert.match(await stopped(() => void new Worker('https://elsewhere.example/w.js')), /not a script of this page/);
  assert.match(await stopped(() => void trustedTypes.createPolicy('mine', {})), /disallowed/);
  assert.match(await stopped(() => void setTimeout('globalThis.owned = 1')), /TrustedScript/);
});

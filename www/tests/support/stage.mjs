// What every file of tests plays on, and how a test there is written.
import { after, before, test } from 'node:test';
import { browser, pictured } from '../../../wasm/npm/tests/support/browser.mjs';
import { host } from './page.mjs';
import { swarm } from './swarm.mjs';
import { visit } from './visit.mjs';

/** How long a test may take, and building up or taking down the stage. */
const LIMIT_MILLIS = 90_000;
/** A test ends a little earlier, with a picture of its pages. */
const REST_MILLIS = 5_000;

/**
 * A swarm, a server of the page, and Chromium: there before the file's tests, gone after them.
 * `prepare` shares what the tests need, and answers with more routes of the server.
 */
export function stage(prepare = async () => ({})) {
  const it = {
    /** The page, opened in a new tab. */
    visit: (url = it.server.url) => visit(it.chromium, url),
  };
  before(async () => {
    it.net = await swarm();
    it.server = await host({ '/gannet.json': it.net.config(), ...await prepare(it.net) });
    it.chromium = await browser();
  }, { timeout: LIMIT_MILLIS });
  after(async () => {
    await it.chromium?.close();
    await it.server?.close();
    it.net?.close();
  }, { timeout: LIMIT_MILLIS });
  return it;
}

/** A test that leaves a picture of each of its pages if it fails. */
export function scene(name, body, limit = LIMIT_MILLIS) {
  test(name, { timeout: limit }, pictured(body, limit - REST_MILLIS));
}

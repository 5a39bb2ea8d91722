// A video that a browser makes: VP8 in WebM, with the index that seeking goes by at its end.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BUNDLE = fileURLToPath(new URL('../../node_modules/mediabunny/dist/bundles/mediabunny.min.cjs', import.meta.url));

/** Seconds of noise, a key frame each, as bytes. Encoders are only on pages of a secure context, as loopback is. */
export async function video(chromium, url, seconds) {
  const page = await chromium.page(url);
  // By the browser's tools: the page's own policy would not let it run this.
  await page.evaluate(`${readFileSync(BUNDLE, 'utf8')}\n;globalThis.Mediabunny = Mediabunny;`);
  const base64 = await page.evaluate(async (seconds) => {
    const { Output, WebMOutputFormat, BufferTarget, CanvasSource } = globalThis.Mediabunny;
    const [width, height, perSecond] = [320, 240, 10];
    const canvas = new OffscreenCanvas(width, height);
    const paper = canvas.getContext('2d');
    const output = new Output({ format: new WebMOutputFormat(), target: new BufferTarget() });
    const source = new CanvasSource(canvas, { codec: 'vp8', bitrate: 600_000, keyFrameInterval: 1 });
    output.addVideoTrack(source, { frameRate: perSecond });
    await output.start();
    const noise = paper.createImageData(width, height);
    for (let frame = 0; frame < seconds * perSecond; frame += 1) {
      for (let at = 0; at < noise.data.length; at += 4) noise.data.set([Math.random() * 256, 120, frame % 256, 255], at);
      paper.putImageData(noise, 0, 0);
      await source.add(frame / perSecond, 1 / perSecond);
    }
    await output.finalize();
    const bytes = new Uint8Array(output.target.buffer);
    let text = '';
    for (let at = 0; at < bytes.length; at += 0x6000) text += btoa(String.fromCharCode(...bytes.subarray(at, at + 0x6000)));
    return text;
  }, seconds);
  await page.close();
  return Buffer.from(base64, 'base64');
}

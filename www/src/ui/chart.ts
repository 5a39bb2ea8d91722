import { h, id, svg, write } from '../dom.js';
import type { Download, Sample } from '../download.js';
import * as format from '../format.js';

const [WIDTH, HEIGHT] = [600, 160];

/** Rates over time, as a drawing and in words. */
export function chart(download: Download, signal: AbortSignal): HTMLElement {
  const words = h('p', { class: 'muted', id: id('speed') });
  const area = svg('path', { class: 'chart-area' });
  const line = svg('path', { class: 'chart-line' });
  const sent = svg('path', { class: 'chart-sent' });
  const drawing = svg('svg', {
    class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img',
    'aria-label': 'Speed over time', 'aria-describedby': words.id,
  }, ...[0.25, 0.5, 0.75].map((at) => svg('path', { class: 'chart-grid', d: `M0 ${HEIGHT * at}H${WIDTH}` })), area, line, sent);
  const top = h('span', {});
  const time = h('span', {});
  download.follow(() => {
    const { samples } = download;
    const highest = Math.max(1000, ...samples.map(({ download, upload }) => Math.max(download, upload)));
    const received = pathOf(samples, ({ download }) => download / highest);
    line.setAttribute('d', received);
    area.setAttribute('d', received && `${received}V${HEIGHT}H0Z`);
    sent.setAttribute('d', pathOf(samples, ({ upload }) => upload / highest));
    write(top, format.rate(highest));
    write(time, format.duration(samples.at(-1)?.seconds ?? 0));
    write(words, inWords(download));
  }, signal);
  return h('figure', { class: 'speed' },
    h('div', { class: 'chart-head' }, h('span', {}, h('span', { class: 'swatch have' }), 'received'), h('span', {}, h('span', { class: 'swatch sent' }), 'sent'), top),
    drawing, h('div', { class: 'chart-foot' }, h('span', {}, 'start'), time), h('figcaption', {}, words));
}

function pathOf(samples: Sample[], height: (sample: Sample) => number): string {
  const begin = samples[0]?.seconds ?? 0;
  const span = Math.max(1, (samples.at(-1)?.seconds ?? 0) - begin);
  const points = samples.map((sample) => {
    const x = ((sample.seconds - begin) / span) * WIDTH;
    return `${x.toFixed(1)} ${((1 - height(sample) * 0.96) * HEIGHT).toFixed(1)}`;
  });
  return points.length > 1 ? `M${points.join('L')}` : '';
}

function inWords({ stats, samples }: Download): string {
  if (!stats) return '';
  const { transfer } = stats;
  const seconds = (transfer.end_seconds ?? stats.elapsed_seconds) - (transfer.start_seconds ?? 0);
  const mean = transfer.start_seconds === null || seconds <= 0 ? 0 : stats.downloaded_bytes / seconds;
  const highest = Math.max(0, ...samples.map(({ download }) => download));
  return `Now ${format.rate(stats.download_bytes_per_second)} in and ${format.rate(stats.upload_bytes_per_second)} out; `
    + `${format.rate(mean)} in on average, ${format.rate(highest)} at most. `
    + `${format.bytes(stats.downloaded_bytes)} received, ${format.bytes(stats.uploaded_bytes)} sent.`;
}

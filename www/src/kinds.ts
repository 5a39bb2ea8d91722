// Which files can be looked at here, by the name's end, as the types that a browser shows safely.

export interface Kind {
  as: 'video' | 'audio' | 'image' | 'text';
  verb: 'Play' | 'Show';
  type: string;
}

const VIDEO = { mp4: 'video/mp4', m4v: 'video/mp4', webm: 'video/webm', ogv: 'video/ogg', mkv: 'video/x-matroska' };
const AUDIO = {
  mp3: 'audio/mpeg', m4a: 'audio/mp4', ogg: 'audio/ogg', oga: 'audio/ogg', opus: 'audio/ogg', flac: 'audio/flac', wav: 'audio/wav',
};
/** As an image an SVG runs no scripts and loads nothing. */
const IMAGE = {
  png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp', avif: 'image/avif', svg: 'image/svg+xml',
};
const TEXT = ['txt', 'md', 'nfo', 'srt', 'vtt', 'json', 'csv', 'log', 'html', 'xml', 'js', 'css', 'rs', 'py', 'c', 'h', 'toml', 'yaml', 'yml'];

const KINDS = new Map<string, Kind>([
  ...Object.entries(VIDEO).map(([end, type]): [string, Kind] => [end, { as: 'video', verb: 'Play', type }]),
  ...Object.entries(AUDIO).map(([end, type]): [string, Kind] => [end, { as: 'audio', verb: 'Play', type }]),
  ...Object.entries(IMAGE).map(([end, type]): [string, Kind] => [end, { as: 'image', verb: 'Show', type }]),
  ...TEXT.map((end): [string, Kind] => [end, { as: 'text', verb: 'Show', type: 'text/plain' }]),
]);

export const previewable = (name: string): Kind | undefined =>
  KINDS.get(/\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '');

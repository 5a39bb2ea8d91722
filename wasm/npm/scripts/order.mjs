// Names each function of a module by the place it shall have, for Binaryen to sort them by: behind
// one that is like it, because gzip looks back no further than 32 KiB for what repeats.
import { readFileSync, writeFileSync } from 'node:fs';

/** Sections of a WebAssembly module, and the part of the one called `name` that names functions. */
const [CUSTOM, FUNCTIONS, CODE, FUNCTION_NAMES] = [0, 3, 10, 1];
/** Bytes that are the same in two functions count if there are so many of them in a row. */
const RUN_BYTES = 4;
const FINGERPRINT_WORDS = 256;
/** How much being like one of the last functions counts, the last one first. */
const WEIGHTS = [1, 0.5, 0.25];
/** How much it counts to be of the last one's type: the list of types packs, too. */
const SAME_TYPE = 0.07;

const [from, to] = process.argv.slice(2);
const module = readFileSync(from);
const imports = WebAssembly.Module.imports(new WebAssembly.Module(module));
const imported = imports.filter(({ kind }) => kind === 'function').length;
const { sections, functions, types } = read(module);
writeFileSync(to, Buffer.concat([...sections, nameSection(order(functions, types))]));

/** The module without what it says beside itself, and the code and the type of each function. */
function read(module) {
  const sections = [module.subarray(0, 8)];
  let [functions, types] = [[], []];
  for (let at = 8; at < module.length;) {
    const [length, begin] = number(module, at + 1);
    if (module[at] !== CUSTOM) sections.push(module.subarray(at, begin + length));
    if (module[at] === FUNCTIONS) types = numbers(module, begin);
    if (module[at] === CODE) functions = list(module, begin);
    at = begin + length;
  }
  return { sections, functions, types };
}

/** A list of things that each begin with their length. */
function list(bytes, start) {
  let [count, at] = number(bytes, start);
  return Array.from({ length: count }, () => {
    const [length, begin] = number(bytes, at);
    at = begin + length;
    return bytes.subarray(begin, at);
  });
}

/** A list of numbers. */
function numbers(bytes, start) {
  let [count, at] = number(bytes, start);
  return Array.from({ length: count }, () => {
    const [value, next] = number(bytes, at);
    at = next;
    return value;
  });
}

/** A number as LEB128 has it, and where what follows it begins. */
function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
  }
}

/** Numbers of functions: from the smallest on, the one most like the last few is the next. */
function order(functions, types) {
  const prints = functions.map(fingerprint);
  const sizes = prints.map((print) => 1 + bits(print, print));
  const left = new Set(functions.keys());
  const ordered = [sizes.indexOf(Math.min(...sizes))];
  const likeness = (one, other) => bits(prints[one], prints[other]) / sizes[other];
  // Like each of those before, for as long as they count.
  const recent = [];
  while (left.delete(ordered.at(-1)) && left.size > 0) {
    const last = ordered.at(-1);
    recent.unshift(functions.map((_, other) => (left.has(other) ? likeness(last, other) : 0)));
    recent.length = Math.min(recent.length, WEIGHTS.length);
    const score = (at) =>
      recent.reduce((sum, like, n) => sum + WEIGHTS[n] * like[at], types[at] === types[last] ? SAME_TYPE : 0);
    let best = { score: -1 };
    for (const at of left) if (score(at) > best.score) best = { at, score: score(at) };
    ordered.push(best.at);
  }
  return ordered;
}

/** A bit for each run of bytes in a function, by its hash (FNV-1a). */
function fingerprint(code) {
  const print = new Uint32Array(FINGERPRINT_WORDS);
  for (let at = 0; at + RUN_BYTES <= code.length; at++) {
    let hash = 0x811c9dc5;
    for (const byte of code.subarray(at, at + RUN_BYTES)) hash = Math.imul(hash ^ byte, 0x01000193);
    hash = (hash ^ (hash >>> 15)) & (FINGERPRINT_WORDS * 32 - 1);
    print[hash >>> 5] |= 1 << (hash & 31);
  }
  return print;
}

/** How many bits two fingerprints have in common. */
function bits(one, other) {
  let count = 0;
  for (let at = 0; at < FINGERPRINT_WORDS; at++) {
    for (let word = one[at] & other[at]; word !== 0; word &= word - 1) count++;
  }
  return count;
}

/** A section that names each function by its place: `0000`, `0001` and so on. */
function nameSection(ordered) {
  const places = ordered.map((at, place) => [imported + at, String(place).padStart(6, '0')]);
  places.sort(([one], [other]) => one - other);
  const names = places.map(([at, name]) => Buffer.concat([leb(at), sized(Buffer.from(name))]));
  const all = Buffer.concat([leb(names.length), ...names]);
  const content = [sized(Buffer.from('name')), Buffer.of(FUNCTION_NAMES), sized(all)];
  return Buffer.concat([Buffer.of(CUSTOM), sized(Buffer.concat(content))]);
}

function sized(bytes) {
  return Buffer.concat([leb(bytes.length), bytes]);
}

function leb(value) {
  const bytes = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.of(...bytes, value);
}

import { PIECE_HAVE, PIECE_IN_FLIGHT, PIECE_UNWANTED } from 'gannet';

/** Colours as a canvas wants them: red, green, blue, opacity, from low byte to high. */
export interface Palette {
  /** One for each byte that a piece's state can be. */
  states: Uint32Array;
  /** One for each sender; the first is for nobody known. */
  senders: Uint32Array;
}

interface Content {
  pieces: Uint8Array;
  /** Connected peers that have every piece: the states of pieces don't count them. */
  seeds: number;
  /** Senders by piece; `null` to show states alone. */
  brought: Uint8Array | null;
}

/** The smallest and largest side of a piece's square, in CSS pixels. */
const MIN_SIDE = 1;
const MAX_SIDE = 16;
/** From this size on squares stand apart. */
const GAP_FROM = 4;
/** A piece that so many peers have isn't rare at all. */
const COMMON = 8;
const GOLDEN_ANGLE = 137.508;
/** The accent's: the page has one, and the others are quieter than it. */
const FIRST_HUE = 43;

/** Colours of neighbours in a list are far from each other. */
export const hueOf = (number: number): number => Math.round(FIRST_HUE + (number - 1) * GOLDEN_ANGLE) % 360;

/** The page's own colours, as they are in light or dark. */
export function palette(canvas: HTMLCanvasElement): Palette {
  const style = getComputedStyle(canvas);
  const colour = (name: string) => rgba(style.getPropertyValue(name).trim());
  const [rare, common] = [colour('--map-rare'), colour('--map-common')];
  const states = Uint32Array.from({ length: 256 }, (_, peers) =>
    mixed(rare, common, Math.min(1, Math.max(0, peers - 1) / COMMON)));
  states[PIECE_HAVE] = packed(colour('--map-have'));
  states[PIECE_IN_FLIGHT] = packed(colour('--map-flying'));
  states[PIECE_UNWANTED] = packed(colour('--map-unwanted'));
  const senders = Uint32Array.from({ length: 256 }, (_, number) =>
    number === 0 ? states[PIECE_HAVE]! : packed(ofHue(hueOf(number))));
  return { states, senders };
}

/** `hsl(hue 45% 56%)`: asking the browser for each of hundreds would take longer than a frame. */
function ofHue(hue: number): Rgba {
  const channel = (offset: number) => {
    const turn = (offset + hue / 30) % 12;
    return Math.round(255 * (0.56 - 0.198 * Math.max(-1, Math.min(turn - 3, 9 - turn, 1))));
  };
  return [channel(0), channel(8), channel(4), 255];
}

type Rgba = [number, number, number, number];

let probe: CanvasRenderingContext2D | null | undefined;
/** Reads any colour that CSS can write. */
function rgba(text: string): Rgba {
  probe ??= new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true }) as never;
  if (!probe) return [128, 128, 128, 255];
  probe.clearRect(0, 0, 1, 1);
  probe.fillStyle = text;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data] as Rgba;
}

const packed = ([r, g, b, a]: Rgba): number => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
const mixed = (from: Rgba, to: Rgba, share: number): number =>
  packed(from.map((value, index) => Math.round(value + (to[index]! - value) * share)) as Rgba);

/**
 * Draws each piece as a square, row after row. One pixel is written for each piece, and the picture
 * is enlarged in one go: a hundred thousand pieces take about a millisecond.
 */
export class PieceMap {
  #columns = 1;
  #side = MAX_SIDE;
  #count = 0;
  readonly #small = document.createElement('canvas');

  constructor(private readonly canvas: HTMLCanvasElement) {}

  draw({ pieces, seeds, brought }: Content, { states, senders }: Palette): void {
    const { width, height } = this.#layOut(pieces.length);
    const context = this.canvas.getContext('2d');
    const small = this.#small.getContext('2d');
    if (!context || !small || pieces.length === 0) return;
    const image = small.createImageData(this.#small.width, this.#small.height);
    const pixels = new Uint32Array(image.data.buffer);
    for (let piece = 0; piece < pieces.length; piece += 1) {
      const state = pieces[piece]!;
      if (brought !== null && state === PIECE_HAVE) pixels[piece] = senders[brought[piece]!]!;
      else pixels[piece] = states[state < PIECE_UNWANTED ? Math.min(state + seeds, PIECE_UNWANTED - 1) : state]!;
    }
    small.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, width, height);
    context.drawImage(this.#small, 0, 0, this.#small.width * this.#scaled, this.#small.height * this.#scaled);
    this.#gaps(context);
  }

  /** Which piece is under the pointer. */
  pieceAt(event: PointerEvent): number | null {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.#side);
    const row = Math.floor((event.clientY - box.top) / this.#side);
    const piece = row * this.#columns + column;
    return column < this.#columns && piece < this.#count ? piece : null;
  }

  get #scaled(): number {
    return this.#side * devicePixelRatio;
  }

  /** The largest squares that fit: few pieces aren't stretched, many get a taller map. */
  #layOut(count: number): { width: number; height: number } {
    const room = this.canvas.clientWidth || 1;
    const wantedHeight = Math.min(240, Math.max(120, room / 3));
    let side = Math.floor(Math.sqrt((room * wantedHeight) / Math.max(1, count)));
    side = Math.max(MIN_SIDE, Math.min(MAX_SIDE, side));
    const columns = Math.max(1, Math.floor(room / side));
    const rows = Math.max(1, Math.ceil(count / columns));
    const [width, height] = [Math.round(room * devicePixelRatio), Math.round(rows * side * devicePixelRatio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.canvas.style.height = `${rows * side}px`;
    }
    if (this.#small.width !== columns || this.#small.height !== rows) {
      [this.#small.width, this.#small.height] = [columns, rows];
    }
    [this.#columns, this.#side, this.#count] = [columns, side, count];
    return { width, height };
  }

  #gaps(context: CanvasRenderingContext2D): void {
    if (this.#side < GAP_FROM) return;
    const { width, height } = this.canvas;
    for (let x = this.#scaled; x <= width; x += this.#scaled) context.clearRect(x - devicePixelRatio, 0, devicePixelRatio, height);
    for (let y = this.#scaled; y <= height; y += this.#scaled) context.clearRect(0, y - devicePixelRatio, width, devicePixelRatio);
  }
}

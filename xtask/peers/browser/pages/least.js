// Asks one seeder for one block after the other, with nothing to choose, to measure, to retry or to
// serve, and hands each piece to a worker that hashes and keeps it. What this takes, any engine takes.
const BLOCK_BYTES = 16 * 1024;
const REQUESTS_OUT = 500;
/** What the relay's window may grow by, all at once. */
const LOAN_BYTES = 15 * 1024 * 1024;
const CREDIT_STEP_BYTES = 4 * 1024 * 1024;
const [UNCHOKE, INTERESTED, REQUEST, PIECE] = [1, 2, 6, 7];
/** Lengths: of what stands before a message, of a block's header with it, of a handshake. */
const [PREFIX, HEADER, HANDSHAKE, REQUEST_BYTES] = [4, 13, 68, 17];

onmessage = async ({ data: task }) => {
  const { pieceLength, hashes } = read(new Uint8Array(await (await fetch(task.torrent)).arrayBuffer()));
  const keeper = new Worker('./least-keeper.js', { type: 'module' });
  const download = new Download(task, pieceLength, keeper);
  keeper.onmessage = ({ data }) => postMessage({ ...data, seconds: (performance.now() - download.began) / 1000 });
  keeper.postMessage({ hashes, pieceLength, bytes: task.bytes, storage: task.storage });
  const control = new WebSocket(`${task.relay}/v1/swarm`);
  const join = { type: 'join', info_hash: task.infoHash, trackers: task.trackers, left: task.bytes, reachable: false };
  control.onopen = () => control.send(JSON.stringify(join));
  control.onmessage = ({ data }) => {
    const { type, peers } = JSON.parse(data);
    if (type === 'peers' && peers.length > 0) download.start(peers[0].ticket);
  };
};

/** What it takes of a .torrent, which is known to be right. */
function read(torrent) {
  const text = new TextDecoder('latin1').decode(torrent);
  const [, pieceLength] = /12:piece lengthi(\d+)e/.exec(text);
  const pieces = /6:pieces(\d+):/.exec(text);
  const at = pieces.index + pieces[0].length;
  return { pieceLength: Number(pieceLength), hashes: torrent.slice(at, at + Number(pieces[1])) };
}

class Download {
  #socket;
  #asked = 0;
  #out = 0;
  #consumed = 0;
  #handshake = HANDSHAKE;
  /** Of the message that is coming: its header, as far as it is there, and where its block goes. */
  #header = new Uint8Array(HEADER);
  #headed = 0;
  #left = 0;
  #piece;
  #at = 0;
  #pieces = new Map();

  constructor(task, pieceLength, keeper) {
    Object.assign(this, { task, pieceLength, keeper });
  }

  start(ticket) {
    if (this.#socket) return;
    const socket = this.#socket = new WebSocket(`${this.task.relay}/v1/peer`);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      const hello = new Uint8Array(HANDSHAKE + PREFIX + 1);
      hello.set([19, ...new TextEncoder().encode('BitTorrent protocol')]);
      hello.set(Uint8Array.from(this.task.infoHash.match(/../g), (hex) => parseInt(hex, 16)), 28);
      hello.set(crypto.getRandomValues(new Uint8Array(20)), 48);
      hello.set([0, 0, 0, 1, INTERESTED], HANDSHAKE);
      socket.send(ticket);
      socket.send(hello);
      socket.send(String(LOAN_BYTES));
    };
    socket.onmessage = ({ data }) => typeof data === 'string' || this.#receive(new Uint8Array(data));
    socket.onclose = ({ code }) => postMessage({ error: `closed with ${code}` });
  }

  #receive(bytes) {
    const skipped = Math.min(this.#handshake, bytes.length);
    this.#handshake -= skipped;
    for (let at = skipped; at < bytes.length;) {
      at += this.#left > 0 ? this.#content(bytes, at) : this.#begin(bytes, at);
    }
    this.#consumed += bytes.length;
    if (this.#consumed >= CREDIT_STEP_BYTES) {
      this.#socket.send(String(this.#consumed));
      this.#consumed = 0;
    }
    if (this.began && this.#out < REQUESTS_OUT * 7 / 8) this.#ask();
  }

  /** Takes a message's header in; how many bytes. */
  #begin(bytes, at) {
    const header = this.#header;
    const length = new DataView(header.buffer);
    const kind = this.#headed > PREFIX ? header[PREFIX] : undefined;
    const wanted = this.#headed < PREFIX ? PREFIX : kind === PIECE ? HEADER : PREFIX + 1;
    const taken = Math.min(wanted - this.#headed, bytes.length - at);
    header.set(bytes.subarray(at, at + taken), this.#headed);
    this.#headed += taken;
    // To keep the connection alive: nothing follows.
    if (this.#headed === PREFIX && length.getUint32(0) === 0) this.#headed = 0;
    if (this.#headed < PREFIX + 1 || (header[PREFIX] === PIECE && this.#headed < HEADER)) return taken;
    if (header[PREFIX] === UNCHOKE && !this.began) {
      this.began = performance.now();
      this.#ask();
    }
    this.#left = length.getUint32(0) - (this.#headed - PREFIX);
    if (header[PREFIX] === PIECE) this.#enter(length.getUint32(5), length.getUint32(9));
    this.#headed = 0;
    return taken;
  }

  #enter(index, begin) {
    const size = Math.min(this.pieceLength, this.task.bytes - index * this.pieceLength);
    const piece = this.#pieces.get(index) ?? { index, content: new Uint8Array(size), missing: size };
    this.#pieces.set(index, piece);
    [this.#piece, this.#at] = [piece, begin];
    this.#out -= 1;
  }

  /** Takes in what belongs to the message; how many bytes. */
  #content(bytes, at) {
    const taken = Math.min(this.#left, bytes.length - at);
    const piece = this.#piece;
    piece?.content.set(bytes.subarray(at, at + taken), this.#at);
    this.#at += taken;
    this.#left -= taken;
    if (piece) piece.missing -= taken;
    if (this.#left === 0) this.#piece = undefined;
    if (piece?.missing === 0) {
      this.#pieces.delete(piece.index);
      this.keeper.postMessage(piece, [piece.content.buffer]);
    }
    return taken;
  }

  #ask() {
    const count = Math.min(REQUESTS_OUT - this.#out, Math.ceil((this.task.bytes - this.#asked) / BLOCK_BYTES));
    const requests = new DataView(new ArrayBuffer(count * REQUEST_BYTES));
    for (let at = 0; at < requests.byteLength; at += REQUEST_BYTES) {
      const begin = this.#asked % this.pieceLength;
      const length = Math.min(BLOCK_BYTES, this.pieceLength - begin, this.task.bytes - this.#asked);
      requests.setUint32(at, REQUEST_BYTES - PREFIX);
      requests.setUint8(at + PREFIX, REQUEST);
      requests.setUint32(at + 5, Math.floor(this.#asked / this.pieceLength));
      requests.setUint32(at + 9, begin);
      requests.setUint32(at + 13, length);
      this.#asked += length;
    }
    this.#out += count;
    if (count > 0) this.#socket.send(requests);
  }
}

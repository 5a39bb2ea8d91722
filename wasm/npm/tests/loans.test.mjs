// How much a relay may send before the page has consumed it: what each socket is lent, and all together.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { source } from './support/source.mjs';

const MEBIBYTE = 1024 * 1024;
const MESSAGE_BYTES = 256 * 1024;
const MAX_LOAN_BYTES = 7 * MEBIBYTE;
const MAX_LOANS_BYTES = 14 * MEBIBYTE;

/** Bytes that the engine was given, by socket. */
const received = new Map();
let DataSocket, Loans;
let sockets = 0;

before(async () => {
  globalThis.engineHears = (what, socket, bytes) => {
    if (what === 'Received') received.set(socket, (received.get(socket) ?? 0) + bytes);
  };
  ({ DataSocket } = await source('worker/data-socket.ts'));
  ({ Loans } = await source('worker/loans.ts'));
});

/** A data socket whose relay is the test itself. */
function connection(loans) {
  const number = ++sockets;
  let [credits, credited] = [0, 0];
  const credit = (said) => {
    credits += Number(said);
    credited = received.get(number);
  };
  const socket = { readyState: 1, send: credit, close() {} };
  const it = new DataSocket(number, loans, () => {}, true);
  it.start({ socket: () => socket }, { url: 'ws://relay.test', ticket: '0' });
  return {
    bring(bytes) {
      for (let left = bytes; left > 0; left -= MESSAGE_BYTES) {
        socket.onmessage({ data: new ArrayBuffer(Math.min(left, MESSAGE_BYTES)) });
      }
    },
    message: (data) => socket.onmessage({ data }),
    /** The relay closes it. */
    end: () => socket.onclose({ code: 1000 }),
    /** The page does. */
    close: () => it.close(),
    /** What it was credited beyond what it had brought by then. */
    get lent() {
      return credits - credited;
    },
    /** What it had brought when it was last credited. */
    get credited() {
      return credited;
    },
    get received() {
      return received.get(number) ?? 0;
    },
  };
}

test('who brings much is lent as much again as it brought, and never more than 7 MiB', () => {
  const one = connection(new Loans());
  for (const bytes of [MESSAGE_BYTES, MEBIBYTE, 2 * MEBIBYTE]) {
    one.bring(bytes);
    assert.ok(one.credited > 0);
    assert.equal(one.lent, one.credited);
  }
  one.bring(100 * MEBIBYTE);
  assert.equal(one.lent, MAX_LOAN_BYTES);
});

test('a quarter of what may be under way is credited at once, with the loan', () => {
  const one = connection(new Loans());
  for (let turn = 0; turn < 400; turn += 1) {
    const window = MEBIBYTE + one.lent;
    one.bring(MESSAGE_BYTES);
    assert.ok(one.received - one.credited < window / 4, `${one.received} came, ${one.credited} are credited`);
  }
  one.bring(MESSAGE_BYTES);
  assert.ok(one.received - one.credited > 0, 'each message is credited by itself');
});

test('who brings little is lent nothing', () => {
  const loans = new Loans();
  const quiet = connection(loans);
  quiet.message(new ArrayBuffer(16 * 1024));
  assert.ok(quiet.lent <= 0);
  assert.equal(loans.take(Infinity), MAX_LOANS_BYTES);
});

test('all sockets together are lent 14 MiB, and are credited all the same what they brought', () => {
  const loans = new Loans();
  const many = Array.from({ length: 10 }, () => connection(loans));
  for (let turn = 0; turn < 40; turn += 1) many.forEach((each) => each.bring(MEBIBYTE));
  assert.equal(many.reduce((sum, { lent }) => sum + lent, 0), MAX_LOANS_BYTES);
  assert.ok(many.every(({ lent }) => lent >= 0 && lent <= MAX_LOAN_BYTES));
  const late = connection(loans);
  late.bring(20 * MEBIBYTE);
  assert.equal(late.lent, 0);
});

test('what a socket was lent goes to others once it has ended, and only once', () => {
  const loans = new Loans();
  const [first, second] = [connection(loans), connection(loans)];
  first.bring(20 * MEBIBYTE);
  second.bring(20 * MEBIBYTE);
  assert.equal(loans.take(1), 0);
  first.end();
  first.close();
  // What was under way is nobody's any more.
  first.bring(20 * MEBIBYTE);
  const third = connection(loans);
  third.bring(20 * MEBIBYTE);
  assert.equal(third.lent, MAX_LOAN_BYTES);
  assert.equal(loans.take(1), 0);
  second.close();
  third.end();
  assert.equal(loans.take(Infinity), MAX_LOANS_BYTES);
});

test('a message’s memory is given back as soon as it was read', () => {
  const message = new ArrayBuffer(MESSAGE_BYTES);
  const one = connection(new Loans());
  one.message(message);
  assert.equal(one.received, MESSAGE_BYTES);
  assert.equal(message.byteLength, 0);
});
